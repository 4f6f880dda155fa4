//! Signed answers (RFC 9701): IN23.

use rampart_issuer::{Algorithm, Fault, SigningKey, TokenBuilder, base64url};
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::credentials::Input;
use crate::fixture::NOW;
use crate::introspection::{CLIENT, IntrospectionApis};

use super::super::invalid_token;
use super::{ADA, fresh, get, issued, known, unavailable, with};

type Change = fn(TokenBuilder) -> TokenBuilder;

pub(super) fn cases(apis: &IntrospectionApis) -> Vec<Case> {
    let of = |name| get(name).of(App::SignedAnswers);
    // The signed answer about this token is changed so.
    let token = |what: &str, change: Box<dyn Fn(TokenBuilder) -> TokenBuilder + Send + Sync>| {
        apis.flaw(what, change);
        fresh(&apis.token()).claim("flaw", what)
    };
    let good = |what: &str, change: Change| issued(what, &token(what, Box::new(change)));
    let bad = |what: &str, change: Change| known(apis, App::SignedAnswers, what, &token(what, Box::new(change)));
    let each_bad = |name: &'static str, values: &[Value]| -> Vec<Input> {
        let input = |value: &Value| {
            let (what, value) = (format!("{name}: {value}"), value.clone());
            let change = move |answer: TokenBuilder| answer.claim(name, &value);
            known(apis, App::SignedAnswers, what.as_str(), &token(&what, Box::new(change)))
        };
        values.iter().map(input).collect()
    };
    let stranger = SigningKey::generate(Algorithm::ES256, apis.issuer.key().kid()).unwrap();
    let nobody = SigningKey::generate(Algorithm::ES256, "nobody").unwrap();
    let by = |what: &str, key: &SigningKey| {
        let key = key.clone();
        known(apis, App::SignedAnswers, what, &token(what, Box::new(move |answer| answer.key(&key))))
    };
    let instead = |what: &str, media_type: &str, body: String| {
        let token = apis.known(apis.of(App::SignedAnswers).unwrap(), &fresh(&apis.token()));
        let headers = vec![("content-type".into(), media_type.into())];
        apis.issuer.inject_for(&token, Fault::Respond { status: 200, headers, body: body.into_bytes() });
        with(what, token)
    };
    let jwt = "application/token-introspection+jwt";
    let json = json!({"active": true, "sub": "ada", "aud": apis.issuer.audience(), "token_type": "Bearer"}).to_string();
    let jwe = format!("{}.a.b.c.d", base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));

    vec![
        of("in23_good_answer")
            .each([
                good("as it is", |answer| answer),
                good("whole media type", |answer| answer.header("typ", "application/token-introspection+jwt")),
                good("in capitals", |answer| answer.header("typ", "Token-Introspection+JWT")),
                good("several audiences", |answer| answer.claim("aud", ["another", CLIENT])),
                good("a minute old", |answer| answer.claim("iat", NOW - 65)),
                good("within the tolerance", |answer| answer.claim("iat", NOW + 5)),
                good("exp", |answer| answer.claim("exp", NOW + 1)),
            ])
            .passes(ADA),
        of("in23_good_answer_that_says_no")
            .each([
                issued("not active", &fresh(&apis.token()).claim("active", false)),
                with("never issued", "never-issued-to-anybody"),
            ])
            .answers(invalid_token()),
        of("in23_answer_of_another_type")
            .each([
                bad("JWT", |answer| answer.header("typ", "JWT")),
                bad("none", |answer| answer.without_header("typ")),
                bad("at+jwt", |answer| answer.header("typ", "at+jwt")),
                bad("logout+jwt", |answer| answer.header("typ", "logout+jwt")),
                bad("dpop+jwt", |answer| answer.header("typ", "dpop+jwt")),
            ])
            .answers(unavailable()),
        of("in23_answer_for_another_or_by_another")
            .each(each_bad("aud", &[json!("another"), json!(apis.issuer.audience()), json!([]), json!(null), json!(1)]))
            .each(each_bad("iss", &[json!("https://other.example"), json!(null), json!([apis.issuer.url()])]))
            .each([bad("no aud", |answer| answer.without("aud")), bad("no iss", |answer| answer.without("iss"))])
            .answers(unavailable()),
        of("in23_answer_of_another_time")
            .each(each_bad("iat", &[json!(NOW - 66), json!(NOW + 6), json!("1800000000"), json!(null)]))
            .each(each_bad("exp", &[json!(NOW - 5), json!("x")]))
            .each([bad("no iat", |answer| answer.without("iat"))])
            .answers(unavailable()),
        of("in23_answer_that_says_it_elsewhere")
            .each(each_bad(
                "token_introspection",
                &[json!(null), json!([]), json!("{\"active\":true}"), json!(true), json!({})],
            ))
            .each(each_bad("active", &[json!(true), json!(false)]))
            .each([bad("no token_introspection", |answer| {
                answer
                    .without("token_introspection")
                    .claim("active", true)
                    .claim("sub", "ada")
                    .claim("token_type", "Bearer")
            })])
            .answers(unavailable()),
        of("in23_answer_whose_signature_does_not_count")
            .each([by("another key of the same name", &stranger), by("a key that nobody knows", &nobody)])
            .each([
                bad("alg none", |answer| answer.header("alg", "none").raw_signature([])),
                bad("alg HS256", |answer| answer.header("alg", "HS256")),
                bad("crit", |answer| answer.header("crit", ["x"]).header("x", 1)),
            ])
            .answers(unavailable()),
        of("in23_answer_that_is_not_signed")
            .each([
                instead("JSON", "application/json", json.clone()),
                instead("JSON that is called a JWT", jwt, json),
                instead("encrypted", jwt, jwe),
                instead("nothing", jwt, String::new()),
            ])
            .answers(unavailable()),
    ]
}
