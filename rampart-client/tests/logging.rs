//! What the client says to the log, and that it holds no lock of its own meanwhile: the subscriber here calls back into it.
#![cfg(test)]

mod common;

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use common::{SECOND, TICK, Time, Waiting, any, builder, issuer, poll_once, quiet, seconds, until};
use parking_lot::Mutex;
use rampart_client::{AccessToken, RampartClient, TokenRequest};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Real time after which a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Callbacks that ask for sets of their own, which are then asked for in the background: not for ever.
const NEW_SETS: usize = 20;

/// Notes every line, and calls every method of the client that takes a lock.
#[derive(Default)]
struct CallsBack {
    client: OnceLock<RampartClient>,
    token: OnceLock<AccessToken>,
    lines: Mutex<Vec<String>>,
    calls: AtomicUsize,
    /// A caller, and whether it had its outcome when the first line was written.
    waiting: Mutex<Option<Waiting>>,
    was_told: OnceLock<bool>,
}

impl CallsBack {
    fn call(&self) {
        let Some(client) = self.client.get() else { return };
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(mut waiting) = self.waiting.lock().take() {
            self.was_told.set(waiting.at_once().is_some()).unwrap();
        }
        drop(poll_once(client.token(&any())));
        if number < NEW_SETS {
            drop(poll_once(client.token(&TokenRequest::new([format!("set-{number}")]))));
        }
        if let Some(token) = self.token.get() {
            client.invalidate(token);
        }
        assert!(format!("{client:?}").contains("sets"));
    }

    fn said(&self, parts: &[&str]) -> bool {
        self.lines.lock().iter().any(|line| parts.iter().all(|part| line.contains(part)))
    }

    #[track_caller]
    fn has_said(&self, parts: &[&str]) {
        assert!(self.said(parts), "{parts:?} is not in {:#?}", self.lines.lock());
    }
}

#[derive(Clone)]
struct Listener(Arc<CallsBack>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "rampart"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lines.lock().push(line.0);
        self.0.call();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs a test on a thread of its own, which a deadlock would hold for ever.
fn listening(test: impl FnOnce(Arc<CallsBack>) + Send + 'static) {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let log = Arc::new(CallsBack::default());
        tracing::subscriber::with_default(Listener(Arc::clone(&log)), || test(log));
        done.send(()).unwrap();
    });
    finished.recv_timeout(PATIENCE).expect("the test has failed, or the client waits for itself");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn client_of(issuer: &LocalIssuer, log: &CallsBack) -> RampartClient {
    let client = builder(issuer).build().unwrap();
    log.client.set(client.clone()).unwrap();
    client
}

#[test]
fn outcomes_of_requests_are_logged_with_the_set_and_while_nothing_is_locked() {
    listening(|log| {
        runtime().block_on(async {
            let issuer = issuer().await;
            let client = client_of(&issuer, &log);
            issuer.inject_times(Endpoint::Token, &Fault::json(400, r#"{"error":"invalid_scope"}"#), 1);
            let request = any().parameter("audience", "the audience");
            client.token(&request).await.unwrap_err();
            let set = r#"request=TokenRequest { scopes: ["users:read"], parameters: ["audience"] }"#;
            log.has_said(&["WARN", "a request for an access token failed", set, "invalid_scope", "failures=1"]);
            log.has_said(&["retry_in_ms=", &*format!("url=\"{}\"", issuer.token_url())]);
            client.token(&TokenRequest::new(["other"])).await.unwrap();
            log.has_said(&["DEBUG", "a new access token", r#"scopes: ["other"]"#, "lifetime_s=900"]);
            assert!(!log.said(&["the audience"]), "values of parameters may be secret");
        });
        assert!(log.calls.load(Ordering::Relaxed) >= 2);
    });
}

#[test]
fn failure_is_logged_with_the_address_that_was_asked_last() {
    listening(|log| {
        runtime().block_on(async {
            let (issuer, other) = (issuer().await, issuer().await);
            let client = builder(&issuer).discovery().build().unwrap();
            let failed = |url: &str, why: &str| log.has_said(&["WARN", &*format!("url=\"{url}\""), why]);
            let metadata = format!("{}/.well-known/openid-configuration", issuer.url());
            issuer.inject_times(Endpoint::Discovery, &Fault::status(500), 1);
            client.token(&TokenRequest::new(["a"])).await.unwrap_err();
            failed(&metadata, "metadata with status 500");
            // The query may hold a secret.
            let endpoint = json!({"issuer": issuer.url(), "token_endpoint": format!("{}?hunter2", other.token_url())});
            issuer.set_discovery_body(Some(endpoint.to_string()));
            for (scope, fault, why) in [
                ("b", Fault::json(400, r#"{"error":"invalid_scope"}"#), "invalid_scope"),
                ("c", Fault::status(404), "unexpected answer (status 404)"),
            ] {
                other.inject_times(Endpoint::Token, &fault, 1);
                client.token(&TokenRequest::new([scope])).await.unwrap_err();
                failed(&other.token_url(), why);
            }
            assert!(!log.said(&["hunter2"]));
        });
    });
}

#[test]
fn callers_that_wait_are_told_before_the_log_is_written() {
    for fault in [None, Some(Fault::status(500))] {
        listening(move |log| {
            runtime().block_on(async {
                let issuer = issuer().await;
                let client = client_of(&issuer, &log);
                if let Some(fault) = fault {
                    issuer.inject(Endpoint::Token, fault);
                }
                *log.waiting.lock() = Some(Waiting::on(&client, &any()));
                drop(Waiting::on(&client, &any()).outcome().await);
                until("a line", || log.was_told.get().is_some()).await;
                assert_eq!(log.was_told.get(), Some(&true));
            });
        });
    }
}

#[test]
fn refused_token_is_logged_once_and_while_nothing_is_locked() {
    listening(|log| {
        runtime().block_on(async {
            let issuer = issuer().await;
            let client = client_of(&issuer, &log);
            let token = client.token(&any()).await.unwrap();
            log.token.set(token.clone()).unwrap();
            for _ in 0..100 {
                client.invalidate(&token);
            }
            let refused = ["INFO", "refused by the service called", r#"scopes: ["users:read"]"#];
            log.has_said(&refused);
            let lines = log.lines.lock().clone();
            assert_eq!(lines.iter().filter(|line| line.starts_with("INFO")).count(), 1, "{lines:#?}");
            assert!(lines.iter().all(|line| !line.contains(token.access_token.expose())));
        });
    });
}

#[test]
fn requests_that_end_with_their_runtime_are_logged_while_nothing_is_locked() {
    listening(|log| {
        let runtime = runtime();
        let _issuer = runtime.block_on(async {
            let issuer = issuer().await;
            let client = client_of(&issuer, &log);
            issuer.inject(Endpoint::Token, Fault::Hang);
            drop(Waiting::on(&client, &any()));
            until("a request", || issuer.requests(Endpoint::Token) == 1).await;
            issuer
        });
        assert_eq!(log.calls.load(Ordering::Relaxed), 0);
        drop(runtime);
        log.has_said(&["WARN", "no access token could be had", "ended with its runtime", r#"scopes: ["users:read"]"#]);
        assert_ne!(log.calls.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn requests_that_nobody_drives_are_logged_while_nothing_is_locked() {
    listening(|log| {
        let (first, second) = (runtime(), runtime());
        let issuer = second.block_on(issuer());
        let client = client_of(&issuer, &log);
        let _left_behind = first.block_on(async { Waiting::on(&client, &any()) });
        second.block_on(async {
            let time = Time::freeze();
            time.pass(seconds(15) + TICK).await;
            // This caller finds it.
            let waiting = Waiting::on(&client, &any());
            log.has_said(&["WARN", "no access token could be had"]);
            time.pass(SECOND).await;
            waiting.outcome().await.unwrap();
            quiet().await;
        });
        log.has_said(&["DEBUG", "a new access token"]);
    });
}
