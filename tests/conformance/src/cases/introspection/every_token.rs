//! JWTs that are verified here, and asked about as well: IN21, IN30.

use rampart_issuer::{Fault, OpaqueBuilder, SigningKey, TokenBuilder};
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::credentials::{Credentials, Input};
use crate::fixture::NOW;
use crate::introspection::IntrospectionApis;
use crate::sender::{KEY, Sender};

use super::super::{dpop, invalid_token, lacks_scope, token_expired};
use super::{ADA, get, unavailable, with};

pub(super) fn cases(apis: &IntrospectionApis) -> Vec<Case> {
    let of = |name| get(name).of(App::EveryToken);
    let issuer = &apis.issuer;
    let stranger = SigningKey::generate(rampart_issuer::Algorithm::ES256, issuer.key().kid()).unwrap();
    let numbers = std::sync::atomic::AtomicUsize::new(0);
    // Each is another one.
    let jwt = || {
        let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        apis.jwt().jti(&format!("jti-{number}")).client_id("web").scope("tasks:read tasks:write")
    };
    let active = |what: &str, jwt: TokenBuilder| {
        let token = jwt.sign().unwrap();
        apis.token().text(token.as_str()).issue();
        with(what, token)
    };
    // The issuer says this of a good one.
    let said = |what: String, answer: &dyn Fn(OpaqueBuilder) -> OpaqueBuilder| {
        let token = jwt().sign().unwrap();
        answer(issuer.answer_for(&token)).issue();
        with(what, token)
    };
    let each = |name: &str, values: &[Value]| -> Vec<Input> {
        values.iter().map(|value| said(format!("{name}: {value}"), &|answer| answer.claim(name, value))).collect()
    };
    let revoked = jwt().sign().unwrap();
    issuer.revoke(&revoked);
    let failing = |what: &str, fault: Fault| {
        let token = jwt().sign().unwrap();
        issuer.inject_for(&token, fault);
        with(what, token)
    };
    let all = "ada roles=user scope=tasks:read tasks:write";
    let bound = jwt().bound_to(&KEY);
    let bound_token = bound.sign().unwrap();
    issuer.answer_for(&bound_token).without("cnf").token_type("Bearer").issue();
    let bound = Sender::with_token(bound_token);
    let other = jwt().bound_to(&KEY).sign().unwrap();
    issuer.answer_for(&other).claim("cnf", json!({"jkt": rampart_issuer::base64url([1; 32])})).issue();

    vec![
        of("in21_both_say_yes").each([with("good", jwt().sign().unwrap())]).passes(all),
        of("in21_opaque_token").each([with("opaque", apis.token().issue())]).passes(ADA),
        of("in21_jwt_that_has_expired_here").each([active("expired", jwt().at(NOW - 2000))]).answers(token_expired()),
        of("in21_jwt_that_is_bad_here")
            .each([
                active("forged", jwt().key(&stranger)),
                active("of another issuer", jwt().issuer("https://other.example")),
                active("for another API", jwt().audience("other-api")),
                active("alg none", jwt().header("alg", "none").raw_signature([])),
            ])
            .answers(invalid_token()),
        of("in21_the_issuer_says_no")
            .each([with("revoked", revoked), said("false".into(), &|answer| answer.claim("active", false))])
            .answers(invalid_token()),
        of("in21_the_issuer_has_no_answer")
            .each([
                failing("500", Fault::status(500)),
                failing("403", Fault::status(403)),
                failing("a page", Fault::html("<html>Sign in</html>")),
                said("no boolean".into(), &|answer| answer.claim("active", "true")),
            ])
            .answers(unavailable()),
        of("in30_narrower_scope")
            .at("/scope")
            .each(each("scope", &[json!("tasks:read"), json!(["tasks:read"]), json!(""), json!([])]))
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        of("in30_answer_grants_nothing")
            .each([
                said("scope".into(), &|answer| answer.scope("tasks:write admin tasks:read").claim("roles", ["admin"])),
                said("nothing at all".into(), &|answer| answer.raw_answer(r#"{"active":true}"#)),
                said("null".into(), &|answer| answer.claim("scope", Value::Null)),
                said("later exp".into(), &|answer| answer.claim("exp", NOW + 99_999)),
            ])
            .passes(all),
        of("in30_roles_of_an_answer_do_not_count")
            .at("/role")
            .each([said("admin".into(), &|answer| answer.claim("roles", ["admin"]))])
            .answers(super::super::lacks_role("the role admin")),
        of("in30_earlier_exp").each(each("exp", &[json!(NOW - 5)])).answers(token_expired()),
        of("in30_answer_about_a_token_for_others")
            .each(each("aud", &[json!("other"), json!([])]))
            .each(each("token_type", &[json!("refresh_token")]))
            .each(each("token_use", &[json!("id")]))
            .answers(invalid_token()),
        of("in30_answer_about_another_token")
            .each(each("iss", &[json!("https://other.example")]))
            .each(each("sub", &[json!("eve"), json!(1)]))
            .each(each("jti", &[json!("another"), json!(["jti"])]))
            .each(each("client_id", &[json!("another")]))
            .each(each("cnf", &[json!({"jkt": KEY.thumbprint()}), json!(1)]))
            .each(each("exp", &[json!("1")]))
            .answers(unavailable()),
        of("in30_bound_token_whose_answer_is_not").of(App::OpaqueDpop).each([bound.good()]).passes(all),
        of("in30_bound_token_whose_answer_is_not_by_the_scheme_bearer")
            .of(App::OpaqueDpop)
            .each([
                bound.around("with a proof", |token, proof| Credentials::default().token("Bearer", token).proof(proof))
            ])
            .answers(dpop::invalid_bearer_token()),
        of("in30_bound_token_whose_answer_is_bound_to_another_key")
            .of(App::OpaqueDpop)
            .each([Sender::with_token(other).good()])
            .answers(unavailable()),
    ]
}
