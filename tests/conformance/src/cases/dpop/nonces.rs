//! Nonces: DP33 to DP36. Those of good answers and those that grow old are in `tests/dpop`.

use rampart_issuer::{DpopKey, TokenBuilder};
use serde_json::json;

use crate::case::{App, Case};
use crate::credentials::Credentials;
use crate::fixture::{Fixture, NOW};
use crate::sender::{OTHER_KEY, Sender, bound, nonce_by, nonce_of};

use super::super::ADA;
use super::{each_claim, each_text, get, invalid_proof, invalid_token, refused_by_dpop, sender, use_nonce, with_nonce};

pub(super) fn cases(_: &Fixture) -> Vec<Case> {
    let s = sender();
    let of = |name| get(name).of(App::DpopNonces);
    let nonce = nonce_of(NOW);
    let changed = format!("{}{}", if nonce.starts_with('B') { 'C' } else { 'B' }, &nonce[1..]);
    let with_good = {
        let nonce = nonce.clone();
        move |s: &Sender| s.proof().nonce(&nonce)
    };
    let expired = |token: TokenBuilder| Sender::of(&token.at(NOW - 7200).expires_in(3600));
    vec![
        of("dp33_nonce_of_this_api")
            .each([
                s.text("one", {
                    let with_good = with_good.clone();
                    move |s| with_good(s).sign().unwrap()
                }),
                s.text("again, with another proof", {
                    let with_good = with_good.clone();
                    move |s| with_good(s).sign().unwrap()
                }),
            ])
            .each(each_text(&s, "nonce", &[&nonce_of(NOW - 20)]))
            .passes(ADA),
        of("dp33_no_good_nonce")
            .each([s.good()])
            .each(each_text(
                &s,
                "nonce",
                &[
                    &nonce_of(NOW - 60),
                    &nonce_of(NOW - 3600),
                    &nonce_by([8; 32], NOW),
                    &changed,
                    &nonce[1..],
                    &format!("{nonce}A"),
                    &format!("{nonce} {nonce}"),
                    "eyJ7S_zG.eyJH0-Z.HX4w-7v",
                ],
            ))
            .answers(use_nonce()),
        of("dp34_nonces_of_another_type")
            .each(each_claim(&s, "nonce", [json!(1), json!([nonce]), json!({}), json!(true)]))
            .answers(with_nonce(invalid_proof())),
        of("dp34_odd_nonces")
            .each(each_text(
                &s,
                "nonce",
                &["", &"x".repeat(4096), "a\"b", "a\\b", "a\r\nSet-Cookie: b", "\u{e9}", "\0"],
            ))
            .answers(use_nonce()),
        get("dp34_nonces_where_none_is_asked_for")
            .each(each_text(&s, "nonce", &[&nonce, "", "any", "a\"b"]))
            .each(each_claim(&s, "nonce", [json!(1), json!(null), json!(["a"])]))
            .passes(ADA),
        of("dp35_clock_of_the_sender_with_a_nonce")
            .each([-3 * 3600, 3 * 3600, -70_i64].map(|seconds| {
                let with_good = with_good.clone();
                s.text(format!("{seconds} s"), move |s| {
                    with_good(s).at(NOW.saturating_add_signed(seconds)).sign().unwrap()
                })
            }))
            .passes(ADA),
        of("dp35_clock_of_the_sender_without_one")
            .each([NOW - 3 * 3600, NOW + 3 * 3600].map(|at| s.with(format!("{at}"), move |proof| proof.at(at))))
            .answers(use_nonce()),
        of("dp36_another_key_and_a_good_nonce")
            .each([s.text("another key", {
                let nonce = nonce.clone();
                move |s| s.proof_by(&OTHER_KEY).nonce(&nonce).sign().unwrap()
            })])
            .answers(invalid_token()),
        of("dp36_another_key_and_no_nonce")
            .each([s.text("another key", |s| s.proof_by(&OTHER_KEY).sign().unwrap())])
            .answers(with_nonce(invalid_token())),
        of("dp36_no_nonce_and_something_else")
            .each([
                s.with("another token", |proof| proof.access_token("another")),
                s.with("another target", |proof| proof.claim("htu", "https://api.example/other")),
                s.with("forged", |proof| proof.signed_by(&OTHER_KEY)),
            ])
            .answers(with_nonce(invalid_proof())),
        of("dp36_good_nonce_and_something_else")
            .each([s.text("another token", move |s| with_good(s).access_token("another").sign().unwrap())])
            .answers(invalid_proof()),
        of("dp36_no_nonce_and_an_expired_token").each([expired(bound()).good()]).answers(with_nonce(refused_by_dpop(
            "token_expired",
            "invalid_token",
            "The access token expired",
        ))),
        of("dp36_good_proof_without_the_right_and_a_nonce_that_grows_old")
            .at("/scope")
            .each(each_text(&s.clone().at("/scope"), "nonce", &[&nonce_of(NOW - 40)]))
            .answers(with_nonce(super::lacks_scope())),
        of("dp36_good_proof_without_the_right_and_a_young_nonce")
            .at("/scope")
            .each(each_text(&s.clone().at("/scope"), "nonce", &[&nonce]))
            .answers(super::lacks_scope()),
        of("dp33_no_nonce_for_whoever_shows_no_proof")
            .each([s.around("by the scheme Bearer", |token, proof| {
                Credentials::default().token("Bearer", token).proof(proof)
            })])
            .answers(super::invalid_bearer_token()),
        of("dp02_no_proof_where_nonces_are_asked_for")
            .each([s.around("none", |token, _| Credentials::default().token("DPoP", token))])
            .answers(with_nonce(super::missing_proof())),
        of("dp10_small_key_where_nonces_are_asked_for")
            .each([s.text("of another kind", |s| {
                let key = DpopKey::generate_for(rampart_issuer::Algorithm::ES384).unwrap();
                s.proof_by(&key).sign().unwrap()
            })])
            .answers(with_nonce(invalid_proof())),
    ]
}
