//! The introspection endpoint: what it says of tokens (RFC 7662), and what can be wrong with that.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::time::Duration;

use rampart_issuer::{Algorithm, DpopKey, Endpoint, Fault, LocalIssuer, Shape, SigningKey, base64url};
use serde_json::{Value, json};
use support::{asked, asking, client, discovery_url, get, inactive, issuer, names, now, parts, said, within};

#[tokio::test]
async fn an_opaque_token_is_active_and_says_whose_it_is() {
    let issuer = issuer().await;
    let token = issuer.opaque().issue();
    assert!(token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    let answer = said(&issuer, &token).await;
    assert_eq!(names(&answer), ["active", "scope", "client_id", "sub", "aud", "iss", "exp", "iat", "token_type"]);
    let issued_at = answer["iat"].as_u64().unwrap();
    assert!((now() - 60..=now()).contains(&issued_at));
    let expected = json!({
        "active": true, "scope": "openid", "client_id": "task-api", "sub": "0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01",
        "aud": ["task-api"], "iss": issuer.url(), "exp": issued_at + 900, "iat": issued_at, "token_type": "Bearer",
    });
    assert_eq!(answer, expected);
    assert_ne!(issuer.opaque().issue(), token);
    assert_eq!(said(&issuer, &format!("{token}x")).await, inactive());
    issuer.issues_as("https://login.example/tenant");
    assert_eq!(said(&issuer, &issuer.opaque().issue()).await["iss"], "https://login.example/tenant");
}

#[tokio::test]
async fn text_and_answer_of_an_opaque_token_can_be_anything() {
    let issuer = issuer().await;
    let key = DpopKey::generate().unwrap();
    let plain = issuer.opaque();
    let token = plain
        .clone()
        .prefix("ory_at_")
        .sub("ada")
        .scope("a b")
        .client_id("spa")
        .audience("one")
        .issuer("https://i.example")
        .at(1000)
        .issued_at(990)
        .expires_in(60)
        .bound_to(&key)
        .claim("x", [1])
        .without("active")
        .issue();
    assert!(token.starts_with("ory_at_"));
    let expected = json!({
        "scope": "a b", "client_id": "spa", "sub": "ada", "aud": "one", "iss": "https://i.example", "exp": 1050, "iat": 990,
        "token_type": "DPoP", "cnf": {"jkt": key.thumbprint()}, "x": [1],
    });
    assert_eq!(said(&issuer, &token).await, expected);

    for text in ["a.b.c", "../../etc/passwd", "a+/~=", "0", "ä &%=", &"x".repeat(4096)] {
        assert_eq!(plain.clone().text(text).sub(text).issue(), text);
        assert_eq!(said(&issuer, text).await["sub"], text);
    }
    let encrypted = plain.clone().encrypted().issue();
    let parts: Vec<_> = encrypted.split('.').collect();
    assert_eq!((parts.len(), parts[0]), (5, &*base64url(r#"{"alg":"A256GCMKW","enc":"A256GCM"}"#)));
    assert_eq!(said(&issuer, &encrypted).await["active"], true);

    for body in [&b"{\"active\":true,\"active\":false}"[..], b"{\"active\":tru", b"", b"\xff"] {
        let answer = asked(&issuer, &plain.clone().raw_answer(body).issue()).await;
        assert_eq!((answer.status().as_u16(), answer.bytes().await.unwrap().as_ref()), (200, body));
    }
}

#[tokio::test]
async fn a_jwt_of_the_issuer_is_active_with_its_own_claims_until_it_expires() {
    let issuer = issuer().await;
    let rsa = issuer.add_key(Algorithm::PS384).unwrap();
    let stranger = SigningKey::generate(Algorithm::ES256, "es256-1").unwrap();
    let good = issuer.token().claim("jti", "1");
    for token in [good.clone(), good.clone().key(&rsa), good.clone().key(&rsa).algorithm(Algorithm::RS256)] {
        let token = token.sign().unwrap();
        let mut expected = parts(&token).1;
        expected["active"] = true.into();
        expected["token_type"] = "Bearer".into();
        assert_eq!(said(&issuer, &token).await, expected);
    }
    let bound = good.clone().bound_to(&DpopKey::generate().unwrap()).sign().unwrap();
    assert_eq!(said(&issuer, &bound).await["token_type"], "DPoP");
    assert_eq!(said(&issuer, &good.clone().without("exp").sign().unwrap()).await["active"], true);

    for token in [
        good.clone().at(1000),
        good.clone().claim("exp", now()),
        good.clone().key(&stranger),
        good.clone().tampered(),
        good.clone().raw_signature([]),
        good.clone().header("alg", "none"),
        good.clone().header("alg", "ES512"),
        good.clone().header("typ", "logout+jwt"),
        good.clone().header("typ", "token-introspection+jwt"),
        good.clone().raw_payload("[]"),
    ] {
        assert_eq!(said(&issuer, &token.sign().unwrap()).await, inactive(), "{token:?}");
    }
    let token = good.sign().unwrap();
    for text in ["", "a", "a.b", "a.b.c", "..", &format!("{token}."), token.rsplit_once('.').unwrap().0] {
        if !text.is_empty() {
            assert_eq!(said(&issuer, text).await, inactive(), "{text}");
        }
    }
    issuer.rotate().unwrap();
    assert_eq!(said(&issuer, &token).await, inactive(), "its key is gone");
}

#[tokio::test]
async fn every_algorithm_is_known_again() {
    let issuer = issuer().await;
    for algorithm in Algorithm::ALL {
        let key = issuer.add_key(*algorithm).unwrap();
        let token = issuer.token().key(&key);
        assert_eq!(said(&issuer, &token.sign().unwrap()).await["active"], true, "{algorithm}");
        assert_eq!(said(&issuer, &token.tampered().sign().unwrap()).await, inactive(), "{algorithm}");
    }
}

#[tokio::test]
async fn what_is_said_of_a_jwt_can_be_changed() {
    let issuer = issuer().await;
    let token = issuer.token().scope("a b").sign().unwrap();
    let own = said(&issuer, &token).await;
    assert_eq!(issuer.answer_for(&token).scope("a").issue(), token);
    let mut expected = own;
    expected["scope"] = "a".into();
    assert_eq!(said(&issuer, &token).await, expected);
    // Long gone, of whoever.
    let expired = issuer.token().at(1000).tampered().sign().unwrap();
    issuer.answer_for(&expired).issue();
    assert_eq!(said(&issuer, &expired).await["exp"], 1900);
}

#[tokio::test]
async fn a_revoked_token_is_inactive_at_once_and_can_be_issued_anew() {
    let issuer = issuer().await;
    let opaque = issuer.opaque();
    let tokens = [opaque.issue(), issuer.token().sign().unwrap(), issuer.opaque().raw_answer("{}").issue()];
    for token in &tokens {
        assert_ne!(said(&issuer, token).await, inactive());
        issuer.revoke(token);
        assert_eq!(said(&issuer, token).await, inactive());
    }
    opaque.issue();
    assert_eq!(said(&issuer, &tokens[0]).await["active"], true);
    assert_eq!(said(&issuer, &tokens[1]).await, inactive());
}

#[tokio::test]
async fn clients_authenticate_as_at_the_token_endpoint() {
    let issuer = issuer().await;
    let key = SigningKey::generate(Algorithm::ES256, "robot-key").unwrap();
    issuer.client_jwk("robot", key.public_jwk());
    let token = issuer.opaque().issue();
    let url = issuer.introspection_url();
    let ask = |form: &[(&str, &str)]| client().post(&url).form(&[&[("token", &*token)], form].concat());
    let by_jwt = |audience: &str| {
        let claims = issuer.token().key(&key).issuer("robot").sub("robot").audience(audience);
        let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        ask(&[kind, ("client_assertion", &claims.sign().unwrap())])
    };
    for good in [
        ask(&[]).basic_auth("service", Some("service-secret")),
        ask(&[("client_id", "service"), ("client_secret", "service-secret")]),
        by_jwt(&url),
        by_jwt(&issuer.token_url()),
        by_jwt(issuer.url()),
    ] {
        let answer = good.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.unwrap()["active"], true);
    }
    for wrong in [
        ask(&[]),
        ask(&[]).basic_auth("service", Some("wrong")),
        ask(&[]).bearer_auth(&token),
        ask(&[("client_id", "service"), ("client_secret", "wrong")]),
        by_jwt("https://elsewhere"),
        by_jwt(&issuer.revocation_url()),
    ] {
        let answer = wrong.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"rampart\"");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(names(&body), ["error", "error_description", "status", "request_id"]);
        assert_eq!(body["error"], "invalid_client");
    }
}

#[tokio::test]
async fn requests_that_are_no_question_are_refused() {
    let issuer = issuer().await;
    let url = issuer.introspection_url();
    let ask = || client().post(&url).basic_auth("service", Some("service-secret"));
    let token = ("token", "t");
    for wrong in [
        ask().form(&[("token_type_hint", "access_token")]),
        ask().form(&[("token", "")]),
        ask().form(&[token, token]),
        ask().json(&json!({"token": "t"})),
        client().post(format!("{url}?token=t")).basic_auth("service", Some("service-secret")).form(&[("x", "y")]),
    ] {
        let answer = wrong.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (400, &"no-store".parse().unwrap()));
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], "invalid_request");
    }
    let answer = get(&format!("{url}?token=t")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
}

#[tokio::test]
async fn faults_are_of_the_endpoint_or_of_one_token_alone() {
    let issuer = issuer().await;
    let (good, bad) = (issuer.opaque().issue(), issuer.opaque().text("../../etc/passwd").issue());
    issuer.inject_for(&bad, Fault::json(403, r#"{"error":"blocked"}"#));
    assert_eq!(asked(&issuer, &bad).await.status(), 403);
    assert_eq!(asked(&issuer, &good).await.status(), 200);
    issuer.inject(Endpoint::Introspection, Fault::retry_after(429, "7"));
    let answer = asked(&issuer, &good).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(asked(&issuer, &bad).await.status(), 403, "its own goes first");
    issuer.inject(Endpoint::Introspection, Fault::html("<p>Sign in</p>"));
    let answer = asked(&issuer, &good).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert_eq!(answer.text().await.unwrap(), "<p>Sign in</p>");
    issuer.clear_faults();
    issuer.inject_times(Endpoint::Introspection, &Fault::status(204), 1);
    assert_eq!(asked(&issuer, &good).await.status(), 204);
    for token in [&good, &bad] {
        assert_eq!(said(&issuer, token).await["active"], true);
    }
}

#[tokio::test]
async fn questions_are_counted_and_kept_as_they_came() {
    let issuer = issuer().await;
    asked(&issuer, "a token").await;
    assert_eq!([issuer.requests(Endpoint::Introspection), issuer.requests(Endpoint::Token)], [1, 0]);
    let [request] = &issuer.recorded(Endpoint::Introspection)[..] else { unreachable!("one was sent") };
    assert_eq!((&*request.method, &*request.path), ("POST", "/oauth/introspect"));
    assert_eq!(request.body, "token=a+token&token_type_hint=access_token");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test]
async fn most_in_flight_is_the_greatest_number_of_questions_at_once() {
    let issuer = issuer().await;
    let most = || issuer.most_in_flight(Endpoint::Introspection);
    for _ in 0..5 {
        asked(&issuer, "t").await.bytes().await.unwrap();
    }
    assert_eq!(most(), 1, "one after the other");

    issuer.inject(Endpoint::Introspection, Fault::Hang);
    let three = || (0..3).map(|_| tokio::spawn(asking(&issuer, "t").send())).collect::<Vec<_>>();
    let first = three();
    within(issuer.received(Endpoint::Introspection, 8)).await;
    assert_eq!((most(), issuer.most_in_flight(Endpoint::Token)), (3, 0));
    issuer.reset_counts();
    assert_eq!(most(), 3, "they are still there");
    let second = three();
    within(issuer.received(Endpoint::Introspection, 3)).await;
    assert_eq!(most(), 6);
    first.iter().chain(&second).for_each(tokio::task::JoinHandle::abort);

    // An answer that comes slowly is one until its end.
    issuer.stop();
    issuer.restart().unwrap();
    issuer.clear_faults();
    issuer.reset_counts();
    issuer.inject(Endpoint::Introspection, Fault::Drip(Duration::from_secs(3600)));
    let slow = asked(&issuer, "t").await;
    issuer.clear_faults();
    asked(&issuer, "t").await.bytes().await.unwrap();
    assert_eq!(most(), 2);
    drop(slow);
}

#[tokio::test]
async fn each_server_has_its_own_addresses() {
    for (shape, introspection, revocation) in [
        (Shape::Rampart, "/oauth/introspect", Some("/oauth/revoke")),
        (Shape::Dex, "/dex/token/introspect", None),
        (Shape::Hydra, "/admin/oauth2/introspect", Some("/oauth2/revoke")),
    ] {
        let issuer = LocalIssuer::builder().shape(shape).algorithm(Algorithm::ES256).start().await.unwrap();
        let at = |path: &str| format!("http://127.0.0.1:{}{path}", issuer.port());
        assert_eq!(issuer.introspection_url(), at(introspection));
        let metadata: Value = get(&discovery_url(&issuer)).await.json().await.unwrap();
        let named = (shape != Shape::Hydra).then(|| json!(at(introspection)));
        assert_eq!(metadata.get("introspection_endpoint"), named.as_ref(), "{shape:?}");
        let named = revocation.map(|path| json!(at(path)));
        assert_eq!(metadata.get("revocation_endpoint"), named.as_ref(), "{shape:?}");
        let token = issuer.token().sign().unwrap();
        assert_eq!(said(&issuer, &token).await["active"], true);
        let form = [("token", &*token)];
        let answer = client().post(issuer.revocation_url()).basic_auth("service", Some("service-secret")).form(&form);
        assert_eq!(answer.send().await.unwrap().status(), if revocation.is_some() { 200 } else { 404 });
        assert_eq!(said(&issuer, &token).await["active"], revocation.is_none());
    }
}
