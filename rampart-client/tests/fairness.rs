//! Sets that fail beside sets that work: the former must not stop the latter, however often they are asked for.
#![cfg(test)]

mod common;

use std::time::Duration;

use common::selective::{Answer, Selective};
use common::{ByHand, LONGEST_BACK_OFF, SECOND, TICK, Time, Waiting, poll_once, seconds, until};
use rampart_client::{ClientError, RampartClient, TokenRequest};
use tokio::runtime::Builder;

/// Between two calls for the set that is refused.
const STEP: Duration = Duration::from_millis(5);
/// Between two calls for the set that works, in steps.
const SELDOM: u32 = 30;

fn set(scope: &str) -> TokenRequest {
    TokenRequest::new([scope])
}

/// A server, a client of it, and a clock that stands still.
struct Scene<'t> {
    server: Selective,
    client: RampartClient,
    time: &'t Time,
}

/// How the calls for one set went.
#[derive(Debug, Default)]
struct Calls {
    served: usize,
    failed: usize,
    /// When the last one failed.
    last_failure: Duration,
}

impl<'t> Scene<'t> {
    fn new(time: &'t Time) -> Self {
        let server = Selective::start();
        let client = server.client();
        Self { server, client, time }
    }

    /// Asks for those that are refused every 5 ms, and from then on for those that work every 150 ms, for so long.
    async fn mix(&self, refused: &[&str], works: &[&str], span: Duration) -> Calls {
        let (mut calls, mut waiting) = (Calls::default(), Vec::<Waiting>::new());
        let mut note = |outcome: Result<_, ClientError>, at| match outcome {
            Ok(_) => calls.served += 1,
            Err(_) => {
                calls.failed += 1;
                calls.last_failure = at;
            }
        };
        let mut at = Duration::ZERO;
        let mut step = 0;
        while at < span {
            for scope in refused {
                drop(poll_once(self.client.token(&set(scope))));
            }
            for scope in works.iter().filter(|_| step % SELDOM == 1) {
                match poll_once(self.client.token(&set(scope))) {
                    Some(outcome) => note(outcome, at),
                    None => waiting.push(Waiting::on(&self.client, &set(scope))),
                }
            }
            self.server.calm().await;
            waiting.retain_mut(|caller| match caller.at_once() {
                Some(outcome) => {
                    note(outcome, at);
                    false
                }
                None => true,
            });
            self.time.pass(STEP).await;
            at += STEP;
            step += 1;
        }
        assert!(waiting.is_empty(), "callers wait for ever");
        calls
    }

    /// One call, and whatever comes of it.
    async fn ask(&self, scope: &str) -> Result<(), ClientError> {
        let outcome = self.client.token(&set(scope)).await.map(drop);
        self.server.calm().await;
        outcome
    }

    /// One call whose outcome is there at once.
    #[track_caller]
    fn at_once(&self, scope: &str) -> Result<(), ClientError> {
        poll_once(self.client.token(&set(scope))).expect("a caller waited that must not").map(drop)
    }
}

/// What a server may say to one set alone that sounds as if it were said to all.
fn refusals() -> [Answer; 4] {
    [
        Answer::refused("invalid_client"),
        Answer::limited("429 Too Many Requests", ""),
        Answer::limited("429 Too Many Requests", "retry-after: 2\r\n"),
        Answer::limited("503 Service Unavailable", "retry-after: 2\r\n"),
    ]
}

#[tokio::test]
async fn set_that_is_refused_however_often_it_asks_does_not_keep_another_from_renewing() {
    let time = Time::freeze();
    for refusal in refusals() {
        let scene = Scene::new(&time);
        // Renewed after half a minute, and of no use after 54 s.
        scene.server.answer("works", Answer::token(60));
        scene.server.answer("refused", refusal.clone());
        scene.ask("works").await.unwrap();
        let calls = scene.mix(&["refused"], &["works"], seconds(90)).await;
        assert_eq!((calls.served, calls.failed), (600, 0), "{refusal:?}");
        let renewals = scene.server.asked_for("works") - 1;
        assert!((2..=4).contains(&renewals), "{renewals} renewals beside {refusal:?}");
        // Nor is the server asked more often than one set alone would ask it.
        let asked = scene.server.asked_for("refused");
        assert!((3..=60).contains(&asked), "{asked} requests that were refused with {refusal:?}");
    }
}

#[tokio::test]
async fn set_that_is_refused_does_not_keep_another_from_its_first_token() {
    let time = Time::freeze();
    for refusal in refusals() {
        let scene = Scene::new(&time);
        scene.server.answer("works", Answer::token(60));
        scene.server.answer("refused", refusal.clone());
        let calls = scene.mix(&["refused"], &["works"], seconds(90)).await;
        // The first failure makes all of them wait, once.
        assert!(calls.last_failure <= seconds(2) + STEP * SELDOM, "{calls:?} beside {refusal:?}");
        assert_eq!(calls.served + calls.failed, 600);
    }
}

#[tokio::test]
async fn many_that_are_refused_do_not_keep_one_from_its_token_either() {
    let time = Time::freeze();
    let refused = ["a", "b", "c", "d", "e", "f"];
    for refusal in refusals() {
        let scene = Scene::new(&time);
        for scope in refused {
            scene.server.answer(scope, refusal.clone());
        }
        scene.server.answer("works", Answer::token(30));
        let calls = scene.mix(&refused, &["works"], seconds(60)).await;
        assert!(calls.last_failure <= seconds(2) + STEP * SELDOM, "{calls:?} beside {refusal:?}");
        // Nor does one of them keep the others from being asked for.
        let asked: Vec<_> = refused.iter().map(|scope| scene.server.asked_for(scope)).collect();
        assert!(asked.iter().all(|asked| *asked >= 1), "{asked:?} with {refusal:?}");
    }
}

#[tokio::test]
async fn one_that_makes_all_wait_again_and_again_does_not_keep_several_from_their_tokens() {
    let time = Time::freeze();
    let scene = Scene::new(&time);
    scene.server.answer("refused", Answer::limited("429 Too Many Requests", "retry-after: 10\r\n"));
    let calls = scene.mix(&["refused"], &["a", "b", "c", "d", "e", "f"], seconds(60)).await;
    // After the second time it is known for it, and lets those go first that wait.
    assert!(calls.last_failure <= seconds(20) + STEP * SELDOM, "{calls:?}: {:?}", scene.server.asked());
    assert!(scene.server.asked_for("refused") <= 6, "{:?}", scene.server.asked());
}

#[tokio::test]
async fn wrong_credentials_are_those_of_all_sets_only_until_one_is_given_a_token() {
    let time = Time::freeze();
    let scene = Scene::new(&time);
    scene.server.answer("refused", Answer::refused("invalid_client"));
    scene.server.answer("works", Answer::token(60));
    scene.ask("refused").await.unwrap_err();
    // So it seems, and nobody else asks.
    let error = scene.at_once("works").unwrap_err();
    assert!(matches!(error, ClientError::OAuth { status: 401, .. }), "{error:?}");
    assert_eq!(scene.server.asked(), ["refused"]);
    time.pass(SECOND + TICK).await;
    scene.ask("works").await.unwrap();
    // Now it is known to be a matter of that set alone.
    for other in 1..6 {
        scene.ask("refused").await.unwrap_err();
        scene.ask(&format!("other-{other}")).await.unwrap();
        time.pass(LONGEST_BACK_OFF + TICK).await;
    }
    // Where the secret is changed, no set goes on with what was known of the old one.
    for scope in ["works", "new"] {
        scene.server.answer(scope, Answer::refused("invalid_client"));
    }
    scene.ask("works").await.unwrap_err();
    let asked = scene.server.asked().len();
    for _ in 0..4 {
        for scope in ["refused", "works", "new"] {
            scene.at_once(scope).unwrap_err();
        }
        time.pass(LONGEST_BACK_OFF + TICK).await;
        scene.ask("refused").await.unwrap_err();
    }
    // One that has not been refused yet has gone first; then it is the turn of the others, one at a time.
    assert_eq!(scene.server.asked()[asked..], ["new", "refused", "works", "new"]);
}

/// Two sets are refused, one of them with a token that serves; two have not asked yet.
#[tokio::test]
async fn sets_that_have_not_failed_go_first_and_the_one_that_failed_last_goes_last() {
    let time = Time::freeze();
    let scene = Scene::new(&time);
    scene.server.answer("live", Answer::token(10_000));
    scene.ask("live").await.unwrap();
    time.pass(seconds(9_700)).await;
    for scope in ["live", "refused", "new", "other"] {
        scene.server.answer(scope, Answer::limited("429 Too Many Requests", "retry-after: 10\r\n"));
    }
    scene.ask("refused").await.unwrap_err();
    for _ in 0..8 {
        for scope in ["refused", "new", "other", "live"] {
            drop(poll_once(scene.client.token(&set(scope))));
        }
        scene.server.calm().await;
        time.pass(LONGEST_BACK_OFF + TICK).await;
        // It is always there first.
        for _ in 0..3 {
            drop(poll_once(scene.client.token(&set("refused"))));
            scene.server.calm().await;
        }
    }
    let asked = scene.server.asked();
    let expected = ["live", "refused", "live", "new", "other", "live", "refused", "live", "new", "live"];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn request_that_ends_with_its_runtime_calls_back_nobody_who_has_gone_ahead() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = server.client();
    // Begun before anything is wrong, somewhere else.
    let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let own = client.clone();
    drop(elsewhere.spawn(async move { own.token(&set("lost")).await }));
    let lost = server.request().await;
    let limited = Waiting::on(&client, &set("limited"));
    server.request().await.answer("429 Too Many Requests", "").await;
    limited.outcome().await.unwrap_err();
    time.pass(SECOND + TICK).await;
    let first = Waiting::on(&client, &set("first"));
    let held = server.request().await;
    std::thread::spawn(move || elsewhere.shutdown_timeout(seconds(5))).join().unwrap();
    drop(lost);
    // They wait for the first one still.
    for scope in ["lost", "other"] {
        let error = poll_once(client.token(&set(scope))).expect("another one went too").unwrap_err();
        assert!(matches!(error, ClientError::RateLimited { .. }), "{error:?}");
    }
    server.is_left_alone().await;
    held.token("a.token", 900).await;
    first.outcome().await.unwrap();
    let other = Waiting::on(&client, &set("other"));
    server.request().await.token("a.token", 900).await;
    other.outcome().await.unwrap();
}

#[tokio::test]
async fn set_whose_token_runs_out_does_not_wait_for_one_that_hangs() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = RampartClient::builder(server.url(), "service", "service-secret").token_url(server.url());
    let client = client.http_client(|http| http.timeout(seconds(30))).build().unwrap();
    for scope in ["works", "works too"] {
        let works = Waiting::on(&client, &TokenRequest::new(scope.split(' ')));
        server.request().await.token("a.token", 60).await;
        works.outcome().await.unwrap();
    }
    let call =
        |scope: &str| poll_once(client.token(&TokenRequest::new(scope.split(' ')))).expect("a caller waited").map(drop);
    time.pass(seconds(40)).await;
    let limited = Waiting::on(&client, &set("limited"));
    server.request().await.answer("429 Too Many Requests", "").await;
    limited.outcome().await.unwrap_err();
    time.pass(SECOND + TICK).await;
    // Until 71 s at the latest, and the others have tokens that serve until 54 s.
    let mut hangs = Waiting::on(&client, &set("hangs"));
    let held = server.request().await;
    call("works").unwrap();
    let first = server.request().await;
    // One at a time, unless that one hangs as well.
    call("works too").unwrap();
    server.is_left_alone().await;
    time.pass(SECOND).await;
    call("works too").unwrap();
    let second = server.request().await;
    for answered in [first, second] {
        answered.token("a.new-token", 60).await;
    }
    until_renewed(&client, "works").await;
    until_renewed(&client, "works too").await;
    time.pass(seconds(15)).await;
    hangs.still_waits();
    for scope in ["works", "works too"] {
        call(scope).unwrap();
    }
    drop(held);
}

async fn until_renewed(client: &RampartClient, scope: &str) {
    let request = TokenRequest::new(scope.split(' '));
    until("a renewal", || {
        let token = poll_once(client.token(&request)).unwrap().unwrap();
        token.access_token.expose() == "a.new-token"
    })
    .await;
}
