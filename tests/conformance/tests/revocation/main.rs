//! Revocation, and the logout tokens of the issuer (OpenID Connect Back-Channel Logout 1.0), on each framework over real sockets: what takes
//! several requests, a request that is under way, or a body that does not come. Tokens that were revoked before are cases in
//! `src/cases/revocation.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod actix;
mod axum;
mod bodies;
mod logout;
mod requests;
mod rocket;
mod steps;
mod world;

use libtest_mimic::{Arguments, Trial};
use rampart_conformance::apps::FRAMEWORKS;
use rampart_conformance::subject::Framework;

/// A framework, and the application of these tests on it.
#[derive(Clone, Copy)]
struct Ground {
    framework: &'static Framework,
    application: Application,
}

type Application = fn(&world::Parts) -> std::net::SocketAddr;
type Test = (&'static str, fn(Ground));

/// Tests with their names, which are those of the functions.
macro_rules! tests {
    ($($topic:ident::$test:ident),* $(,)?) => {
        &[$((stringify!($test), $topic::$test)),*]
    };
}

const TESTS: &[Test] = tests![
    steps::rv01_known_token_is_refused_from_the_next_request_on,
    steps::rv01_request_that_has_passed_runs_on,
    steps::rv37_handler_that_asks_late_learns_that_the_token_was_revoked,
    steps::rv02_each_revocation_reaches_tokens_that_are_known,
    steps::rv06_known_token_is_refused_on_every_way_in,
    steps::rv06_revocation_is_asked_by_the_object_that_has_it_though_another_let_the_request_in,
    steps::rv33_closed_issuer_is_refused_until_it_is_lifted,
    steps::is14_revocation_reaches_known_tokens_of_either_spelling,
    steps::is19_same_names_at_two_issuers_are_revoked_apart,
    steps::dp71_proof_of_a_revoked_token_is_not_spent,
    logout::rv18_type_is_absent_or_that_of_a_jwt_or_of_a_logout_token,
    logout::rv19_events_say_that_somebody_has_signed_out,
    logout::rv20_nonce_is_the_mark_of_another_kind,
    logout::rv21_other_kinds_of_token_sign_nobody_out,
    logout::rv21_logout_token_is_no_access_token,
    logout::rv22_whoever_is_named_is_signed_out_and_nobody_else,
    logout::rv22_session_of_another_issuer_is_another_session,
    logout::rv23_issuer_audience_times_and_signature_are_checked,
    logout::rv23_token_without_exp_is_allowed_by_name_alone,
    logout::rv24_repeated_token_is_no_attack_and_an_old_one_is_refused,
    logout::rv26_logout_that_cannot_be_decided_is_for_later,
    logout::rv26_logout_that_cannot_be_kept_is_for_later_and_in_force_here,
    logout::rv26_without_a_list_nobody_is_told_that_it_was_done,
    logout::rv29_new_login_works_once_the_tolerance_has_passed,
    logout::rv31_bound_is_the_logout_tokens_own_time_and_the_tolerance,
    logout::rv32_clients_of_logout_are_those_of_the_front_ends,
    requests::rv25_other_methods_are_told_that_it_is_post,
    requests::rv25_body_is_one_form_with_one_logout_token,
    requests::rv25_what_a_browser_adds_decides_nothing,
    requests::rv25_first_field_of_a_form_that_names_a_method_is_rockets,
    requests::rv25_flood_of_key_ids_asks_the_issuer_no_more_than_tokens_may,
    requests::rv25_method_that_a_framework_may_not_know_signs_nobody_out,
    requests::rv25_content_type_is_that_of_a_form_whatever_bytes_it_has,
    requests::rv25_handler_may_stand_in_groups_of_routes,
    requests::rv25_path_is_the_one_that_was_given,
    bodies::rv25_longest_body_is_read_and_no_longer_one,
    bodies::rv25_length_that_is_too_long_is_not_waited_for,
    bodies::rv25_body_without_end_is_read_to_its_limit_alone,
    bodies::rv25_body_that_does_not_come_is_waited_for_ten_seconds,
    bodies::rv25_body_that_breaks_off_or_is_malformed_signs_nobody_out,
    bodies::rv25_expectation_of_100_continue_is_met,
];

fn main() {
    let application = |framework: &Framework| match framework.name {
        "axum" => axum::start as Application,
        "actix" => actix::start,
        "rocket" => rocket::start,
        other => panic!("{other} has no application here"),
    };
    let tests = FRAMEWORKS.iter().flat_map(|framework| {
        let ground = Ground { framework, application: application(framework) };
        TESTS.iter().map(move |(name, run)| {
            Trial::test(format!("on_{}::{name}", framework.name), move || {
                run(ground);
                Ok(())
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit();
}
