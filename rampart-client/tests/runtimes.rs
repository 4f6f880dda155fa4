//! Runtimes that end, stand still, or are several; callers that have none.
#![cfg(test)]

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use common::{
    ByHand, SECOND, TICK, TIMEOUT, Time, Waiting, address, any, builder, crowd, is_transport, issuer, outcomes,
    poll_once, quiet, same, seconds, settle, until,
};
use rampart_client::RampartClient;
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use reqwest::dns::{Name, Resolve, Resolving};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn o28_runtime_that_ends_takes_its_request_with_it_and_the_next_caller_starts_anew() {
    let (first, second) = (runtime(), runtime());
    let (issuer, client, waiting) = first.block_on(async {
        let issuer = issuer().await;
        let client = builder(&issuer).build().unwrap();
        issuer.inject(Endpoint::Token, Fault::Hang);
        let waiting = Waiting::on(&client, &any());
        until("a request", || issuer.requests(Endpoint::Token) == 1).await;
        (issuer, client, waiting)
    });
    let (elsewhere, time) = second.block_on(async { (Waiting::on(&client, &any()), Time::freeze()) });
    drop(first);
    issuer.clear_faults();
    second.block_on(async {
        // Whoever waited for it from another runtime has a new one, no sooner than a second after the first.
        let callers = crowd(&client, &any(), 10);
        let all = tokio::spawn(elsewhere.outcome());
        quiet().await;
        time.pass(SECOND + TICK).await;
        let token = all.await.unwrap().unwrap();
        for outcome in outcomes(callers).await {
            assert!(same(&outcome.unwrap(), &token));
        }
        assert!(same(&waiting.outcome().await.unwrap(), &token));
    });
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[test]
fn o28_runtime_that_nobody_drives_any_more_holds_up_nobody_for_ever() {
    let (first, second) = (runtime(), runtime());
    let server = second.block_on(ByHand::start());
    let client = server.client();
    let _left_behind = first.block_on(async { Waiting::on(&client, &any()) });
    second.block_on(async {
        let time = Time::freeze();
        let mut waiting = Waiting::on(&client, &any());
        time.pass(seconds(14)).await;
        waiting.still_waits();
        let waiting = tokio::spawn(waiting.outcome());
        quiet().await;
        time.pass(seconds(2)).await;
        server.request().await.token("the.token", 900).await;
        assert_eq!(waiting.await.unwrap().unwrap().access_token.expose(), "the.token");
    });
    // Should it be driven again, what it has to say comes too late to matter.
    first.block_on(async {
        let late = tokio::spawn(async { quiet().await });
        late.await.unwrap();
        assert_eq!(poll_once(client.token(&any())).unwrap().unwrap().access_token.expose(), "the.token");
    });
}

#[test]
fn o28_renewal_that_dies_with_its_runtime_is_followed_by_another() {
    let (first, second) = (runtime(), runtime());
    let (issuer, client, old) = first.block_on(async {
        let issuer = issuer().await;
        let client = builder(&issuer).build().unwrap();
        let old = client.token(&any()).await.unwrap();
        (issuer, client, old)
    });
    first.block_on(async {
        let time = Time::freeze();
        issuer.inject(Endpoint::Token, Fault::Hang);
        time.pass(common::DUE).await;
        assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &old));
        until("a renewal", || issuer.requests(Endpoint::Token) == 2).await;
    });
    drop(first);
    issuer.clear_faults();
    second.block_on(async {
        let time = Time::freeze();
        // As long after it as any renewal after another.
        time.pass(common::DUE + seconds(50)).await;
        assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &old));
        quiet().await;
        assert_eq!(issuer.requests(Endpoint::Token), 2);
        time.pass(seconds(12)).await;
        let mut newest = old.clone();
        until("another renewal", || {
            newest = poll_once(client.token(&any())).unwrap().unwrap();
            !same(&newest, &old)
        })
        .await;
    });
    assert_eq!(issuer.requests(Endpoint::Token), 3);
}

#[test]
fn o28_lost_renewal_of_a_token_of_hours_is_followed_by_another_in_time() {
    // It is due at the age of 35 700 s at the latest, and serves until 35 990 s.
    let due = seconds(35_700);
    let (first, second) = (runtime(), runtime());
    let (issuer, client, old) = first.block_on(async {
        let issuer = issuer().await;
        issuer.token_response(Some(json!({"access_token": "a.token", "expires_in": 36_000})));
        let client = builder(&issuer).build().unwrap();
        let old = client.token(&any()).await.unwrap();
        (issuer, client, old)
    });
    first.block_on(async {
        let time = Time::freeze();
        issuer.inject(Endpoint::Token, Fault::Hang);
        time.pass(due).await;
        assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &old));
        until("a renewal", || issuer.requests(Endpoint::Token) == 2).await;
    });
    drop(first);
    issuer.clear_faults();
    second.block_on(async {
        let time = Time::freeze();
        time.pass(due + seconds(90)).await;
        assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &old));
        quiet().await;
        assert_eq!(issuer.requests(Endpoint::Token), 2);
        time.pass(seconds(12)).await;
        assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &old));
        until("another renewal", || issuer.requests(Endpoint::Token) == 3).await;
    });
}

#[test]
fn o28_renewals_that_nobody_drives_do_not_pile_up() {
    let runtime = runtime();
    let (issuer, client, old, _time) = runtime.block_on(async {
        let issuer = issuer().await;
        let client = builder(&issuer).build().unwrap();
        let old = client.token(&any()).await.unwrap();
        settle().await;
        (issuer, client, old, Time::freeze())
    });
    // A call that returns at once leaves no time to the tasks of this runtime, nor does the clock.
    let pass = |time| runtime.block_on(async { assert!(poll_once(tokio::time::advance(time)).is_none()) });
    pass(common::DUE);
    for _ in 0..9 {
        assert!(same(&runtime.block_on(client.token(&any())).unwrap(), &old));
        pass(seconds(16));
    }
    // One in a minute, which is a third of the margin, although each counts as lost after 15 s.
    assert_eq!(runtime.metrics().num_alive_tasks(), 3);
    assert_eq!(issuer.requests(Endpoint::Token), 1);
    runtime.block_on(settle());
    assert_eq!(issuer.requests(Endpoint::Token), 2, "those that were given up went out too");
    assert!(!same(&poll_once(client.token(&any())).unwrap().unwrap(), &old));
}

#[test]
fn o28_without_a_runtime_there_is_the_token_at_hand_or_an_error_and_no_panic() {
    let runtime = runtime();
    let (issuer, client) = runtime.block_on(async {
        let issuer = issuer().await;
        let client = builder(&issuer).build().unwrap();
        (issuer, client)
    });
    for _ in 0..3 {
        let error = poll_once(client.token(&any())).unwrap().unwrap_err();
        is_transport(&error, "there is no tokio runtime");
    }
    // That was no failure of the server's: there is nothing to wait for.
    let token = runtime.block_on(client.token(&any())).unwrap();
    assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &token));
    drop(runtime);
    assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &token));
    drop(client);
    assert_eq!(issuer.requests(Endpoint::Token), 1);
}

#[test]
fn o28_runtime_without_timers_or_io_is_an_error_and_no_panic() {
    let complete = runtime();
    let (issuer, client) = complete.block_on(async {
        let issuer = issuer().await;
        let client = builder(&issuer).build().unwrap();
        (issuer, client)
    });
    let incomplete = [
        Builder::new_current_thread().enable_io().build().unwrap(),
        Builder::new_current_thread().enable_time().build().unwrap(),
        Builder::new_multi_thread().worker_threads(1).build().unwrap(),
    ];
    for runtime in &incomplete {
        let error = runtime.block_on(client.token(&any())).unwrap_err();
        is_transport(&error, "build it with enable_all()");
    }
    // That was no failure of the server's: there is nothing to wait for.
    let token = complete.block_on(client.token(&any())).unwrap();
    let _time = complete.block_on(async {
        let time = Time::freeze();
        time.pass(common::DUE).await;
        time
    });
    for runtime in &incomplete {
        // A renewal that is due is left to others.
        assert!(same(&runtime.block_on(client.token(&any())).unwrap(), &token));
    }
    assert_eq!(issuer.requests(Endpoint::Token), 1);
}

#[test]
fn o28_two_runtimes_share_one_request() {
    let threads = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (first, second) = (threads(), threads());
    let issuer = first.block_on(issuer());
    let client = builder(&issuer).build().unwrap();
    let mut tokens = Vec::new();
    let callers = [&first, &second].map(|runtime| {
        let _here = runtime.enter();
        crowd(&client, &any(), 100)
    });
    for (runtime, callers) in [&first, &second].into_iter().zip(callers) {
        tokens.extend(runtime.block_on(outcomes(callers)).into_iter().map(Result::unwrap));
    }
    assert!(tokens.iter().all(|token| same(token, &tokens[0])));
    assert_eq!(issuer.requests(Endpoint::Token), 1);
    // Whichever of the two has made it: both go on alone.
    drop(first);
    assert!(same(&second.block_on(client.token(&any())).unwrap(), &tokens[0]));
    second.block_on(client.client_credentials_token(&["another"])).unwrap();
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[test]
fn o28_request_that_goes_ahead_after_a_pause_and_dies_with_its_runtime_holds_up_nobody() {
    let (first, second) = (runtime(), runtime());
    let issuer = second.block_on(issuer());
    let client = builder(&issuer).build().unwrap();
    first.block_on(async {
        let time = Time::freeze();
        issuer.inject_times(Endpoint::Token, &Fault::status(429), 1);
        client.client_credentials_token(&["refused"]).await.unwrap_err();
        time.pass(SECOND + TICK).await;
        issuer.inject(Endpoint::Token, Fault::Hang);
        drop(Waiting::on(&client, &any()));
        until("a request", || issuer.requests(Endpoint::Token) == 2).await;
        // The others wait for what becomes of it.
        poll_once(client.client_credentials_token(&["other"])).unwrap().unwrap_err();
    });
    drop(first);
    issuer.clear_faults();
    second.block_on(async {
        let time = Time::freeze();
        time.pass(SECOND + TICK).await;
        client.client_credentials_token(&["other"]).await.unwrap();
    });
    assert_eq!(issuer.requests(Endpoint::Token), 3);
}

/// Owned by the HTTP client of a client, so that it tells whether that is still there.
struct Witness(SocketAddr);

impl Resolve for Witness {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Box<dyn Iterator<Item = SocketAddr> + Send> = Box::new(std::iter::once(self.0));
        Box::pin(async move { Ok(addresses) })
    }
}

fn watched(issuer: &LocalIssuer) -> (RampartClient, Weak<Witness>) {
    let witness = Arc::new(Witness(address(issuer)));
    let watched = Arc::downgrade(&witness);
    let client = RampartClient::builder("http://auth.test", "service", "service-secret")
        .allow_http(true)
        .token_url(format!("http://auth.test:{}/oauth/token", issuer.port()))
        .http_client(|http| http.no_proxy().dns_resolver(witness))
        .build()
        .unwrap();
    (client, watched)
}

#[test]
fn o28_nothing_stays_behind_where_a_runtime_ends_within_a_request() {
    let runtime = runtime();
    let (issuer, client, witness) = runtime.block_on(async {
        let issuer = issuer().await;
        let (client, witness) = watched(&issuer);
        issuer.inject(Endpoint::Token, Fault::Hang);
        drop(Waiting::on(&client, &any()));
        until("a request", || issuer.requests(Endpoint::Token) == 1).await;
        (issuer, client, witness)
    });
    drop(runtime);
    assert!(witness.upgrade().is_some());
    drop(client);
    assert!(witness.upgrade().is_none(), "something holds on to the client");
    drop(issuer);
}

#[tokio::test]
async fn o28_nothing_stays_behind_where_a_client_goes_before_its_request() {
    let (issuer, time) = (issuer().await, Time::freeze());
    let (client, witness) = watched(&issuer);
    issuer.inject(Endpoint::Token, Fault::Hang);
    let waiting = Waiting::on(&client, &any());
    until("a request", || issuer.requests(Endpoint::Token) == 1).await;
    drop((client, waiting));
    assert!(witness.upgrade().is_some(), "the request goes on");
    time.pass(TIMEOUT + TICK).await;
    settle().await;
    assert!(witness.upgrade().is_none(), "something holds on to the client");
}
