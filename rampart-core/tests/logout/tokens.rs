//! What a logout token must say.

use rampart_issuer::TokenBuilder;
use serde_json::{Value, json};

use crate::ground::{Ground, NOW};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Refused, and nothing is revoked.
async fn refuses(ground: &Ground, what: &str, token: &TokenBuilder) {
    assert_eq!(ground.send(token).await, 400, "{what}");
    assert!(ground.is_signed_in().await, "{what}");
    assert_eq!(ground.revocations.health().entries, 0, "{what}");
}

async fn takes(what: &str, set_up: impl FnOnce(&Ground) -> TokenBuilder) {
    let ground = Ground::new().await;
    assert!(ground.is_signed_in().await);
    let token = set_up(&ground);
    assert_eq!(ground.send(&token).await, 200, "{what}");
    assert!(!ground.is_signed_in().await, "{what}");
}

/// RV18
#[tokio::test]
async fn type_is_absent_or_that_of_a_jwt_or_of_a_logout_token() {
    takes("as it is", Ground::logout).await;
    takes("no typ", |ground| ground.logout().without_header("typ")).await;
    for typ in ["JWT", "logout+jwt", "application/logout+jwt", "Logout+JWT"] {
        takes(typ, |ground| ground.logout().header("typ", typ)).await;
    }
    let ground = Ground::new().await;
    for typ in [
        json!("at+jwt"),
        json!("secevent+jwt"),
        json!("dpop+jwt"),
        json!("token-introspection+jwt"),
        json!(""),
        json!(1),
    ] {
        refuses(&ground, &typ.to_string(), &ground.logout().header("typ", typ.clone())).await;
    }
}

/// RV19
#[tokio::test]
async fn events_say_that_somebody_has_signed_out() {
    let ground = Ground::new().await;
    refuses(&ground, "none", &ground.logout().without("events")).await;
    for events in [
        json!(null),
        json!([]),
        json!([EVENT]),
        json!({}),
        json!(EVENT),
        json!({EVENT: null}),
        json!({EVENT: []}),
        json!({EVENT: "x"}),
        json!({EVENT: true}),
        json!({"https://other.example/event": {}}),
    ] {
        refuses(&ground, &events.to_string(), &ground.logout().claim("events", &events)).await;
    }
    takes("a further event", |ground| {
        ground.logout().claim("events", json!({"https://other.example/event": {}, EVENT: {}}))
    })
    .await;
    takes("with members", |ground| ground.logout().claim("events", json!({EVENT: {"x": 1}}))).await;
}

/// RV20
#[tokio::test]
async fn nonce_is_the_mark_of_another_kind() {
    let ground = Ground::new().await;
    for nonce in [json!("n"), json!(null), json!(1)] {
        refuses(&ground, &nonce.to_string(), &ground.logout().claim("nonce", nonce.clone())).await;
    }
}

/// RV21, IN24
#[tokio::test]
async fn other_kinds_of_token_sign_nobody_out() {
    let ground = Ground::new().await;
    refuses(&ground, "access token", &ground.access()).await;
    refuses(&ground, "ID token", &ground.issuer.id_token("x").at(NOW)).await;
    let answer = json!({"active": true, "sub": "ada", "sid": "s-1"});
    let signed =
        ground.logout().header("typ", "token-introspection+jwt").without("events").claim("token_introspection", answer);
    refuses(&ground, "signed answer", &signed).await;
    let logout = ground.logout().sign().unwrap();
    assert!(ground.auth.verify(&logout).await.is_err(), "nor is it an access token");
}

/// RV22
#[tokio::test]
async fn somebody_or_some_session_is_named() {
    let ground = Ground::new().await;
    refuses(&ground, "neither", &ground.logout().without("sub").without("sid")).await;
    for value in [json!(1), json!(""), json!([]), json!({})] {
        refuses(&ground, "sid", &ground.logout().claim("sid", value.clone())).await;
        refuses(&ground, "sub", &ground.logout().claim("sub", value)).await;
    }
    refuses(&ground, "null", &ground.logout().claim("sub", Value::Null).claim("sid", Value::Null)).await;
    takes("session alone", |ground| ground.logout().without("sub")).await;
    takes("subject alone", |ground| ground.logout().without("sid")).await;
}

/// RV23
#[tokio::test]
async fn issuer_audience_and_times_are_checked() {
    let ground = Ground::new().await;
    let own = ground.issuer.audience().to_owned();
    refuses(&ground, "iss", &ground.logout().issuer("https://other.example")).await;
    refuses(&ground, "no iss", &ground.logout().without("iss")).await;
    for aud in [json!("other"), json!([]), json!(null), json!(1), json!(["other"])] {
        refuses(&ground, &aud.to_string(), &ground.logout().audience(aud.clone())).await;
    }
    refuses(&ground, "azp", &ground.logout().azp("other")).await;
    refuses(&ground, "no iat", &ground.logout().without("iat")).await;
    for iat in [json!(NOW - 121), json!(NOW + 6), json!("1800000000"), json!(null)] {
        refuses(&ground, &iat.to_string(), &ground.logout().claim("iat", iat.clone())).await;
    }
    refuses(&ground, "no exp", &ground.logout().without("exp")).await;
    for exp in [json!(NOW - 5), json!("x"), json!(null)] {
        refuses(&ground, &exp.to_string(), &ground.logout().claim("exp", exp.clone())).await;
    }
    refuses(&ground, "nbf", &ground.logout().claim("nbf", NOW + 6)).await;
    refuses(&ground, "none", &ground.logout().header("alg", "none")).await;
    refuses(&ground, "HS256", &ground.logout().header("alg", "HS256")).await;
    refuses(&ground, "unknown kid", &ground.logout().kid("nobody")).await;
    refuses(&ground, "tampered", &ground.logout().tampered()).await;
    refuses(&ground, "no jti", &ground.logout().without("jti")).await;
    refuses(&ground, "jti", &ground.logout().claim("jti", 1)).await;

    takes("array with ours", |ground| ground.logout().audience(json!(["other", own]))).await;
    takes("own azp", |ground| ground.logout().azp(&own)).await;
    assert_eq!(ground.send(&ground.logout().claim("iat", NOW - 120).claim("exp", NOW + 1)).await, 200, "two minutes");
    takes("ahead", |ground| ground.logout().claim("iat", NOW + 5)).await;
    let lenient = Ground::with(rampart_core::RampartAuthBuilder::allow_logout_without_exp).await;
    assert_eq!(lenient.send(&lenient.logout().without("exp")).await, 200);
    refuses_still(&lenient).await;
}

async fn refuses_still(ground: &Ground) {
    assert_eq!(ground.send(&ground.logout().claim("exp", NOW - 5)).await, 400);
    assert_eq!(ground.send(&ground.logout().without("exp").claim("iat", NOW - 121)).await, 400);
}

/// RV32
#[tokio::test]
async fn clients_of_logout_are_those_of_the_front_ends() {
    let ground = Ground::with(|builder| builder.logout_clients(["spa"])).await;
    assert_eq!(ground.send(&ground.logout()).await, 400, "the API's own audience is no client any more");
    assert_eq!(ground.send(&ground.logout().audience("other")).await, 400);
    assert!(ground.is_signed_in().await);
    assert_eq!(ground.send(&ground.logout().audience("spa")).await, 200);
    assert!(!ground.is_signed_in().await);
    let problem =
        rampart_core::RampartAuth::builder("https://a.example", "x").logout_clients([" spa"]).build().unwrap_err();
    assert!(problem.to_string().contains("logout_clients"), "{problem}");
}

/// RV24
#[tokio::test]
async fn repeated_token_is_no_attack_and_an_old_one_is_refused() {
    let ground = Ground::new().await;
    let token = ground.logout().sign().unwrap();
    let (one, other) = tokio::join!(ground.send_text(&token), ground.send_text(&token));
    assert_eq!((one, other), (200, 200));
    let entries = ground.revocations.health().entries;
    assert_eq!(ground.send_text(&token).await, 200);
    assert_eq!(ground.revocations.health().entries, entries, "without a second effect");
    ground.set(NOW + 130);
    assert_eq!(ground.send_text(&token).await, 400);
}

/// RV21, RV22: of two members one would have to be believed.
#[tokio::test]
async fn member_that_stands_there_twice_is_refused_however_it_is_written() {
    let ground = Ground::new().await;
    let payload = String::from_utf8(ground.logout().payload()).unwrap();
    let within = format!(r#""{EVENT}":{{}}"#);
    assert!(payload.starts_with('{') && payload.contains(&within));
    for payload in [
        payload.replacen('{', r#"{"sub":"bob","#, 1),
        payload.replacen('{', r#"{"\u0073ub":"bob","#, 1),
        payload.replacen('{', r#"{"events":{},"#, 1),
        payload.replacen('{', r#"{"\u006eonce":"n","#, 1),
        payload.replacen('{', r#"{"other":1,"other":1,"#, 1),
        payload.replacen(&within, &format!("{within},{within}"), 1),
        payload.replacen(r#""ada""#, r#""\ud800""#, 1),
        format!("{payload} {{}}"),
        format!("\u{feff}{payload}"),
        format!("[{payload}]"),
        payload.replacen('{', &format!(r#"{{"deep":{}{},"#, "[".repeat(10_000), "]".repeat(10_000)), 1),
    ] {
        refuses(&ground, &payload, &ground.logout().raw_payload(payload.clone())).await;
    }
    for header in [
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"RS256","b64":false}"#,
        r#"{"alg":"RS256","cty":"JWT"}"#,
        r#"{"alg":"RS256","typ":"logout+jwt","typ":"logout+jwt"}"#,
        "{}",
        "",
    ] {
        refuses(&ground, header, &ground.logout().raw_header(header)).await;
    }
    takes("as it is", |ground| ground.logout().raw_header(r#"{"alg":"RS256"}"#).raw_payload(ground.logout().payload()))
        .await;
}
