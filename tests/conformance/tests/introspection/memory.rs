//! For how long an answer is believed: IN08 to IN11, IN13, IN18, IN30.

use std::time::Duration;

use rampart_client::RampartClient;
use rampart_conformance::case::{App, Case};
use rampart_conformance::credentials::{Credentials, Input};
use rampart_conformance::fixture::{FIXTURE, NOW};
use rampart_conformance::introspection::{CLIENT, SECRET, client};
use rampart_conformance::sender::{KEY, OTHER_KEY, Sender, accepted};
use rampart_conformance::wire::Connection;
use rampart_core::Introspection;
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer};

use crate::{Ground, as_it_is, is_expired, is_good, is_invalid, is_unavailable};

pub(crate) fn in09_answer_is_believed_for_its_time_and_no_longer_than_the_token_lives(ground: &Ground) {
    let world = ground.world(as_it_is);
    let no_end = [world.token().without("exp"), world.token().claim("exp", 253_402_300_799_u64), world.token()];
    for token in no_end.map(|token| token.issue()) {
        world.issuer.reset_counts();
        world.time.set(NOW);
        is_good(&world.ask(&token));
        world.time.pass(29);
        is_good(&world.ask(&token));
        assert_eq!(world.questions(), 1);
        world.time.pass(1);
        is_good(&world.ask(&token));
        assert_eq!(world.questions(), 2, "half a minute is over");
    }
    world.issuer.reset_counts();
    world.time.set(NOW);
    let token = world.token().claim("exp", NOW + 2).issue();
    for (second, questions) in [(0, 1), (1, 1), (2, 2)] {
        world.time.set(NOW + second);
        is_good(&world.ask(&token));
        assert_eq!(world.questions(), questions, "at {second}");
    }
    world.time.set(NOW + 7);
    is_expired(&world.ask(&token));
    assert_eq!(world.questions(), 2, "before the issuer is asked, which would say that it is active");
}

pub(crate) fn in10_each_route_asks_for_its_own_of_what_is_remembered(ground: &Ground) {
    for (first, second, scope) in [
        ("/scope", "/scopes", "tasks:write"),
        ("/layered/scope", "/scopes", "tasks:write"),
        ("/scopes", "/layered/scope", "email:send email:read"),
        ("/in-handler/scope", "/role", "tasks:write"),
    ] {
        let world = ground.world(as_it_is);
        let token = world.token().scope(scope).issue();
        for _ in 0..2 {
            let good = world.ask_for(first, &token);
            assert_eq!((good.status, good.body), (200, format!("ada roles=user scope={scope}")), "{first}");
            let refused = world.ask_for(second, &token);
            let challenge = refused.header("www-authenticate").unwrap();
            assert!(refused.status == 403 && challenge.contains(r#"error="insufficient_scope""#), "{refused:?}");
        }
        assert_eq!(world.questions(), 1, "{first}, {second}");
    }
}

pub(crate) fn in11_each_object_asks_its_own_issuer_as_itself(ground: &Ground) {
    let [one, other] = [(); 2].map(|()| ground.world(as_it_is));
    let token = one.token().issue();
    for _ in 0..2 {
        is_good(&one.ask(&token));
        is_invalid(&other.ask(&token));
    }
    assert_eq!((one.questions(), other.questions()), (1, 1));

    // One endpoint, and two who ask it; their object is the same but for that.
    let start = LocalIssuer::builder().algorithm(Algorithm::ES256).client(CLIENT, SECRET).client("other-api", "other");
    let issuer = FIXTURE.wait(start.start()).unwrap();
    let by = |id: &'static str, secret: &'static str| {
        let client = move |issuer: &LocalIssuer| RampartClient::builder(issuer.url(), id, secret).build().unwrap();
        ground.world_at(App::Opaque, issuer.clone(), client, |builder, client| {
            builder.introspection(Introspection::of(client))
        })
    };
    let (one, other) = (by(CLIENT, SECRET), by("other-api", "other"));
    let token = one.token().issue();
    for _ in 0..2 {
        is_good(&one.ask(&token));
        is_good(&other.ask(&token));
    }
    let recorded = issuer.recorded(Endpoint::Introspection);
    let by: Vec<_> = recorded.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert!(by.len() == 2 && by[0] != by[1], "{by:?}");
}

pub(crate) fn in13_token_that_was_revoked_passes_for_half_a_minute(ground: &Ground) {
    let world = ground.world(as_it_is);
    let token = world.token().issue();
    is_good(&world.ask(&token));
    world.time.pass(1);
    world.issuer.revoke(&token);
    is_good(&world.ask(&token));
    world.time.pass(28);
    is_good(&world.ask(&token));
    assert_eq!(world.questions(), 1);
    world.time.pass(1);
    for _ in 0..3 {
        is_invalid(&world.ask(&token));
    }
    assert_eq!(world.questions(), 2, "nor is it asked about each time");
    // Nothing that was said before comes back once the clock does.
    world.time.set(NOW);
    is_invalid(&world.ask(&token));
}

pub(crate) fn in13_answer_that_was_none_is_not_remembered_as_no(ground: &Ground) {
    let world = ground.world(as_it_is);
    let token = world.token().issue();
    world.issuer.inject_for(&token, Fault::status(500));
    is_unavailable(&world.ask(&token), 1..=5);
    world.issuer.clear_faults();
    is_unavailable(&world.ask(&token), 1..=5);
    assert_eq!(world.questions(), 1);
}

fn stale(introspection: Introspection) -> Introspection {
    introspection.serve_stale(Duration::from_secs(60))
}

pub(crate) fn in18_token_that_was_active_a_moment_ago_goes_on_where_that_is_wanted(ground: &Ground) {
    let world = ground.world(stale);
    let [token, shorter, revoked] =
        [world.token(), world.token().claim("exp", NOW + 35), world.token()].map(|token| token.issue());
    for token in [&token, &shorter, &revoked] {
        is_good(&world.ask(token));
    }
    for token in [&token, &shorter] {
        world.issuer.inject_for(token, Fault::status(503));
    }
    world.issuer.revoke(&revoked);
    world.time.pass(39);
    for _ in 0..3 {
        is_good(&world.ask(&token));
    }
    assert_eq!(world.questions(), 4, "and not with each request");
    is_good(&world.ask(&shorter));
    is_invalid(&world.ask(&revoked));
    world.time.pass(1);
    is_expired(&world.ask(&shorter));
    world.time.pass(19);
    is_good(&world.ask(&token));
    world.time.pass(1);
    is_unavailable(&world.ask(&token), 1..=5);
    let never_seen = world.token().issue();
    world.issuer.inject_for(&never_seen, Fault::status(503));
    is_unavailable(&world.ask(&never_seen), 1..=5);
}

pub(crate) fn in18_nothing_goes_on_where_nobody_asked_for_it(ground: &Ground) {
    let world = ground.world(as_it_is);
    let token = world.token().issue();
    is_good(&world.ask(&token));
    world.issuer.inject_for(&token, Fault::status(503));
    world.time.pass(30);
    is_unavailable(&world.ask(&token), 1..=5);
}

pub(crate) fn in30_earlier_end_holds_once_its_time_has_come(ground: &Ground) {
    let world = ground.world(Introspection::every_token);
    let token = world.jwt().sign().unwrap();
    world.issuer.answer_for(&token).claim("exp", NOW + 10).issue();
    is_good(&world.ask(&token));
    world.time.pass(15);
    is_expired(&world.ask(&token));
    assert_eq!(world.questions(), 1);
    let other = world.jwt().jti("other").at(NOW).sign().unwrap();
    is_good(&world.ask(&other));
}

pub(crate) fn in08_remembered_answer_still_needs_a_proof_of_its_key(ground: &Ground) {
    let world = ground.world_of(App::OpaqueDpop, client, |builder, client| {
        builder.dpop(accepted()).introspection(Introspection::of(client))
    });
    let s = Sender::with_token(world.token().bound_to(&KEY).issue());
    let ask = |input: Input| {
        let request = Case::get("bound", "/protected").each([input]).request("bound");
        let reply = Connection::open(world.address).unwrap().ask(&request).unwrap();
        (reply.status, reply.body.split('"').nth(3).unwrap_or_default().to_owned())
    };
    let said = |status, code: &str| (status, code.to_owned());
    for _ in 0..2 {
        assert_eq!(ask(s.good()).0, 200);
        let none = s.around("none", |token, _| Credentials::default().token("DPoP", token));
        assert_eq!(ask(none), said(401, "invalid_dpop_proof"));
        assert_eq!(ask(s.text("another key", |s| s.proof_by(&OTHER_KEY).sign().unwrap())), said(401, "invalid_token"));
        let bearer = s.around("Bearer", |token, proof| Credentials::default().token("Bearer", token).proof(proof));
        assert_eq!(ask(bearer), said(401, "invalid_token"));
        let spent = s.proof().sign().unwrap();
        let spent = s.text("spent", move |_| spent.clone());
        assert_eq!((ask(spent.clone()).0, ask(spent)), (200, said(401, "invalid_dpop_proof")));
    }
    assert_eq!(world.questions(), 1);
}
