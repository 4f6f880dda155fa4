//! Tokens that the issuer was asked about, beside those that are verified here; and a flood of strangers' tokens, of which it knows nothing.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rampart_client::RampartClient;
use rampart_core::{AuthError, Introspection, RampartAuth};
use rampart_issuer::{Algorithm, Endpoint, Fault, OpaqueBuilder};
use tokio::time::MissedTickBehavior;

use super::subject::{Ground, verify};

/// Tokens whose answers are remembered, and one of which nobody was asked.
pub struct Asked {
    jwt: String,
    /// Of as many characters as the JWT.
    opaque: String,
    /// Of 43 characters, as such tokens usually have.
    short: String,
    verifying: RampartAuth,
    asking: RampartAuth,
    asking_always: RampartAuth,
}

impl Ground {
    fn introspection(&self) -> Introspection {
        let client = RampartClient::builder(self.issuer.url(), "service", "service-secret").build().unwrap();
        // No answer grows old while something is measured.
        Introspection::of(client).cache_for(Duration::from_secs(3600))
    }

    /// An opaque token with the claims of the usual JWT, good for a day.
    fn opaque(&self) -> OpaqueBuilder {
        self.issuer
            .opaque()
            .claim("roles", ["user"])
            .claim("email", "user@example.com")
            .scope("tasks:read tasks:write")
            .expires_in(24 * 3600)
    }

    /// All of them are known.
    pub fn asked(&self, algorithm: Algorithm) -> Asked {
        let key = self.issuer.add_key(algorithm).unwrap();
        let jwt = self.token(&key, 0).sign().unwrap();
        let [short, opaque] =
            [String::new(), "x".repeat(jwt.len() - 43)].map(|before| self.opaque().prefix(&before).issue());
        let verifying = self.ready(self.builder());
        let asking = self.ready(self.builder().introspection(self.introspection()));
        let asking_always = self.ready(self.builder().introspection(self.introspection().every_token()));
        verify(&verifying, &jwt);
        for (auth, token) in [(&asking, &opaque), (&asking, &short), (&asking_always, &jwt)] {
            self.runtime.block_on(auth.verify(token)).unwrap();
        }
        Asked { jwt, opaque, short, verifying, asking, asking_always }
    }
}

impl Asked {
    /// A JWT that was verified before.
    pub fn jwt(&self) {
        verify(&self.verifying, black_box(&self.jwt));
    }

    /// An opaque token of its length whose answer is remembered.
    pub fn opaque(&self) {
        verify(&self.asking, black_box(&self.opaque));
    }

    /// One of the usual length.
    pub fn short(&self) {
        verify(&self.asking, black_box(&self.short));
    }

    /// A JWT that was verified, and that the issuer was asked about as well.
    pub fn both(&self) {
        verify(&self.asking_always, black_box(&self.jwt));
    }
}

/// Known users, each with an opaque token.
const USERS: u32 = 100;
/// A tick of 10 ms has so many of their requests, and so many of strangers: 1,000 a second of either.
const EACH_TICK: u32 = 10;
const TICK: Duration = Duration::from_millis(10);
/// How long the endpoint takes.
pub const ENDPOINT_TAKES: Duration = Duration::from_millis(200);

/// What came of the requests of some.
#[derive(Default)]
pub struct Came {
    pub good: AtomicU64,
    pub unavailable: AtomicU64,
    pub refused: AtomicU64,
    /// In each second.
    unavailable_in: [AtomicU32; 32],
    /// By steps of 100 µs, up to a second.
    waited: Waited,
}

struct Waited(Vec<AtomicU32>);

impl Default for Waited {
    fn default() -> Self {
        Self((0..10_000).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Came {
    fn count(&self, outcome: &Result<(), AuthError>, since: Instant, started: Instant) {
        match outcome {
            Ok(()) => &self.good,
            Err(AuthError::StateUnavailable { .. }) => {
                let second = usize::try_from(started.elapsed().as_secs()).unwrap() % self.unavailable_in.len();
                self.unavailable_in[second].fetch_add(1, Ordering::Relaxed);
                &self.unavailable
            }
            Err(AuthError::InvalidToken) => &self.refused,
            Err(other) => panic!("{other:?}"),
        }
        .fetch_add(1, Ordering::Relaxed);
        let step = usize::try_from(since.elapsed().as_micros() / 100).unwrap().min(self.waited.0.len() - 1);
        self.waited.0[step].fetch_add(1, Ordering::Relaxed);
    }

    pub fn all(&self) -> u64 {
        [&self.good, &self.unavailable, &self.refused].map(|count| count.load(Ordering::Relaxed)).iter().sum()
    }

    /// What so many of a thousand did not exceed.
    pub fn waited(&self, of_thousand: u64) -> Duration {
        let (mut seen, enough) = (0, self.all() * of_thousand / 1000);
        for (count, step) in self.waited.0.iter().zip(1..) {
            seen += u64::from(count.load(Ordering::Relaxed));
            if seen >= enough {
                return Duration::from_micros(step * 100);
            }
        }
        Duration::from_secs(1)
    }
}

/// What came of it.
pub struct Flood {
    pub seconds: f64,
    pub users: Came,
    pub strangers: Came,
    /// The greatest number of a second.
    pub most_unavailable: u32,
    pub questions: usize,
    pub most_in_flight: usize,
    /// Of the process, after a tenth of the time and at the end.
    pub resident: [i64; 2],
}

impl Ground {
    /// Users who have been here before, and with `strangers` a flood of tokens that nobody knows, for so long. The issuer is asked over HTTP.
    pub fn flood(&self, time: Duration, strangers: bool) -> Flood {
        let users: Vec<Arc<str>> = (0..USERS).map(|_| self.opaque().issue().into()).collect();
        // As an application has it: what is known is asked about anew every half a minute.
        let introspection = self.introspection().cache_for(Duration::from_secs(30));
        let auth = self.builder().introspection(introspection).__apart_from_others().build().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            for user in &users {
                auth.verify(user).await.unwrap();
            }
        });
        self.issuer.inject(Endpoint::Introspection, Fault::Delay(ENDPOINT_TAKES));
        self.issuer.reset_counts();
        let came = Arc::new([Came::default(), Came::default()]);
        let started = Instant::now();
        let (most_unavailable, early) = runtime.block_on(async {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (mut number, mut second, mut most, mut early) = (0_u32, 0, 0, None);
            while started.elapsed() < time {
                ticks.tick().await;
                for _ in 0..EACH_TICK {
                    number += 1;
                    ask(&auth, Arc::clone(&users[(number % USERS) as usize]), &came, 0, started);
                    if strangers {
                        ask(&auth, format!("stranger-{number}").into(), &came, 1, started);
                    }
                }
                let now = started.elapsed().as_secs();
                if now > second {
                    // The second before is over; the place is for one half a minute later.
                    let places = &came[1].unavailable_in;
                    let place = usize::try_from(second).unwrap() % places.len();
                    most = most.max(places[place].swap(0, Ordering::Relaxed));
                    second = now;
                }
                if started.elapsed() > time / 10 {
                    early.get_or_insert_with(super::resident_bytes);
                }
            }
            (most, early.unwrap_or_default())
        });
        let seconds = started.elapsed().as_secs_f64();
        let resident = [early, super::resident_bytes()];
        let questions = self.issuer.requests(Endpoint::Introspection);
        let most_in_flight = self.issuer.most_in_flight(Endpoint::Introspection);
        // Who still waits is counted too.
        runtime.block_on(async {
            while Arc::strong_count(&came) > 1 {
                tokio::time::sleep(TICK).await;
            }
        });
        self.issuer.clear_faults();
        let [users, strangers] = Arc::into_inner(came).unwrap();
        Flood { seconds, users, strangers, most_unavailable, questions, most_in_flight, resident }
    }
}

fn ask(auth: &RampartAuth, token: Arc<str>, came: &Arc<[Came; 2]>, whose: usize, started: Instant) {
    let (auth, came, since) = (auth.clone(), Arc::clone(came), Instant::now());
    tokio::spawn(async move {
        let outcome = auth.verify(&token).await.map(drop);
        came[whose].count(&outcome, since, started);
    });
}
