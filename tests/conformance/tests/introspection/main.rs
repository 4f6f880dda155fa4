//! Tokens that the issuer is asked about (RFC 7662), on each framework over real sockets: what takes several requests, a clock that goes
//! on, many at once, an endpoint that fails, or an application of its own. What one request shows is a case in
//! `src/cases/introspection`.
//!
//! For how long something is remembered is decided by two clocks, of which these tests set one, that of tokens. The other, of ages, is
//! tokio's: what it alone decides is shown by the tests of the core, which stop it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod endpoint;
mod floods;
mod memory;
mod questions;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use parking_lot::Mutex;
use rampart_client::RampartClient;
use rampart_conformance::apps::FRAMEWORKS;
use rampart_conformance::case::{App, Case};
use rampart_conformance::fixture::{FIXTURE, NOW};
use rampart_conformance::introspection::{Time, client, issuer, opaque};
use rampart_conformance::subject::Framework;
use rampart_conformance::wire::{Connection, Reply};
use rampart_core::{Event, Introspection, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Endpoint, LocalIssuer, OpaqueBuilder, TokenBuilder};

/// A framework, for applications of these tests on it.
struct Ground(&'static Framework);

/// Tests with their names, which are those of the functions.
macro_rules! tests {
    ($($module:ident: $($test:ident),* $(,)?;)*) => {
        &[$($((stringify!($test), $module::$test)),*),*]
    };
}

type OnFramework = fn(&Ground);

const TESTS: &[(&str, OnFramework)] = tests![
    memory:
        in09_answer_is_believed_for_its_time_and_no_longer_than_the_token_lives,
        in10_each_route_asks_for_its_own_of_what_is_remembered,
        in11_each_object_asks_its_own_issuer_as_itself,
        in13_token_that_was_revoked_passes_for_half_a_minute,
        in13_answer_that_was_none_is_not_remembered_as_no,
        in18_token_that_was_active_a_moment_ago_goes_on_where_that_is_wanted,
        in18_nothing_goes_on_where_nobody_asked_for_it,
        in30_earlier_end_holds_once_its_time_has_come,
        in08_remembered_answer_still_needs_a_proof_of_its_key;
    floods:
        in12_thousand_requests_make_one_question_whoever_goes_away,
        in14_flood_of_strangers_does_not_reach_known_users;
    endpoint:
        in16_refused_credentials_are_the_operators_fault_and_pause_for_all,
        in16_answer_that_is_none_concerns_its_token_alone,
        in17_endpoint_that_fails_lets_nobody_in,
        in17_endpoint_that_is_slow_lets_nobody_in,
        in17_endpoint_that_is_not_there_lets_nobody_in,
        in17_redirect_is_not_followed,
        in31_endpoint_on_another_origin_is_named_and_sees_nothing;
    questions:
        in15_token_of_another_form_makes_no_question,
        in19_token_stands_in_the_body_of_a_post_and_nowhere_else,
        in20_what_has_the_form_of_a_jwt_makes_no_question,
        in21_jwt_that_is_bad_here_makes_no_question,
        in21_issuer_that_is_down_lets_no_jwt_in,
        in22_token_is_asked_about_as_it_is,
        in32_what_is_no_jwt_makes_one_question;
];

fn main() {
    let tests = FRAMEWORKS.iter().flat_map(|framework| {
        TESTS.iter().map(move |(name, run)| {
            Trial::test(format!("on_{}::{name}", framework.name), move || {
                run(&Ground(framework));
                Ok(())
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit();
}

/// An issuer, and an application that asks it.
struct World {
    issuer: LocalIssuer,
    time: Time,
    auth: RampartAuth,
    address: SocketAddr,
    failures: Arc<Mutex<Vec<Failure>>>,
}

/// That the issuer could not be asked, as the application hears of it.
#[derive(Clone, Debug)]
struct Failure {
    error: String,
    is_fault: bool,
    pause: Option<u64>,
}

impl Ground {
    /// An application whose auth object is set up so; who asks is the usual client.
    fn world(&self, set: impl FnOnce(Introspection) -> Introspection) -> World {
        self.world_of(App::Opaque, client, |builder, client| builder.introspection(set(Introspection::of(client))))
    }

    fn world_of(
        &self,
        app: App,
        client: impl FnOnce(&LocalIssuer) -> RampartClient,
        set: impl FnOnce(RampartAuthBuilder, RampartClient) -> RampartAuthBuilder,
    ) -> World {
        let issuer = FIXTURE.wait(issuer());
        self.world_at(app, issuer, client, set)
    }

    fn world_at(
        &self,
        app: App,
        issuer: LocalIssuer,
        client: impl FnOnce(&LocalIssuer) -> RampartClient,
        set: impl FnOnce(RampartAuthBuilder, RampartClient) -> RampartAuthBuilder,
    ) -> World {
        let (time, failures) = (Time::at(NOW), Arc::<Mutex<Vec<Failure>>>::default());
        let heard = Arc::clone(&failures);
        let builder = time.builder(&issuer).static_jwks(issuer.jwks_json()).on_event(move |event| {
            if let Event::IntrospectionFailed { error, is_fault, pause, .. } = event {
                let pause = pause.map(|pause| pause.as_secs());
                heard.lock().push(Failure { error: (*error).to_owned(), is_fault: *is_fault, pause });
            }
        });
        // What strangers may bring about is counted over a process: other tests have no part in it.
        let auth = set(builder, client(&issuer)).__apart_from_others().build().unwrap();
        let address = (self.0.start)(app, &auth);
        World { issuer, time, auth, address, failures }
    }
}

fn as_it_is(introspection: Introspection) -> Introspection {
    introspection
}

impl World {
    fn token(&self) -> OpaqueBuilder {
        opaque(&self.issuer)
    }

    /// A JWT that is good here.
    fn jwt(&self) -> TokenBuilder {
        self.issuer.token().sub("ada").roles(["user"]).at(NOW).issued_at(NOW - 600)
    }

    fn ask(&self, token: &str) -> Reply {
        self.ask_for("/protected", token)
    }

    fn ask_for(&self, target: &'static str, token: &str) -> Reply {
        Connection::open(self.address).unwrap().ask(&request(target, token)).unwrap()
    }

    /// How often the issuer was asked.
    fn questions(&self) -> usize {
        self.issuer.requests(Endpoint::Introspection)
    }

    /// All failures, once there are so many: those who wait for an answer have it before anybody hears of its failure.
    fn failures(&self, count: usize) -> Vec<Failure> {
        let waits_until = Instant::now() + Duration::from_secs(30);
        while self.failures.lock().len() < count && Instant::now() < waits_until {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.failures.lock().clone()
    }
}

fn request(target: &'static str, token: &str) -> Vec<u8> {
    Case::get("introspection", target).bearer(token).request("introspection")
}

/// The contract's headers of an answer, without `content-type` and `cache-control`, which are the same of all refusals.
#[track_caller]
fn is_refusal(reply: &Reply, status: u16, error: &str, description: &str, challenge: Option<&str>) {
    let body = format!(r#"{{"error":"{error}","error_description":"{description}","status":{status}}}"#);
    assert_eq!((reply.status, reply.body.as_str()), (status, body.as_str()), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
    assert_eq!(reply.header("www-authenticate"), challenge, "{reply:?}");
}

#[track_caller]
fn is_good(reply: &Reply) {
    assert_eq!((reply.status, reply.body.as_str()), (200, "ada roles=user scope="), "{reply:?}");
    for name in ["www-authenticate", "retry-after"] {
        assert_eq!(reply.header(name), None, "{reply:?}");
    }
}

#[track_caller]
fn is_invalid(reply: &Reply) {
    let description = "The access token is invalid";
    let challenge = format!(r#"Bearer realm="default", error="invalid_token", error_description="{description}""#);
    is_refusal(reply, 401, "invalid_token", description, Some(&challenge));
    assert_eq!(reply.header("retry-after"), None, "{reply:?}");
}

#[track_caller]
fn is_expired(reply: &Reply) {
    let description = "The access token expired";
    let challenge = format!(r#"Bearer realm="default", error="invalid_token", error_description="{description}""#);
    is_refusal(reply, 401, "token_expired", description, Some(&challenge));
    assert_eq!(reply.header("retry-after"), None, "{reply:?}");
}

#[track_caller]
fn is_unavailable(reply: &Reply, seconds: RangeInclusive<u64>) {
    is_refusal(reply, 503, "temporarily_unavailable", "The request cannot be checked at the moment; retry later", None);
    let retry_after = reply.header("retry-after").and_then(|value| value.parse().ok());
    assert!(retry_after.is_some_and(|value: u64| seconds.contains(&value)), "{seconds:?}: {reply:?}");
}
