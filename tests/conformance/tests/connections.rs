//! What takes more than one request, or more than one connection, on each framework.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a test fails by a panic"
)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use parking_lot::Mutex;
use rampart_conformance::apps::{CORE, FRAMEWORKS};
use rampart_conformance::case::{App, Case};
use rampart_conformance::fixture::{FIXTURE, NOW, builder};
use rampart_conformance::subject::{Framework, Subject};
use rampart_conformance::wire::{Connection, Reply, at_once, on_each_connection};
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer, SigningKey};

/// Tests with their names, which are those of the functions.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        &[$((stringify!($test), $test)),*]
    };
}

type OfFramework = fn(&Framework);

const ON_EACH_FRAMEWORK: &[(&str, OfFramework)] = tests![
    one_connection_serves_every_outcome_in_turn,
    pipelined_requests_are_answered_in_turn,
    request_may_come_byte_by_byte,
    expectation_of_100_continue_is_refused_or_met,
    body_that_nobody_reads_does_no_harm,
    preflight_needs_no_token_where_cors_is_outside,
    rejections_are_readable_across_origins,
    http_2_with_prior_knowledge_reaches_nothing,
    no_token_makes_the_server_connect_anywhere,
    x03_token_with_one_character_changed_is_refused,
    thousand_requests_at_once_get_each_its_own_answer,
    thousand_first_requests_make_one_fetch,
];

const ON_ALL_AT_ONCE: &[(&str, fn())] = tests![x01_arbitrary_values_are_answered_alike_and_none_is_a_500];

fn main() {
    let each = FRAMEWORKS.iter().flat_map(|framework| {
        ON_EACH_FRAMEWORK.iter().map(move |(name, run)| {
            Trial::test(format!("on_{}::{name}", framework.name), move || {
                run(framework);
                Ok(())
            })
        })
    });
    let at_once = ON_ALL_AT_ONCE.iter().map(|(name, run)| {
        Trial::test(*name, move || {
            run();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), each.chain(at_once).collect()).exit();
}

/// Requests with their statuses and the beginnings of their bodies.
fn outcomes() -> Vec<(Vec<u8>, u16, &'static str)> {
    let sign = |token: rampart_issuer::TokenBuilder| token.sign().unwrap();
    let token = sign(FIXTURE.token());
    let get = |path| Case::get("outcome", path);
    [
        (get("/protected"), 401, "{\"error\":\"unauthorized\""),
        (get("/protected").bearer(&token), 200, "ada roles=user scope="),
        (get("/role").bearer(&token), 403, "{\"error\":\"insufficient_role\""),
        (get("/protected").bearer(&token).bearer(&token), 400, "{\"error\":\"invalid_request\""),
        (get("/protected").bearer("forged"), 401, "{\"error\":\"invalid_token\""),
        (get("/protected").method("HEAD"), 401, ""),
        (get("/protected").method("HEAD").bearer(&token), 200, ""),
        (get("/layered"), 401, "{\"error\":\"unauthorized\""),
        (get("/layered").bearer(&token), 200, "ada roles=user scope="),
        (get("/protected").bearer(&sign(FIXTURE.token().at(NOW - 2000))), 401, "{\"error\":\"token_expired\""),
        (get("/protected").form("a=b"), 401, "{\"error\":\"unauthorized\""),
        (get("/protected").form("a=b").bearer(&token), 200, "ada roles=user scope="),
        (get("/custom/role").bearer(&token), 403, "custom: insufficient_role"),
        (get("/optional"), 200, "anonymous"),
        (get("/public"), 200, "public"),
    ]
    .map(|(case, status, body)| (case.request("outcome"), status, body))
    .into()
}

fn is(reply: &Reply, status: u16, body: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.body.starts_with(body) && reply.body.is_empty() == body.is_empty(), "{body}: {reply:?}");
}

/// R6.
fn one_connection_serves_every_outcome_in_turn(framework: &Framework) {
    let mut connection = Connection::open(framework.address(App::Plain)).unwrap();
    for _ in 0..3 {
        for (request, status, body) in outcomes() {
            let reply = connection.ask(&request).unwrap();
            is(&reply, status, body);
            if reply.closes() {
                // actix-web does, and says so, where a body was sent that nobody has read.
                assert!(request.starts_with(b"POST "), "{reply:?}");
                connection = Connection::open(framework.address(App::Plain)).unwrap();
            }
        }
    }
}

fn pipelined_requests_are_answered_in_turn(framework: &Framework) {
    let mut outcomes = outcomes();
    // Out of this: what actix-web may close the connection after, and pipelined HEAD requests, to which its HTTP layer sends
    // a body (it remembers the method of the request that it has read last, not of the one that it answers).
    outcomes.retain(|(request, ..)| request.starts_with(b"GET "));
    let requests: Vec<_> = outcomes.iter().map(|(request, ..)| request.clone()).collect();
    let replies = at_once(framework.address(App::Plain), &requests, requests.len());
    for (reply, (_, status, body)) in replies.iter().zip(outcomes) {
        is(reply, status, body);
    }
}

fn request_may_come_byte_by_byte(framework: &Framework) {
    let token = FIXTURE.token().sign().unwrap();
    let mut connection = Connection::open(framework.address(App::Plain)).unwrap();
    for (value, status, body) in [(format!("Bearer {token}"), 200, "ada"), ("Bearer x".into(), 401, "{")] {
        for byte in Case::get("bytes", "/protected").value(value).request("bytes") {
            connection.send(&[byte]).unwrap();
        }
        is(&connection.receive(false).unwrap(), status, body);
    }
}

fn expectation_of_100_continue_is_refused_or_met(framework: &Framework) {
    let mut connection = Connection::open(framework.address(App::Plain)).unwrap();
    let head = "POST /protected HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n";
    connection.send(head.as_bytes()).unwrap();
    let mut reply = connection.receive(false).unwrap();
    if reply.status == 100 {
        // Rocket looks at the body before it looks for a route. A server that has refused by now may have closed.
        let _ = connection.send(&[b'x'; 1000]);
        reply = connection.receive(false).unwrap();
    }
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer realm=\"default\"")));
}

fn body_that_nobody_reads_does_no_harm(framework: &Framework) {
    let mut connection = Connection::open(framework.address(App::Plain)).unwrap();
    let length = 100_000;
    let mut request =
        Case::get("body", "/protected").method("POST").line(format!("Content-Length: {length}")).request("body");
    request.extend(vec![b'x'; length]);
    let reply = connection.ask(&request).unwrap();
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer realm=\"default\"")));
    // The body is not taken for the next request: the connection goes on behind it, or is closed.
    match connection.ask(&Case::get("body", "/public").request("body")) {
        Ok(reply) => is(&reply, 200, "public"),
        Err(error) => assert!(!matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::WouldBlock), "{error}"),
    }
}

const ORIGIN: &str = "https://web.example";

/// H20.
fn preflight_needs_no_token_where_cors_is_outside(framework: &Framework) {
    for path in ["/protected", "/role", "/layered", "/layered/role"] {
        let preflight = Case::get("preflight", path)
            .method("OPTIONS")
            .line(format!("Origin: {ORIGIN}"))
            .line("Access-Control-Request-Method: GET")
            .line("Access-Control-Request-Headers: authorization");
        let reply =
            Connection::open(framework.address(App::Cors)).unwrap().ask(&preflight.request("preflight")).unwrap();
        assert!(matches!(reply.status, 200 | 204), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN), "{reply:?}");
        let allowed = reply.header("access-control-allow-headers").unwrap_or_default();
        assert!(allowed.split(',').any(|name| name.trim().eq_ignore_ascii_case("authorization")), "{reply:?}");
        assert_eq!(reply.header("www-authenticate"), None);
    }
}

fn rejections_are_readable_across_origins(framework: &Framework) {
    let address = framework.address(App::Cors);
    let plain = framework.address(App::Plain);
    let ask = |address, case: &Case| Connection::open(address).unwrap().ask(&case.request("cors")).unwrap();
    for (path, status) in [("/protected", 401), ("/layered", 401), ("/role", 403), ("/layered/role", 403)] {
        let mut case = Case::get("cors", path).line(format!("Origin: {ORIGIN}"));
        if status == 403 {
            case = case.bearer(&FIXTURE.token().sign().unwrap());
        }
        let (reply, without) = (ask(address, &case), ask(plain, &case));
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN), "{path}: {reply:?}");
        // It is the same answer as without CORS.
        assert_eq!((reply.status, &reply.body), (without.status, &without.body));
        for name in ["content-type", "cache-control", "www-authenticate"] {
            assert_eq!(reply.header(name), without.header(name), "{name}");
        }
        assert_eq!(without.header("access-control-allow-origin"), None);
    }
}

/// H20.
fn http_2_with_prior_knowledge_reaches_nothing(framework: &Framework) {
    let mut connection = Connection::open(framework.address(App::Plain)).unwrap();
    // The preface, and an empty SETTINGS frame.
    let reply = connection.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    assert!(reply.as_ref().map_or(true, |reply| reply.status >= 400), "{reply:?}");
}

/// R6, A13, A23.
fn no_token_makes_the_server_connect_anywhere(framework: &Framework) {
    let trap = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", trap.local_addr().unwrap());
    // An issuer of its own, which no other test makes anybody ask.
    let issuer = FIXTURE.wait(LocalIssuer::start()).unwrap();
    let published = issuer.add_key(Algorithm::ES256).unwrap();
    let impostor = SigningKey::generate(Algorithm::ES256, published.kid()).unwrap();
    let auth = builder(&issuer, issuer.audience()).build().unwrap();
    FIXTURE.wait(auth.warm_up()).unwrap();
    let address = (framework.start)(App::Plain, &auth);
    let before = issuer.requests(Endpoint::Jwks);
    let token = || issuer.token().sub("ada").at(NOW).issued_at(NOW - 600);
    let good = Case::get("trap", "/protected").bearer(&token().key(&published).sign().unwrap()).request("trap");
    is(&Connection::open(address).unwrap().ask(&good).unwrap(), 200, "ada ");
    let forged = token().key(&impostor);
    let unknown = token().key(&FIXTURE.stranger).issuer(&url);
    for token in [
        forged.clone().header("jku", &url),
        forged.clone().header("x5u", &url),
        forged.header("jku", &url).header("jwk", impostor.public_jwk()).issuer(&url),
        unknown.clone().header("jku", &url),
        unknown.kid(&url),
    ] {
        for path in ["/protected", "/optional", "/layered"] {
            let request = Case::get("trap", path).bearer(&token.sign().unwrap()).request("trap");
            let reply = Connection::open(address).unwrap().ask(&request).unwrap();
            is(&reply, 401, "{\"error\":\"invalid_token\"");
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(trap.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(issuer.requests(Endpoint::Jwks), before, "a foreign token makes nobody ask our issuer");
}

fn x03_token_with_one_character_changed_is_refused(framework: &Framework) {
    let token = FIXTURE.token().sign().unwrap();
    let mut connection = Connection::open(framework.address(App::Plain)).unwrap();
    let mut ask = |token: &str| connection.ask(&Case::get("x03", "/protected").bearer(token).request("x03")).unwrap();
    is(&ask(&token), 200, "ada ");
    let refusal = ask("forged");
    for at in 0..token.len() {
        let own = &token[at..=at];
        for other in [if own == "A" { "B" } else { "A" }, ".", ""] {
            if own != other {
                let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
                assert_eq!(ask(&changed).contract(), refusal.contract(), "character {at}: {own:?} became {other:?}");
            }
        }
    }
    is(&ask(&token), 200, "ada ");
}

/// Pieces of what a good value is made of, and bytes that HTTP lets through, in any order; the same ones each time.
fn generated_values(count: usize) -> impl Iterator<Item = Vec<u8>> {
    let token = FIXTURE.token().sign().unwrap();
    let good = format!("Bearer {token}");
    let beginnings = [b"".as_slice(), b"Bearer ", b"bearer  ", good.as_bytes()].map(<[u8]>::to_vec);
    let pieces: Vec<Vec<u8>> =
        ["Bearer", "bearer ", "Basic ", " ", "\t", ".", "=", ",", ";", "\"", "~", "é", token.as_str(), good.as_str()]
            .into_iter()
            .chain(token.split('.'))
            .map(|piece| piece.as_bytes().to_vec())
            .collect();
    // Neither a control character nor DEL.
    let printable: Vec<u8> = (b' '..=b'~').chain(0x80..=0xff).collect();
    // Xorshift: the numbers only have to be spread.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    (0..count).map(move |_| {
        let mut value = beginnings[next(beginnings.len())].clone();
        for _ in 0..next(4) {
            match next(pieces.len() + 4) {
                which if which < pieces.len() => value.extend(&pieces[which]),
                _ => value.extend((0..=next(6)).map(|_| printable[next(printable.len())])),
            }
        }
        value
    })
}

/// R6, X02.
fn x01_arbitrary_values_are_answered_alike_and_none_is_a_500() {
    let ask = |subject: &dyn Subject, case: &Case| {
        let reply = subject.answer(case).reply;
        reply.unwrap_or_else(|| panic!("{} gave no answer: {case:?}", subject.name()))
    };
    let mut outcomes = BTreeMap::new();
    for value in generated_values(1000) {
        let case = Case::get("generated", "/protected").value(&value).passes("");
        let reply = ask(CORE, &case);
        assert!(matches!(reply.status, 200 | 401), "{reply:?}: {case:?}");
        let is_utf_8 = std::str::from_utf8(&value).is_ok();
        for framework in FRAMEWORKS {
            let own = ask(framework, &case);
            if is_utf_8 || !framework.drops_what_is_not_utf_8 {
                assert_eq!(own.contract(), reply.contract(), "{}: {case:?}", framework.name);
            } else {
                assert_eq!(own.status, 401, "{}: {own:?} {case:?}", framework.name);
            }
        }
        *outcomes.entry((reply.status, reply.body.contains("invalid_token"))).or_insert(0) += 1;
    }
    // Good values, malformed ones, and such as carry no token.
    assert!(outcomes.len() == 3 && outcomes.values().all(|count| *count > 50), "{outcomes:?}");
}

/// One framework at a time, for the sake of open files.
static CROWD: Mutex<()> = Mutex::new(());

fn thousand_requests_at_once_get_each_its_own_answer(framework: &Framework) {
    let _alone = CROWD.lock();
    let address = framework.address(App::Plain);
    let expired = FIXTURE.token().at(NOW - 2000).sign().unwrap();
    let requests: Vec<_> = (0..1000)
        .map(|number| {
            let token = FIXTURE.token().sub(&format!("user-{number}")).sign().unwrap();
            let case = match number % 5 {
                0 | 1 => Case::get("crowd", "/protected").bearer(&token),
                2 => Case::get("crowd", "/layered").bearer(&token),
                3 => Case::get("crowd", "/role").bearer(&token),
                _ => Case::get("crowd", "/protected").bearer(&expired),
            };
            case.request("crowd")
        })
        .collect();
    for (number, reply) in at_once(address, &requests, on_each_connection()).iter().enumerate() {
        match number % 5 {
            0..=2 => is(reply, 200, &format!("user-{number} ")),
            3 => is(reply, 403, "{\"error\":\"insufficient_role\""),
            _ => is(reply, 401, "{\"error\":\"token_expired\""),
        }
    }
}

/// S17.
fn thousand_first_requests_make_one_fetch(framework: &Framework) {
    let _alone = CROWD.lock();
    let issuer = FIXTURE.wait(LocalIssuer::start()).unwrap();
    let auth = builder(&issuer, issuer.audience()).build().unwrap();
    let address = (framework.start)(App::Plain, &auth);
    let paths = ["/protected", "/layered", "/optional", "/several", "/layered/guard"];
    let token = |number: usize| issuer.token().at(NOW).sub(&format!("user-{number}")).roles(["admin"]).sign().unwrap();
    // RSA signatures are slow to make: each token is used four times.
    let tokens: Vec<_> = (0..250).map(token).collect();
    let requests: Vec<_> = (0..1000)
        .map(|number| Case::get("first", paths[number % 5]).bearer(&tokens[number % 250]).request("first"))
        .collect();
    // Nothing is fetched before it is needed.
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    for (number, reply) in at_once(address, &requests, on_each_connection()).iter().enumerate() {
        is(reply, 200, &format!("user-{} ", number % 250));
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}
