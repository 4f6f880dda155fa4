//! Which tokens are asked about, and whom.

use rampart_core::AuthError::{InvalidToken, TokenExpired};
use rampart_core::{Grants, Introspection, Issuer, RampartAuth};
use serde_json::json;

use crate::common::{AUDIENCE, Desk, ISSUER, KEY, NOW, OTHER_KEY, active, auth, builder, error, jwt, sign, with};

/// IN20, IN32
#[tokio::test(start_paused = true)]
async fn what_looks_like_a_jwt_is_verified_here_and_never_asked_about() {
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = auth(Introspection::of(desk.clone()));
    assert_eq!(auth.verify(&jwt(json!({}))).await.unwrap().sub, "user-1");
    assert_eq!(error(auth.verify(&jwt(json!({"exp": NOW - 10}))).await), Some(TokenExpired));
    let header = || json!({"alg": "ES256", "kid": "key-1"});
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "exp": NOW + 60, "iat": NOW});
    let forged = sign(&OTHER_KEY, header(), &claims);
    let foreign = sign(
        &KEY,
        header(),
        &json!({"iss": "https://other.example", "aud": AUDIENCE, "sub": "u", "exp": NOW + 60, "iat": NOW}),
    );
    let none = sign(&KEY, json!({"alg": "none"}), &claims);
    let three = format!("{}..", rampart_issuer::base64url(r#"{"alg":"dir"}"#));
    let [good, bound] = [jwt(json!({})), sign(&KEY, json!({"alg": "ES256", "kid": "key-1", "typ": "at+jwt"}), &claims)];
    // An issuer that reads the first three parts would say that these are active.
    let longer = [".", ".x", "..", ".a.b", "...."].map(|rest| format!("{good}{rest}"));
    let shorter = bound.rsplit_once('.').unwrap().0.to_owned();
    for token in [forged, foreign, none, three, shorter].into_iter().chain(longer) {
        assert_eq!(error(auth.verify(&token).await), Some(InvalidToken), "{token}");
    }
    assert_eq!(desk.asked(), 0);

    let jwe = format!("{}.a.b.c.d", rampart_issuer::base64url(r#"{"alg":"A256GCMKW","enc":"A256GCM"}"#));
    for (asked, token) in [jwe.as_str(), "a.b.c", "..", "x"].into_iter().enumerate() {
        assert!(auth.verify(token).await.is_ok(), "{token}");
        assert_eq!(desk.asked(), asked + 1, "{token}");
    }
}

/// IN22
#[tokio::test(start_paused = true)]
async fn opaque_token_is_asked_about_as_it_is() {
    let long = "x".repeat(4096);
    for token in ["a.b~c+d/e==", "00D-x_y.z", "../../etc/passwd", &long] {
        let desk = Desk::default();
        desk.say(token, active());
        let auth = auth(Introspection::of(desk));
        let claims = auth.authenticate([format!("Bearer {token}")]).await;
        assert!(claims.is_ok(), "{token}");
    }
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = auth(Introspection::of(desk.clone()));
    for value in ["Bearer 00D!AQ", "Bearer a b", "Bearer ä", "Bearer =a"] {
        assert_eq!(error(auth.authenticate([value]).await), Some(InvalidToken), "{value}");
    }
    assert_eq!(desk.asked(), 0);
}

/// IN15, IN22
#[tokio::test(start_paused = true)]
async fn what_no_request_could_carry_as_a_token_is_asked_about_from_elsewhere_neither() {
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = auth(Introspection::of(desk.clone()));
    for token in ["", "=", "=a", "a=b", "a b", " a", "a\r\nb", "00D!AQ", "a&active=true", "ä", "a\0"] {
        assert_eq!(error(auth.verify(token).await), Some(InvalidToken), "{token:?}");
    }
    assert_eq!(desk.asked(), 0);
}

/// IN15
#[tokio::test(start_paused = true)]
async fn token_of_another_shape_is_refused_without_a_question() {
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = auth(Introspection::of(desk.clone()).token_prefix("ory_at_").token_lengths(10..=100));
    let long = format!("ory_at_{}", "x".repeat(8192));
    for token in ["ory_rt_abcdef", "x", "ory_at_", "ORY_AT_abcdef", " ory_at_abc", &long] {
        assert_eq!(error(auth.verify(token).await), Some(InvalidToken), "{token}");
    }
    assert_eq!(desk.asked(), 0);
    assert!(auth.verify("ory_at_abc").await.is_ok());
    assert!(auth.verify(&jwt(json!({}))).await.is_ok(), "a JWT has its own shape");
    assert_eq!(desk.asked(), 1);
}

fn second(introspection: Option<Introspection>) -> Issuer {
    let issuer = Issuer::new("https://second.example", AUDIENCE)
        .static_jwks(json!({"keys": [OTHER_KEY.public_jwk()]}).to_string())
        .grants(Grants::everything());
    match introspection {
        Some(introspection) => issuer.introspection(introspection),
        None => issuer,
    }
}

#[tokio::test(start_paused = true)]
async fn opaque_tokens_of_several_issuers_are_told_apart_by_how_they_begin() {
    let (desk, other) = (Desk::default(), Desk::default());
    desk.say_otherwise(active());
    other.say_otherwise(with("iss", "https://second.example"));
    let asks = |desk: &Desk, prefix: &str| Introspection::of(desk.clone()).token_prefix(prefix);
    let auth = builder().introspection(asks(&desk, "one_")).issuer(second(Some(asks(&other, "two_")))).build().unwrap();
    assert_eq!(auth.verify("one_x").await.unwrap().iss, ISSUER);
    assert_eq!(auth.verify("two_x").await.unwrap().iss, "https://second.example");
    assert_eq!(error(auth.verify("three_x").await), Some(InvalidToken));
    assert_eq!((desk.asked(), other.asked()), (1, 1));
    assert!(auth.verify(&jwt(json!({}))).await.is_ok());

    let one = builder().issuer(second(Some(Introspection::of(other.clone())))).build().unwrap();
    assert_eq!(one.verify("anything").await.unwrap().iss, "https://second.example", "the one that has it");

    let build = |first: Introspection, then| builder().introspection(first).issuer(second(Some(then))).build();
    let bare = || Introspection::of(Desk::default());
    for (first, then) in [
        (bare(), bare()),
        (bare(), bare().token_prefix("a_")),
        (bare().token_prefix("a_"), bare().token_prefix("a_")),
        (bare().token_prefix("a_b"), bare().token_prefix("a_")),
    ] {
        let problem = build(first, then).unwrap_err().to_string();
        assert!(problem.contains("token_prefix") && problem.contains("second.example"), "{problem}");
    }
    assert!(build(bare().token_prefix("a_"), bare().token_prefix("b_")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_introspection_an_opaque_token_is_no_token() {
    let auth: RampartAuth = builder().build().unwrap();
    for token in ["opaque", "a.b.c", "a.b.c.d.e"] {
        assert_eq!(error(auth.verify(token).await), Some(InvalidToken), "{token}");
    }
}
