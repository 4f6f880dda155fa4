//! Challenges, and one proof for several guards: DP47, DP64, DP65.

use crate::case::{App, Case};
use crate::credentials::Credentials;
use crate::fixture::Fixture;
use crate::sender::{Sender, bound};

use super::super::ADA;
use super::{BEARER, DPOP, NO_TOKEN, get, lacks_scope, missing_token, rejected, sender};

const NO_TOKEN_WITH_PROOF: &str = "This resource requires an access token and a proof: Authorization: DPoP <token>";

pub(super) fn cases(_: &Fixture) -> Vec<Case> {
    let all = || bound().roles(["admin"]).scope("tasks:read tasks:write");
    let several = |name, target| {
        get(name)
            .at(target)
            .each([Sender::of(&all()).at(target).good()])
            .passes("ada roles=admin scope=tasks:read tasks:write")
    };
    let lacking =
        |name, target| get(name).at(target).each([Sender::of(&bound()).at(target).good()]).answers(lacks_scope());
    let scoped = |challenge: &str| format!(r#"{challenge}, scope="tasks:write""#);
    let of_required = |name| get(name).of(App::DpopRequired);
    let required_missing = || rejected(401, "unauthorized", NO_TOKEN_WITH_PROOF, &[DPOP.to_owned()]);
    vec![
        several("dp47_three_guards", "/several"),
        several("dp47_three_guards_with_scopes", "/all-of-alternatives"),
        several("dp47_guard_in_a_layer", "/layered/guard"),
        several("dp47_guard_with_a_scope_in_a_layer", "/layered/scope-guard"),
        several("dp47_layer_in_a_layer", "/layered/scope-layer"),
        several("dp47_handler_that_asks_twice", "/in-handler/scopes"),
        several("dp47_handler_that_asks_in_a_layer", "/in-handler/layer"),
        get("dp64_no_credentials").answers(missing_token()),
        get("dp64_no_credentials_in_a_layer").at("/layered").answers(missing_token()),
        get("dp64_no_credentials_for_a_scope").at("/scope").answers(rejected(
            401,
            "unauthorized",
            NO_TOKEN,
            &[scoped(BEARER), scoped(DPOP)],
        )),
        get("dp64_no_credentials_on_an_optional_route").at("/optional").passes("anonymous"),
        get("dp64_good_credentials_on_an_optional_route")
            .at("/optional")
            .each([sender().at("/optional").good()])
            .passes(ADA),
        get("dp64_bad_proof_on_an_optional_route")
            .at("/optional")
            .each([sender().at("/optional").text("x", |_| "x")])
            .answers(super::invalid_proof()),
        get("dp64_proof_alone_on_an_optional_route")
            .at("/optional")
            .each([sender().at("/optional").around("proof", |_, proof| Credentials::default().proof(proof))])
            .passes("anonymous"),
        of_required("dp64_no_credentials_where_proofs_are_required").answers(required_missing()),
        of_required("dp64_no_credentials_in_a_layer_where_proofs_are_required")
            .at("/layered")
            .answers(required_missing()),
        of_required("dp64_good_credentials_where_proofs_are_required").each([sender().good()]).passes(ADA),
        lacking("dp65_proof_is_good_and_the_scope_missing", "/scope"),
        lacking("dp65_scope_missing_in_a_layer", "/layered/scope"),
        lacking("dp65_scope_missing_in_the_handler", "/in-handler/scope"),
    ]
}
