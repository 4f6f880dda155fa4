//! What happens to requests around the key set: the first of them all, its expiry, and a flood of key IDs that nobody published.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer, base64url};
use tokio::runtime::Runtime;

use crate::common::report::{Table, micros};
use crate::load::{Fleet, Seen, at_once, paced, request};
use crate::server::{Framework, Guard, Server};

const HOUR: Duration = Duration::from_secs(3600);

/// An issuer with a server that trusts it, and the load's runtime.
struct Scene {
    runtime: Runtime,
    issuer: LocalIssuer,
    server: Server,
}

impl Scene {
    /// The issuer takes `delay` for the key set, so that a request which waits for it shows.
    fn new(framework: Framework, ttl: Duration, delay: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::RS256).start()).unwrap();
        issuer.inject(Endpoint::Jwks, Fault::Delay(delay));
        let server = Server::start(framework, Guard::Warm, &issuer, ttl);
        Self { runtime, issuer, server }
    }

    fn requests(&self, count: usize) -> Vec<Vec<u8>> {
        let token =
            |number| self.issuer.token().roles(["user"]).claim("jti", number).expires_in(24 * 3600).sign().unwrap();
        (0..count).map(|number| request(&token(number))).collect()
    }

    fn fetches(&self) -> usize {
        self.issuer.requests(Endpoint::Jwks)
    }
}

/// Many first requests at once, on a connection each.
pub struct ColdStart {
    pub requests: usize,
    pub fetches: usize,
    pub errors: usize,
}

pub const COLD_START_COLUMNS: [&str; 6] =
    ["framework", "first requests", "JWKS fetches", "errors", "p50 µs", "slowest µs"];

pub fn cold_start(framework: Framework, requests: usize, table: &mut Table) -> ColdStart {
    let scene = Scene::new(framework, HOUR, Duration::from_millis(200));
    // Signing that many costs more than all the rest: ten tokens will do, since nothing is cached yet.
    let requests: Vec<_> = scene.requests(10).into_iter().cycle().take(requests).collect();
    let count = requests.len();
    let seen = scene.runtime.block_on(at_once(scene.server.address, requests));
    table.row([
        framework.name().to_owned(),
        count.to_string(),
        scene.fetches().to_string(),
        seen.errors.to_string(),
        micros(seen.percentile(500)),
        micros(seen.percentile(1000)),
    ]);
    ColdStart { requests: count, fetches: scene.fetches(), errors: seen.errors }
}

/// Full load across several expiries of the key set.
pub struct Expiry {
    pub fetches: usize,
    pub waited: usize,
    pub errors: usize,
}

pub const EXPIRY_COLUMNS: [&str; 7] =
    ["framework", "expiries", "JWKS fetches", "requests", "that waited", "errors", "slowest µs"];

const SHORT_TTL: Duration = Duration::from_secs(3);
const SLOW_FETCH: Duration = Duration::from_millis(400);

pub fn expiry(framework: Framework, length: Duration, table: &mut Table) -> Expiry {
    let scene = Scene::new(framework, SHORT_TTL, SLOW_FETCH);
    let requests = scene.requests(16);
    let seen = scene.runtime.block_on(async {
        let fleet = Fleet::open(scene.server.address, &requests).await;
        fleet.run(length, usize::MAX).await
    });
    // Whoever waits at an expiry waits for the whole fetch, or joins it early: without a wait an answer takes some hundred µs.
    let waited = seen.latencies.iter().filter(|latency| **latency >= SLOW_FETCH / 2).count();
    table.row([
        framework.name().to_owned(),
        (length.as_secs() / SHORT_TTL.as_secs()).to_string(),
        scene.fetches().to_string(),
        seen.latencies.len().to_string(),
        waited.to_string(),
        seen.errors.to_string(),
        micros(seen.percentile(1000)),
    ]);
    Expiry { fetches: scene.fetches(), waited, errors: seen.errors }
}

/// Good requests at a steady rate, without and with a flood of tokens that name unknown keys.
pub struct Flood {
    pub fetches: usize,
    /// The rate of good requests with the flood, against without.
    pub kept: f64,
}

pub const FLOOD_COLUMNS: [&str; 9] = [
    "framework",
    "seconds",
    "flood requests/s",
    "JWKS fetches",
    "good requests/s without",
    "with",
    "good p99 µs without",
    "with",
    "good errors",
];

const GOOD_PER_SECOND: u32 = 1_000;
const FLOOD_PER_SECOND: u32 = 5_000;

pub fn flood(framework: Framework, without: Duration, length: Duration, table: &mut Table) -> Flood {
    let scene = Scene::new(framework, HOUR, Duration::from_millis(200));
    let address = scene.server.address;
    let good = Arc::new(scene.requests(1).remove(0));
    let good = move || good.to_vec();
    let bad = unknown_kids(&scene.issuer);
    let (before, during, flood): (Seen, Seen, Seen) = scene.runtime.block_on(async {
        drop(Fleet::open(address, &[good()]).await);
        let before = paced(address, 8, GOOD_PER_SECOND, without, good.clone()).await;
        let during = paced(address, 8, GOOD_PER_SECOND, length, good.clone());
        let flood = paced(address, 16, FLOOD_PER_SECOND, length, bad);
        let (during, flood) = tokio::join!(during, flood);
        (before, during, flood)
    });
    assert_eq!(flood.good, 0, "no made-up token may pass");
    // The first fetch was that of the first good request.
    let fetches = scene.fetches() - 1;
    #[allow(clippy::cast_precision_loss)]
    let flood_rate = flood.errors as f64 / flood.took.as_secs_f64();
    table.row([
        framework.name().to_owned(),
        length.as_secs().to_string(),
        format!("{flood_rate:.0}"),
        fetches.to_string(),
        format!("{:.0}", before.rate()),
        format!("{:.0}", during.rate()),
        micros(before.percentile(990)),
        micros(during.percentile(990)),
        (before.errors + during.errors).to_string(),
    ]);
    Flood { fetches, kept: during.rate() / before.rate() }
}

/// Tokens that are right in everything that can be seen without the key, each with a key ID of its own.
fn unknown_kids(issuer: &LocalIssuer) -> impl Fn() -> Vec<u8> + Clone + Send + 'static {
    let token = issuer.token().roles(["user"]).expires_in(24 * 3600);
    let payload = base64url(token.payload());
    let signature = base64url([0x5a; 256]);
    let next = Arc::new(AtomicU64::new(0));
    move || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let header = format!(r#"{{"alg":"RS256","typ":"JWT","kid":"made-up-{number:016x}"}}"#);
        request(&format!("{}.{payload}.{signature}", base64url(header)))
    }
}
