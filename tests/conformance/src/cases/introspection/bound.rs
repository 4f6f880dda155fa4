//! Opaque tokens that are bound to a key: IN07, IN08, DP59, IN24.

use rampart_client::{AnswerFormat, Question, TokenIntrospector};
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::credentials::Credentials;
use crate::fixture::FIXTURE;
use crate::introspection::{IntrospectionApis, client};
use crate::sender::{KEY, OTHER_KEY, Sender};

use super::super::dpop;
use super::{ADA, each_known, fresh, get, unavailable, with};

pub(super) fn cases(apis: &IntrospectionApis) -> Vec<Case> {
    let of = |name| get(name).of(App::OpaqueDpop);
    let bound = || fresh(&apis.token()).bound_to(&KEY);
    let s = Sender::with_token(bound().issue());
    let with_cnf = |what: &str, cnf: Value| {
        Sender::with_token(fresh(&apis.token()).claim("cnf", cnf).issue()).text(what, |s| s.proof().sign().unwrap())
    };
    let (certificate, jkt) = (json!({"x5t#S256": rampart_issuer::base64url([1; 32])}), KEY.thumbprint());
    let as_bearer = |s: &Sender| {
        [
            s.around("without a proof", |token, _| Credentials::default().token("Bearer", token)),
            s.around("with a perfect proof", |token, proof| Credentials::default().token("Bearer", token).proof(proof)),
            s.around("with two", |token, proof| {
                Credentials::default().token("Bearer", token).proof(proof).proof(proof)
            }),
        ]
    };
    let answer_as_proof =
        FIXTURE.wait(client(&apis.issuer).introspect(Question::new(&apis.token().issue(), AnswerFormat::Jwt))).unwrap();

    vec![
        of("in08_right_proof")
            .each([s.good(), Sender::with_token(bound().token_type("Bearer").issue()).good()])
            .each([Sender::with_token(bound().without("token_type").issue()).good()])
            .passes(ADA),
        of("in08_wrong_proof")
            .each([
                s.with("of another token", |proof| proof.access_token("another")),
                s.with("forged", |proof| proof.signed_by(&OTHER_KEY)),
            ])
            .answers(dpop::invalid_proof()),
        of("in08_proof_of_another_key")
            .each([s.text("good", |s| s.proof_by(&OTHER_KEY).sign().unwrap())])
            .answers(dpop::invalid_token()),
        of("in08_no_proof")
            .each([s.around("none", |token, _| Credentials::default().token("DPoP", token))])
            .answers(dpop::missing_proof()),
        of("in07_bearer_token_that_is_bound_comes_as_bearer")
            .each(as_bearer(&Sender::with_token(bound().token_type("Bearer").issue())))
            .answers(dpop::invalid_bearer_token()),
        of("dp59_bound_opaque_token_by_the_scheme_bearer").each(as_bearer(&s)).answers(dpop::invalid_bearer_token()),
        get("dp59_bound_opaque_token_where_proofs_are_not_known")
            .each(as_bearer(&s))
            .answers(super::super::invalid_token()),
        of("in08_unbound_opaque_token_by_the_scheme_dpop")
            .each([Sender::with_token(fresh(&apis.token()).issue()).good()])
            .answers(dpop::invalid_token()),
        of("in08_unbound_opaque_token_by_the_scheme_bearer")
            .each([
                with("no cnf", fresh(&apis.token()).issue()),
                with("null", fresh(&apis.token()).claim("cnf", Value::Null).issue()),
            ])
            .passes(ADA),
        of("in08_bound_to_what_cannot_be_checked")
            .each([
                with_cnf("a certificate", certificate.clone()),
                with_cnf(
                    "a key and a certificate",
                    json!({"jkt": jkt, "x5t#S256": rampart_issuer::base64url([1; 32])}),
                ),
                with_cnf("nothing", json!({})),
                with_cnf("no thumbprint", json!({"jkt": "x"})),
            ])
            .answers(dpop::invalid_token()),
        get("in08_bound_to_a_certificate_where_none_is_known")
            .each([with("x5t#S256", fresh(&apis.token()).claim("cnf", &certificate).issue())])
            .answers(super::super::invalid_token()),
        get("in08_cnf_of_another_type")
            .each(each_known(
                apis,
                App::Opaque,
                &apis.token(),
                "cnf",
                [json!("x"), json!(1), json!([{"jkt": jkt}]), json!({"jkt": 1})],
            ))
            .answers(unavailable()),
        of("in24_signed_answer_as_a_proof")
            .each([
                s.text("genuine", move |_| answer_as_proof.clone()),
                s.with("a proof of this type", |proof| proof.header("typ", "token-introspection+jwt")),
            ])
            .answers(dpop::invalid_proof()),
    ]
}
