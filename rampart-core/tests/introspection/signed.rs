//! Signed answers (RFC 9701).

use rampart_core::AuthError::InvalidToken;
use rampart_core::{AnswerFormat, Introspection};
use serde_json::{Value, json};

use crate::common::{
    AUDIENCE, CLIENT, Desk, INACTIVE, ISSUER, KEY, NOW, OTHER_KEY, Outcome, TOKEN, active, auth, error, is_unavailable,
    sign,
};

fn header() -> Value {
    json!({"alg": "ES256", "kid": "key-1", "typ": "token-introspection+jwt"})
}

fn payload() -> Value {
    json!({"iss": ISSUER, "aud": CLIENT, "iat": NOW, "token_introspection": active()})
}

async fn outcome(answer: impl Into<crate::common::Answer>) -> Outcome {
    auth(Introspection::of(Desk::saying(answer)).signed()).verify(TOKEN).await
}

/// IN23
#[tokio::test(start_paused = true)]
async fn signed_answer_is_of_the_issuer_for_us_and_new() {
    let desk = Desk::saying(sign(&KEY, header(), &payload()));
    let asks = auth(Introspection::of(desk.clone()).signed());
    assert_eq!(asks.verify(TOKEN).await.unwrap().sub, "user-1");
    assert_eq!(desk.formats(), [AnswerFormat::Jwt]);
    for typ in ["application/token-introspection+jwt", "Token-Introspection+JWT"] {
        let mut header = header();
        header["typ"] = json!(typ);
        assert!(outcome(sign(&KEY, header, &payload())).await.is_ok(), "{typ}");
    }
    let mut inactive = payload();
    inactive["token_introspection"] = json!({"active": false});
    assert_eq!(error(outcome(sign(&KEY, header(), &inactive)).await), Some(InvalidToken));

    let with = |name: &str, value: Value| {
        let mut payload = payload();
        payload[name] = value;
        payload
    };
    for good in [
        with("aud", json!(["x", CLIENT])),
        with("iat", json!(NOW - 65)),
        with("iat", json!(NOW + 5)),
        with("exp", json!(NOW + 1)),
        with("exp", json!(null)),
        with("jti", json!("x")),
    ] {
        assert!(outcome(sign(&KEY, header(), &good)).await.is_ok(), "{good}");
    }
    let mut none = payload();
    none.as_object_mut().unwrap().remove("token_introspection");
    let mut undated = payload();
    undated.as_object_mut().unwrap().remove("iat");
    for bad in [
        none,
        undated,
        with("aud", json!(AUDIENCE)),
        with("aud", json!(null)),
        with("aud", json!([])),
        with("iss", json!("https://other.example")),
        with("iss", json!(null)),
        with("iat", json!(NOW - 66)),
        with("iat", json!(NOW + 6)),
        with("iat", json!("1800000000")),
        with("exp", json!(NOW - 5)),
        with("exp", json!("x")),
        with("active", json!(true)),
        with("token_introspection", json!(active().to_string())),
        with("token_introspection", json!(null)),
        with("token_introspection", json!([active()])),
    ] {
        assert!(is_unavailable(&outcome(sign(&KEY, header(), &bad)).await), "{bad}");
    }
    for bad in [
        json!({"alg": "ES256", "kid": "key-1", "typ": "JWT"}),
        json!({"alg": "ES256", "kid": "key-1"}),
        json!({"alg": "ES256", "kid": "key-1", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "nobody", "typ": "token-introspection+jwt"}),
        json!({"alg": "none", "typ": "token-introspection+jwt"}),
        json!({"alg": "HS256", "kid": "key-1", "typ": "token-introspection+jwt"}),
        json!({"alg": "ES256", "kid": "key-1", "typ": "token-introspection+jwt", "crit": ["x"]}),
    ] {
        assert!(is_unavailable(&outcome(sign(&KEY, bad.clone(), &payload())).await), "{bad}");
    }
    let jwe = format!("{}.a.b.c.d", rampart_issuer::base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    let by_another = sign(&OTHER_KEY, header(), &payload());
    for bad in [jwe, by_another, active().to_string(), INACTIVE.to_owned(), String::new()] {
        assert!(is_unavailable(&outcome(bad.clone()).await), "{bad}");
    }
}

/// IN24
#[tokio::test(start_paused = true)]
async fn signed_answer_is_no_access_token() {
    let mut payload = payload();
    for (name, value) in [("sub", json!("user-1")), ("exp", json!(NOW + 60)), ("aud", json!([AUDIENCE, CLIENT]))] {
        payload[name] = value;
    }
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = auth(Introspection::of(desk.clone()));
    assert_eq!(error(auth.verify(&sign(&KEY, header(), &payload)).await), Some(InvalidToken));
    assert_eq!(desk.asked(), 0);
}
