//! APIs that ask their issuer about tokens (RFC 7662), by the client of `rampart-client`, and what the issuer says to them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rampart_client::RampartClient;
use rampart_core::{Introspection, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Algorithm, LocalIssuer, OpaqueBuilder, TokenBuilder};
use serde_json::Value;

use crate::case::App;
use crate::fixture::{FIXTURE, NOW};
use crate::sender::{Pair, accepted};

/// What the APIs are registered under at the issuer.
pub const CLIENT: &str = "api-client";
/// Their secret there.
pub const SECRET: &str = "api-client-secret-that-nobody-may-see";
/// How the tokens of [`elsewhere`](IntrospectionApis::elsewhere) begin.
pub const PREFIX: &str = "ory_at_";

/// An issuer that knows the APIs.
pub async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().algorithm(Algorithm::ES256).client(CLIENT, SECRET).start().await.unwrap()
}

/// Who asks this issuer. Where to ask stands in its metadata.
pub fn client(issuer: &LocalIssuer) -> RampartClient {
    RampartClient::builder(issuer.url(), CLIENT, SECRET).build().unwrap()
}

/// A good token of a user with the role `user`, to be changed and issued.
pub fn opaque(issuer: &LocalIssuer) -> OpaqueBuilder {
    issuer.opaque().sub("ada").claim("roles", ["user"]).without("scope").at(NOW).issued_at(NOW - 600)
}

/// A clock that somebody sets.
#[derive(Clone, Debug)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    /// That stands at this second.
    pub fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    /// From now on it stands there.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    /// Where it stands.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// It goes on by so many seconds.
    pub fn pass(&self, seconds: u64) {
        self.set(self.now() + seconds);
    }

    /// A builder for the tokens of this issuer with this clock.
    pub fn builder(&self, issuer: &LocalIssuer) -> RampartAuthBuilder {
        let time = self.clone();
        RampartAuth::builder(issuer.url(), issuer.audience())
            .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(time.now()))
    }
}

type Change = Arc<dyn Fn(TokenBuilder) -> TokenBuilder + Send + Sync>;

/// The APIs, and their issuer.
pub struct IntrospectionApis {
    /// Who is asked.
    pub issuer: LocalIssuer,
    /// Asks about opaque tokens, and nothing else is set.
    pub opaque: Pair,
    /// The issuer checks for whom a token is.
    pub checked: Pair,
    /// Tokens begin with [`PREFIX`] and have 20 to 100 characters; they are also for [`CLIENT`], and clients are subjects.
    pub elsewhere: Pair,
    /// Asks about every token, and accepts proofs of keys.
    pub dpop: Pair,
    /// Asks about every token.
    pub every_token: Pair,
    /// Demands signed answers.
    pub signed: Pair,
    time: Time,
    flaws: Arc<Mutex<HashMap<String, Change>>>,
}

impl IntrospectionApis {
    /// With an issuer of their own.
    pub(crate) async fn start() -> Self {
        let (issuer, time) = (issuer().await, Time::at(NOW));
        let asking = || Introspection::of(client(&issuer));
        let pair = |introspection: &dyn Fn() -> Introspection,
                    set: &dyn Fn(RampartAuthBuilder) -> RampartAuthBuilder| {
            let own = || set(time.builder(&issuer)).introspection(introspection());
            Pair { cached: own().build().unwrap(), uncached: own().token_cache_bytes(0).build().unwrap() }
        };
        let as_it_is = |builder| builder;
        let flaws: Arc<Mutex<HashMap<String, Change>>> = Arc::default();
        let apis = Self {
            opaque: pair(&asking, &as_it_is),
            checked: pair(&|| asking().audience_is_checked_by_issuer(), &as_it_is),
            elsewhere: pair(&|| asking().token_prefix(PREFIX).token_lengths(20..=100), &|builder| {
                builder.audiences([CLIENT]).subject_claim("/client_id")
            }),
            dpop: pair(&|| asking().every_token(), &|builder| builder.dpop(accepted())),
            every_token: pair(&|| asking().every_token(), &as_it_is),
            signed: pair(&|| asking().signed(), &as_it_is),
            time: time.clone(),
            flaws: Arc::clone(&flaws),
            issuer,
        };
        apis.issuer.change_signed_answers(move |answer| {
            let answer = answer.issued_at(time.now());
            let payload: Value = serde_json::from_slice(&answer.payload()).unwrap_or_default();
            let flaw = payload["token_introspection"]["flaw"].as_str().and_then(|flaw| flaws.lock().get(flaw).cloned());
            flaw.map_or(answer.clone(), |flaw| flaw(answer))
        });
        for auth in apis.all() {
            auth.warm_up().await.unwrap();
        }
        apis
    }

    fn all(&self) -> impl Iterator<Item = &RampartAuth> {
        let pairs = [&self.opaque, &self.checked, &self.elsewhere, &self.dpop, &self.every_token, &self.signed];
        pairs.into_iter().flat_map(|pair| [&pair.cached, &pair.uncached])
    }

    /// A good opaque token of this issuer, to be changed and issued.
    pub fn token(&self) -> OpaqueBuilder {
        opaque(&self.issuer)
    }

    /// A good JWT of this issuer.
    pub fn jwt(&self) -> TokenBuilder {
        self.issuer.token().sub("ada").roles(["user"]).at(NOW).issued_at(NOW - 600)
    }

    /// A token that these APIs know as active, of which the issuer says something else meanwhile: so that however many answers of 503
    /// it brings about, none of them counts as one that a stranger has.
    pub fn known(&self, apis: &Pair, now: &OpaqueBuilder) -> String {
        let token = self.token().text(now.issue()).issue();
        self.time.set(NOW - 60);
        for auth in [&apis.cached, &apis.uncached] {
            FIXTURE.wait(auth.verify(&token)).unwrap();
        }
        self.time.set(NOW);
        now.issue()
    }

    /// The APIs of a case.
    pub fn of(&self, app: App) -> Option<&Pair> {
        match app {
            App::Opaque => Some(&self.opaque),
            App::OpaqueChecked => Some(&self.checked),
            App::OpaqueElsewhere => Some(&self.elsewhere),
            App::OpaqueDpop => Some(&self.dpop),
            App::EveryToken => Some(&self.every_token),
            App::SignedAnswers => Some(&self.signed),
            _ => None,
        }
    }

    /// The signed answer about a token whose answer has `flaw` of this name is changed so.
    pub fn flaw(&self, name: &str, change: impl Fn(TokenBuilder) -> TokenBuilder + Send + Sync + 'static) {
        self.flaws.lock().insert(name.to_owned(), Arc::new(change));
    }
}

/// Without what the answers are changed by.
impl fmt::Debug for IntrospectionApis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionApis").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
