//! An issuer, an API whose tokens can be revoked, and their clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rampart_conformance::case::Case;
use rampart_conformance::fixture::{FIXTURE, NOW};
use rampart_conformance::wire::{Connection, Reply};
use rampart_core::{RampartAuth, RampartAuthBuilder, Revocation, Revocations};
use rampart_issuer::{Algorithm, LocalIssuer, TokenBuilder};
use tokio::sync::Semaphore;

use crate::Ground;

pub(crate) const LOGOUT: &str = "/backchannel-logout";
pub(crate) const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// What the application of these tests is made of. Its routes: `/me`, `/layer` and `/optional` say who is signed in, `/slow` the same
/// once it may, and `/slow-to-ask` once it may, asking for a role then; `/objects` is a guard within a layer of another object; and [`LOGOUT`], also within `/auth`.
pub(crate) struct Parts {
    pub(crate) auth: RampartAuth,
    /// The same tokens, and no revocations.
    pub(crate) other: RampartAuth,
    pub(crate) gate: Arc<Gate>,
}

/// Where a handler waits until a test lets it go on.
#[derive(Debug)]
pub(crate) struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    /// For the handler.
    pub(crate) async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// For the test: waits for the handler.
    pub(crate) fn wait(&self) {
        FIXTURE.wait(self.reached.acquire()).unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

pub(crate) struct World {
    ground: Ground,
    pub(crate) issuer: LocalIssuer,
    pub(crate) revocations: Revocations,
    pub(crate) auth: RampartAuth,
    pub(crate) gate: Arc<Gate>,
    pub(crate) address: SocketAddr,
    time: Arc<AtomicU64>,
}

/// An answer: its status, its headers by name, its body.
pub(crate) type Answer = (u16, Vec<(String, String)>, String);

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.sort();
    (status, headers, body.to_owned())
}

/// Nobody may keep any answer of the logout.
pub(crate) fn done() -> Answer {
    answer(200, &[("cache-control", "no-store")], "")
}

pub(crate) fn failed(status: u16, error: &str, description: &str) -> Answer {
    let body = format!(r#"{{"error":"{error}","error_description":"{description}","status":{status}}}"#);
    answer(status, &[("cache-control", "no-store"), ("content-type", "application/json")], &body)
}

pub(crate) fn refused() -> Answer {
    failed(400, "invalid_request", "The logout token is not valid")
}

impl World {
    pub(crate) fn new(ground: Ground) -> Self {
        Self::with(ground, |builder| builder)
    }

    pub(crate) fn with(ground: Ground, set_up: impl FnOnce(RampartAuthBuilder) -> RampartAuthBuilder) -> Self {
        let issuer = FIXTURE.wait(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
        let world = Self::cold(ground, issuer, Revocations::new(), set_up);
        FIXTURE.wait(world.auth.warm_up()).unwrap();
        world
    }

    /// Its keys are not there yet.
    pub(crate) fn cold(
        ground: Ground,
        issuer: LocalIssuer,
        revocations: Revocations,
        set_up: impl FnOnce(RampartAuthBuilder) -> RampartAuthBuilder,
    ) -> Self {
        let time = Arc::new(AtomicU64::new(NOW));
        let api = || {
            let time = Arc::clone(&time);
            RampartAuth::builder(issuer.url(), issuer.audience())
                .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(time.load(Ordering::Relaxed)))
                .__apart_from_others()
        };
        let auth = set_up(api().revocations(revocations.clone())).build().unwrap();
        let gate = Arc::new(Gate { reached: Semaphore::new(0), open: Semaphore::new(0) });
        let parts = Parts { auth: auth.clone(), other: api().build().unwrap(), gate: Arc::clone(&gate) };
        let address = (ground.application)(&parts);
        Self { ground, issuer, revocations, auth, gate, address, time }
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.time.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn revoke(&self, revocation: impl Into<Revocation>) {
        FIXTURE.wait(self.revocations.revoke(revocation)).unwrap();
    }

    /// Those headers of an answer that are not the framework's own.
    pub(crate) fn shown(&self, reply: &Reply) -> Answer {
        let is_ours = |name: &str| name == "allow" || !self.ground.framework.own_headers.contains(&name);
        let mut headers: Vec<_> = reply.headers.iter().filter(|(name, _)| is_ours(name)).cloned().collect();
        headers.sort();
        (reply.status, headers, reply.body.clone())
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address).unwrap()
    }

    /// What a token gets somewhere.
    pub(crate) fn get(&self, target: &'static str, token: &str) -> Answer {
        let request = Case::get("get", target).bearer(token).request("get");
        self.shown(&self.connect().ask(&request).unwrap())
    }

    /// Whether a token passes. One that does not is refused as one that was forged is.
    pub(crate) fn passes(&self, token: &TokenBuilder) -> bool {
        let token = token.sign().unwrap();
        let answer = self.get("/me", &token);
        if answer.0 == 200 {
            return true;
        }
        assert_eq!(answer, self.forged());
        false
    }

    /// The answer to a token that nobody has issued.
    pub(crate) fn forged(&self) -> Answer {
        let challenge =
            r#"Bearer realm="default", error="invalid_token", error_description="The access token is invalid""#;
        let (status, mut headers, body) = failed(401, "invalid_token", "The access token is invalid");
        headers.push(("www-authenticate".to_owned(), challenge.to_owned()));
        assert_eq!(self.get("/me", "forged"), (status, headers.clone(), body.clone()));
        (status, headers, body)
    }

    /// A good logout token of the session `s-1` of `ada`.
    pub(crate) fn logout(&self) -> TokenBuilder {
        self.issuer.logout_token().at(NOW).expires_in(120).sub("ada").sid("s-1")
    }

    /// A token of that session.
    pub(crate) fn access(&self) -> TokenBuilder {
        self.issuer.token().at(NOW).sub("ada").sid("s-1")
    }

    /// Sends a logout token as an issuer does.
    pub(crate) fn send(&self, token: &TokenBuilder) -> Answer {
        self.send_text(&token.sign().unwrap())
    }

    pub(crate) fn send_text(&self, token: &str) -> Answer {
        self.post(LOGOUT, &[FORM], &format!("logout_token={token}"))
    }

    pub(crate) fn post(&self, target: &str, lines: &[&str], body: &str) -> Answer {
        self.shown(&self.connect().ask(&post(target, lines, body)).unwrap())
    }

    /// Nobody was signed out.
    pub(crate) fn nothing_is_revoked(&self, what: &str) {
        assert!(self.passes(&self.access()), "{what}");
        assert_eq!(self.revocations.health().entries, 0, "{what}");
    }

    /// The token is refused, and does nothing.
    pub(crate) fn refuses(&self, what: &str, token: &TokenBuilder) {
        assert_eq!(self.send(token), refused(), "{what}");
        self.nothing_is_revoked(what);
    }
}

pub(crate) fn post(target: &str, lines: &[&str], body: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let head = [&[&*format!("POST {target} HTTP/1.1"), "Host: api.test"], lines, &[&*length, "", body]];
    head.concat().join("\r\n").into()
}
