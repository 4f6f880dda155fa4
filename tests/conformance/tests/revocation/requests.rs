//! The request itself: what HTTP lets anybody send to an address that asks for no access token.

use rampart_issuer::{Endpoint, TokenBuilder, base64url};

use crate::Ground;
use crate::world::{Answer, FORM, LOGOUT, World, done, failed, post, refused};

fn parameter(token: &TokenBuilder) -> String {
    format!("logout_token={}", token.sign().unwrap())
}

fn not_post() -> Answer {
    let (status, mut headers, body) = failed(405, "invalid_request", "A logout request is a POST");
    headers.insert(0, ("allow".to_owned(), "POST".to_owned()));
    (status, headers, body)
}

pub(crate) fn rv25_other_methods_are_told_that_it_is_post(ground: Ground) {
    let world = World::new(ground);
    let form = parameter(&world.logout());
    let request = |method: &str, target: &str| -> Vec<u8> {
        let length = form.len();
        format!("{method} {target} HTTP/1.1\r\nHost: api.test\r\n{FORM}\r\nContent-Length: {length}\r\n\r\n{form}")
            .into()
    };
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD"] {
        for target in [LOGOUT.to_owned(), format!("{LOGOUT}?{form}"), format!("/auth{LOGOUT}")] {
            let (status, headers, mut body) = not_post();
            if method == "HEAD" {
                body.clear();
            }
            let reply = world.connect().ask(&request(method, &target)).unwrap();
            assert_eq!(world.shown(&reply), (status, headers, body), "{method} {target}");
        }
    }
    for method in ["GET", "HEAD", "OPTIONS"] {
        let bare = format!("{method} {LOGOUT} HTTP/1.1\r\nHost: api.test\r\n\r\n");
        assert_eq!(world.connect().ask(bare.as_bytes()).unwrap().status, 405, "{method}");
    }
    world.nothing_is_revoked("nor does any of them");
}

pub(crate) fn rv25_body_is_one_form_with_one_logout_token(ground: Ground) {
    let world = World::new(ground);
    let token = world.logout().sign().unwrap();
    let good = format!("logout_token={token}");
    let json = format!(r#"{{"logout_token":"{token}"}}"#);
    let multipart = format!("--x\r\nContent-Disposition: form-data; name=\"logout_token\"\r\n\r\n{token}\r\n--x--\r\n");
    let twice = format!("{FORM}\r\n{FORM}");
    let in_query = format!("{LOGOUT}?{good}");
    for (target, line, body) in [
        (LOGOUT, "Content-Type: application/json", json.as_str()),
        (LOGOUT, FORM, &json),
        (LOGOUT, "Content-Type: multipart/form-data; boundary=x", &multipart),
        (LOGOUT, "Content-Type: multipart/form-data; boundary=x", &good),
        (LOGOUT, "Content-Type: text/plain", &good),
        (LOGOUT, "Content-Type: application/logout+jwt", &token),
        (LOGOUT, "Content-Type:", &good),
        (LOGOUT, "X-Nothing: x", &good),
        (LOGOUT, &twice, &good),
        (LOGOUT, FORM, &format!("{good}&{good}")),
        (LOGOUT, FORM, &format!("{good}&logout%5Ftoken=x")),
        (LOGOUT, FORM, &format!("LOGOUT_TOKEN={token}")),
        (LOGOUT, FORM, "logout_token="),
        (LOGOUT, FORM, ""),
        (LOGOUT, "X-Nothing: x", ""),
        (&in_query, FORM, ""),
        (&in_query, FORM, "state=x"),
        (LOGOUT, &format!("{FORM}\r\nContent-Encoding: gzip"), "\u{1f}\u{8b}"),
    ] {
        assert_eq!(world.post(target, &[line], body), refused(), "{target:.30} {line} {body:.40}");
    }
    world.nothing_is_revoked("none of them counts");
    for (target, line, body) in [
        (LOGOUT, FORM, format!("state=x&{good}&a=b&_method=put")),
        (&*format!("{LOGOUT}?state=x&logout_token=x"), FORM, good.clone()),
        (LOGOUT, "Content-Type: Application/X-WWW-Form-Urlencoded; charset=UTF-8", good.clone()),
        (LOGOUT, FORM, good.replace('_', "%5F").replacen("%5F", "_", 1).replace('.', "%2E")),
    ] {
        assert_eq!(world.post(target, &[line], &body), done(), "{target:.30} {line} {body:.40}");
    }
    assert!(!world.passes(&world.access()));
}

pub(crate) fn rv25_what_a_browser_adds_decides_nothing(ground: Ground) {
    let world = World::new(ground);
    let browsers = [
        FORM,
        "Cookie: session=s-1; token=x; logout_token=x",
        "Origin: https://evil.example",
        "Referer: https://evil.example/",
        "Sec-Fetch-Site: cross-site",
        "Authorization: Bearer forged",
        "DPoP: forged",
        "X-HTTP-Method-Override: DELETE",
    ];
    assert_eq!(world.post(LOGOUT, &browsers, "a=b"), refused());
    world.nothing_is_revoked("by a cookie");
    assert_eq!(world.post(LOGOUT, &browsers, &parameter(&world.logout())), done());
    assert!(!world.passes(&world.access()));
}

/// By such a field, where it is the first of a form, Rocket takes a request for one of another method, which is then no logout.
pub(crate) fn rv25_first_field_of_a_form_that_names_a_method_is_rockets(ground: Ground) {
    let world = World::new(ground);
    let is_rocket = ground.framework.name == "rocket";
    for (method, is_other) in [("put", true), ("GET", true), ("delete", true), ("post", false), ("nothing", false)] {
        let form = format!("_method={method}&{}", parameter(&world.logout()));
        let expected = if is_rocket && is_other { not_post() } else { done() };
        assert_eq!(world.post(LOGOUT, &[FORM], &form), expected, "{method}");
    }
}

pub(crate) fn rv25_flood_of_key_ids_asks_the_issuer_no_more_than_tokens_may(ground: Ground) {
    let world = World::new(ground);
    let before = world.issuer.requests(Endpoint::Jwks);
    let mut connection = world.connect();
    let payload = base64url(world.logout().payload());
    let (mut refused_of, mut unavailable) = (0, 0);
    for number in 0..1_000 {
        // No key is there that could tell what the signature is worth.
        let header = base64url(format!(r#"{{"alg":"ES256","kid":"kid-{number}"}}"#));
        let form = format!("logout_token={header}.{payload}.AAAA");
        match world.shown(&connection.ask(&post(LOGOUT, &[FORM], &form)).unwrap()) {
            answer if answer == refused() => refused_of += 1,
            (503, ..) => unavailable += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(world.issuer.requests(Endpoint::Jwks) - before <= 3);
    // Those few that were looked for are known to be none; of the others nobody knows, and one may be genuine.
    assert!(refused_of <= 3 && refused_of + unavailable == 1_000, "{refused_of} {unavailable}");
    world.nothing_is_revoked("by a flood");
    assert_eq!(world.send(&world.logout()), done());
}

/// A method that Rocket does not know it answers itself.
pub(crate) fn rv25_method_that_a_framework_may_not_know_signs_nobody_out(ground: Ground) {
    let world = World::new(ground);
    let form = parameter(&world.logout());
    for method in ["PROPFIND", "QUERY", "post"] {
        let length = form.len();
        let head = format!("{method} {LOGOUT} HTTP/1.1\r\nHost: api.test\r\n{FORM}\r\nContent-Length: {length}");
        let reply = world.connect().ask(format!("{head}\r\n\r\n{form}").as_bytes()).unwrap();
        if ground.framework.name == "rocket" {
            assert_eq!(reply.status, 400, "{method}: {reply:?}");
        } else {
            assert_eq!(world.shown(&reply), not_post(), "{method}");
        }
    }
    world.nothing_is_revoked("by any of them");
}

/// Of two fields Rocket leaves out one that is not UTF-8.
pub(crate) fn rv25_content_type_is_that_of_a_form_whatever_bytes_it_has(ground: Ground) {
    let world = World::new(ground);
    let form = parameter(&world.logout());
    let ask = |lines: &[u8]| {
        let head = format!("POST {LOGOUT} HTTP/1.1\r\nHost: api.test\r\nContent-Length: {}\r\n", form.len());
        let request = [head.as_bytes(), lines, b"\r\n\r\n", form.as_bytes()].concat();
        world.shown(&world.connect().ask(&request).unwrap())
    };
    for value in [
        &b"\xff"[..],
        b"application/x-www-form-urlencoded; x=\xff",
        "application/x-www-form-urlencoded; x=\u{e4}".as_bytes(),
        b"application/x-www-form-urlencoded, text/plain",
        b";application/x-www-form-urlencoded",
        b"\"application/x-www-form-urlencoded\"",
    ] {
        let what = String::from_utf8_lossy(value);
        assert_eq!(ask(&[b"Content-Type: ", value].concat()), refused(), "{what}");
    }
    world.nothing_is_revoked("by none of them");
    for value in [&b"\tapplication/x-www-form-urlencoded\t ; a=b"[..], b"application/x-www-form-urlencoded;"] {
        assert_eq!(ask(&[b"Content-Type:", value].concat()), done(), "{}", String::from_utf8_lossy(value));
    }
    let second = ask(&[FORM.as_bytes(), b"\r\nContent-Type: \xff"].concat());
    assert_eq!(second, if ground.framework.name == "rocket" { done() } else { refused() });
}

pub(crate) fn rv25_handler_may_stand_in_groups_of_routes(ground: Ground) {
    let within = match ground.framework.name {
        "axum" => ["/auth/backchannel-logout", "/without-state"],
        "actix" => ["/auth/backchannel-logout", "/auth/within/deeper"],
        "rocket" => ["/auth/backchannel-logout", "/with-a-slash/"],
        other => panic!("{other}"),
    };
    for target in within {
        let world = World::new(ground);
        assert!(world.passes(&world.access()));
        assert_eq!(world.post(target, &[FORM], "logout_token=x"), refused(), "{target}");
        assert_eq!(world.post(target, &[FORM], &parameter(&world.logout())), done(), "{target}");
        assert!(!world.passes(&world.access()), "{target}");
    }
}

/// To Rocket a path with a slash at its end is the same one.
pub(crate) fn rv25_path_is_the_one_that_was_given(ground: Ground) {
    let world = World::new(ground);
    let form = parameter(&world.logout());
    for target in ["/backchannel-logout/x", "/Backchannel-Logout", "/backchannel-logout//x", "/auth", "/"] {
        let reply = world.connect().ask(&post(target, &[FORM], &form)).unwrap();
        assert_eq!(reply.status, 404, "{target}: {reply:?}");
    }
    world.nothing_is_revoked("elsewhere");
    let reply = world.connect().ask(&post("/backchannel-logout/", &[FORM], &form)).unwrap();
    assert_eq!(reply.status, if ground.framework.name == "rocket" { 200 } else { 404 }, "{reply:?}");
    assert_eq!(world.send(&world.logout()), done());
}
