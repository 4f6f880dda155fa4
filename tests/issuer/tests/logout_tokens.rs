//! Logout tokens (OpenID Connect Back-Channel Logout 1.0), good and wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::collections::HashSet;

use jsonwebtoken::{DecodingKey, Validation};
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer, Shape, SigningKey};
use serde_json::{Value, json};
use support::{client, get, inactive, issuer, names, now, parts, said};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[tokio::test]
async fn a_logout_token_is_a_good_one_unless_changed() {
    let issuer = issuer().await;
    let token = issuer.logout_token().sign().unwrap();
    let (header, claims) = parts(&token);
    assert_eq!(header, json!({"typ": "logout+jwt", "alg": "ES256", "kid": "es256-1"}));
    assert_eq!(names(&claims), ["iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer.url()), &json!("task-api")));
    assert_eq!(claims["sub"], parts(&issuer.token().sign().unwrap()).1["sub"], "the same user");
    assert_eq!(claims["events"], json!({EVENT: {}}));
    let issued_at = claims["iat"].as_u64().unwrap();
    assert!((now() - 60..=now()).contains(&issued_at));
    assert_eq!(claims["exp"], issued_at + 120);

    let key = serde_json::from_value(issuer.public_jwk("es256-1").unwrap()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["task-api"]);
    jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(&key).unwrap(), &validation).unwrap();
    assert_eq!(said(&issuer, &token).await, inactive(), "it is no access token");

    let ids = |_| ["jti", "sid"].map(|name| parts(&issuer.logout_token().sign().unwrap()).1[name].to_string());
    assert_eq!((0..3).flat_map(ids).collect::<HashSet<_>>().len(), 6, "each has its own");
}

#[tokio::test]
async fn a_logout_token_can_be_wrong_in_any_one_thing() {
    let issuer = issuer().await;
    let good = issuer.logout_token();
    let stranger = SigningKey::generate(Algorithm::ES256, "es256-1").unwrap();
    let of = parts(&good.sign().unwrap());
    for name in names(&of.1) {
        let (header, claims) = parts(&good.clone().without(name).sign().unwrap());
        let mut expected = of.1.clone();
        expected.as_object_mut().unwrap().shift_remove(name);
        assert_eq!((header, claims), (of.0.clone(), expected));
        let changed = parts(&good.clone().claim(name, json!([null])).sign().unwrap()).1;
        assert_eq!((changed.as_object().unwrap().len(), &changed[name]), (8, &json!([null])));
    }
    for kind in ["JWT", "at+jwt", "secevent+jwt"] {
        assert_eq!(parts(&good.clone().header("typ", kind).sign().unwrap()).0["typ"], kind);
    }
    assert_eq!(parts(&good.clone().without_header("typ").sign().unwrap()).0.get("typ"), None);
    assert_eq!(parts(&good.clone().claim("nonce", Value::Null).sign().unwrap()).1["nonce"], Value::Null);
    let two = json!({EVENT: {}, "https://example.com/event": {}});
    assert_eq!(parts(&good.clone().claim("events", &two).sign().unwrap()).1["events"], two);
    assert_eq!(parts(&good.clone().issued_at(1000).expires_in(120).sign().unwrap()).1["exp"], 1120);
    assert!(good.clone().header("alg", "none").raw_signature([]).sign().unwrap().ends_with('.'));
    assert_eq!(parts(&good.clone().header("kid", "unknown").sign().unwrap()).0["kid"], "unknown");
    let forged = good.key(&stranger).sign().unwrap();
    let key = serde_json::from_value(issuer.public_jwk("es256-1").unwrap()).unwrap();
    let (signed, signature) = forged.rsplit_once('.').unwrap();
    let verified = jsonwebtoken::crypto::verify(
        signature,
        signed.as_bytes(),
        &DecodingKey::from_jwk(&key).unwrap(),
        jsonwebtoken::Algorithm::ES256,
    );
    assert_eq!((parts(&forged), verified.unwrap()), (of, false));
}

#[tokio::test]
async fn it_is_by_the_name_of_the_issuer_and_of_the_user_of_its_tokens() {
    for shape in [Shape::Rampart, Shape::Dex, Shape::Hydra] {
        let issuer =
            LocalIssuer::builder().shape(shape).algorithm(Algorithm::ES256).audience("spa").start().await.unwrap();
        issuer.issues_as("https://login.example/tenant");
        issuer.rotate().unwrap();
        let token = issuer.token().jti("j-1").sid("s-1").client_id("spa").azp("web").sign().unwrap();
        let claims = parts(&token).1;
        assert_eq!(["jti", "sid", "client_id", "azp"].map(|name| &claims[name]), ["j-1", "s-1", "spa", "web"]);
        let (header, logout) = parts(&issuer.logout_token().sid("s-1").sign().unwrap());
        assert_eq!((&header["kid"], &header["typ"]), (&json!("es256-2"), &json!("logout+jwt")), "{shape:?}");
        assert_eq!(["iss", "sub", "sid"].map(|name| &logout[name]), ["iss", "sub", "sid"].map(|name| &claims[name]));
        assert_eq!(logout["aud"], "spa");
    }
}

#[tokio::test]
async fn clients_get_them_from_the_issuer_too_of_a_user_a_session_or_both() {
    let issuer = issuer().await;
    let url = format!("{}/oauth/logout-token", issuer.url());
    let ask = |form: &[(&str, &str)]| client().post(&url).form(form);
    let by_service = |form: &[(&str, &str)]| ask(form).basic_auth("service", Some("service-secret"));
    let user = parts(&issuer.token().sign().unwrap()).1["sub"].clone();
    let null = Value::Null;
    for (form, sub, sid) in [
        (&[][..], &user, &null),
        (&[("sub", "ada")], &json!("ada"), &null),
        (&[("sid", "s-1")], &null, &json!("s-1")),
        (&[("sub", "ada"), ("sid", "s-1")], &json!("ada"), &json!("s-1")),
    ] {
        let answer = by_service(form).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        let body: Value = answer.json().await.unwrap();
        assert_eq!(names(&body), ["logout_token"]);
        let (header, claims) = parts(body["logout_token"].as_str().unwrap());
        assert_eq!((&header["typ"], &claims["aud"]), (&json!("logout+jwt"), &json!("task-api")));
        assert_eq!((&claims["sub"], &claims["sid"]), (sub, sid));
    }
    for (wrong, status, error) in [
        (ask(&[]), 401, "invalid_client"),
        (ask(&[]).basic_auth("service", Some("wrong")), 401, "invalid_client"),
        (by_service(&[("sub", "a"), ("sub", "b")]), 400, "invalid_request"),
    ] {
        let answer = wrong.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], error);
    }
    assert_eq!(get(&url).await.status(), 405);
    assert_eq!(issuer.requests(Endpoint::LogoutToken), 8);
}
