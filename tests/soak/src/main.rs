//! The soak: each Task API, as a process of its own, under steady load while everything that it stands on fails: the issuer rotates
//! keys every five seconds, restarts, hangs and answers garbage; other issuers go away; the one that is asked about opaque tokens cannot be
//! asked; a real Redis is killed, paused, restarted empty and flushed; and strangers send floods of invented key IDs, issuers and tokens.
//!
//! ```sh
//! cargo run --release -p rampart-soak -- --framework all --seconds 60
//! ```
//!
//! It fails where a good request is refused, a bad one let in, the server's memory grows, keys are fetched too often, or a new key
//! is not taken up. `--framework` is axum, actix, rocket or all; `--rate` requests per second of the mixture of tokens (300; those of the
//! other clients go by it), `--ttl` the seconds for which a key set counts as fresh (5). It needs `redis-server`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

mod api;
mod away;
mod clients;
mod faults;
mod keeper;
mod keys;
mod load;
mod redis;
mod report;
mod scene;
mod server;
mod settings;
mod tally;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rampart_issuer::Endpoint;

use crate::clients::{Asker, Bound, Issuers, Known, Mint, Opaque, Revoked, Revoker, Strange, Tokens};
use crate::faults::Faults;
use crate::keys::Keys;
use crate::load::{Client, Group};
use crate::report::{Newcomer, Report};
use crate::scene::Scene;
use crate::server::Server;
use crate::settings::{RATE, Settings};

const TICK: Duration = Duration::from_millis(100);
const PROGRESS: Duration = Duration::from_secs(30);
/// A store that is new takes no proof for ten seconds.
const PROOFS_PASS_WITHIN: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--serve").is_some() {
        return api::serve(arguments.collect());
    }
    if arguments.next_if_eq("--keep-redis").is_some() {
        return keeper::keep();
    }
    let settings = match Settings::read(arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut held = true;
    for framework in &settings.frameworks {
        let report = soak(framework, &settings);
        println!("{report}");
        held &= report.held();
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn soak(framework: &str, settings: &Settings) -> Report {
    let mut scene = Scene::start();
    let home = scene.issuing.home.clone();
    let keys = Arc::new(Keys::new(&home));
    let server = Server::start(&scene.setup(framework, settings));
    let mut report = Report::new(framework, settings);
    report.memory_at_start = server.memory();

    let client = || Client::new(server.address());
    let cast = Cast::new(&scene, &keys);
    report.filled = cast.fill(client);
    report.memory.push(server.memory());
    let before = home.requests(Endpoint::Jwks);

    let load = load::start(&cast.groups(&scene, &keys), server.address(), f64::from(settings.rate) / f64::from(RATE));
    let (started, mut faults) = (Instant::now(), Faults::new());
    let mut next_word = PROGRESS;
    let mut probe = client();
    while started.elapsed() < settings.duration && server.is_running() {
        let elapsed = started.elapsed();
        faults.inject_what_is_due(elapsed, &mut scene);
        keys.tend(&home, elapsed, |token| probe.status(token));
        if elapsed * u32::try_from(report::TENTHS).unwrap()
            >= settings.duration * u32::try_from(report.memory.len()).unwrap()
        {
            report.memory.push(server.memory());
        }
        report.memory_peak = report.memory_peak.max(server.memory());
        if elapsed >= next_word {
            next_word += PROGRESS;
            eprintln!("{framework}, {} s: {}", elapsed.as_secs(), load.so_far());
        }
        std::thread::sleep(TICK);
    }
    // The last measurement is taken under load, as the first.
    report.memory.push(server.memory());
    report.ran = started.elapsed();
    report.server_lives = server.is_running();
    report.tally = load.stop();
    report.fetches = home.requests(Endpoint::Jwks) - before;
    report.rotation = keys.rotation();
    report.faults = faults.end(&mut scene);
    let out = cast.revoked.out();
    report.newcomer = Newcomer { asked: out.len(), let_in: scene.passing_at_a_new_replica(&out) };
    report
}

/// All who send requests.
struct Cast {
    mint: Arc<Mint>,
    issuers: Issuers,
    opaque: Arc<Opaque>,
    revoked: Arc<Revoked>,
    bound: Bound,
}

impl Cast {
    fn new(scene: &Scene, keys: &Arc<Keys>) -> Self {
        let Scene { issuing, aways, .. } = scene;
        Self {
            mint: Mint::new(&issuing.home, keys),
            issuers: Issuers::new(issuing),
            opaque: Opaque::new(issuing, aways),
            revoked: Revoked::new(issuing, aways),
            bound: Bound::new(issuing, aways),
        }
    }

    /// Until every cache is full, and everything can be had; gives back how many tokens there were.
    fn fill(&self, client: impl Fn() -> Client) -> usize {
        let filled = self.mint.fill_token_cache(client());
        self.issuers.fill(client());
        self.opaque.fill(client());
        let (started, mut sender) = (Instant::now(), client());
        while sender.ask(&self.bound.good()).is_none_or(|reply| reply.status != 200) {
            assert!(started.elapsed() < PROOFS_PASS_WITHIN, "proofs pass");
            std::thread::sleep(TICK);
        }
        filled
    }

    fn groups(&self, scene: &Scene, keys: &Arc<Keys>) -> Vec<Group> {
        let Scene { issuing, aways, .. } = scene;
        let (mint, opaque, strange) = (Arc::clone(&self.mint), Arc::clone(&self.opaque), Arc::clone(&self.opaque));
        let (issuers, revoked) = (self.issuers.clone(), Arc::clone(&self.revoked));
        let (bound_issuing, bound_aways) = (issuing.clone(), aways.clone());
        let revoker = {
            let (revoked, keys) = (Arc::clone(&self.revoked), Arc::clone(keys));
            let (replica, runtime) = (scene.revocations.clone(), scene.runtime.handle().clone());
            move || Revoker::new(&revoked, &keys, &replica, &runtime)
        };
        vec![
            Group::new("tokens", 24, RATE, move || Tokens::new(&mint)),
            Group::new("issuers", 6, 60, move || issuers.clone()),
            Group::new("bound", 6, 40, move || Bound::new(&bound_issuing, &bound_aways)),
            Group::new("opaque", 6, 40, move || Known(Arc::clone(&opaque))),
            Group::new("opaque, strange", 8, 20, move || Strange(Arc::clone(&strange))),
            Group::new("revoked", 4, 30, move || Asker::new(&revoked)),
            Group::new("revoking", 1, 2, revoker),
        ]
    }
}
