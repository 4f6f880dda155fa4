//! The soak: each Task API, as a process of its own, under steady load while its issuer rotates keys every five seconds, restarts,
//! hangs, answers garbage, and strangers send random key IDs.
//!
//! ```sh
//! cargo run --release -p rampart-soak -- --framework all --seconds 60
//! ```
//!
//! It fails where a good request is refused, a bad one let in, the server's memory grows, keys are fetched too often, or a new key
//! is not taken up. `--framework` is axum, actix, rocket or all; `--rate` requests per second (300), `--ttl` the seconds for which
//! a key set counts as fresh (5).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

mod faults;
mod keys;
mod load;
mod report;
mod server;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rampart_issuer::{Algorithm, Endpoint, LocalIssuer};

use crate::faults::Faults;
use crate::keys::Keys;
use crate::load::Load;
use crate::report::Report;
use crate::server::Server;

/// In less time not every fault happens, and no key is withdrawn.
const SHORTEST: u64 = 40;
const TICK: Duration = Duration::from_millis(100);
const PROGRESS: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
struct Settings {
    frameworks: Vec<String>,
    duration: Duration,
    rate: u32,
    ttl: Duration,
}

impl Settings {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let all = || ["axum", "actix", "rocket"].map(str::to_owned).to_vec();
        let mut settings =
            Self { frameworks: all(), duration: Duration::from_secs(60), rate: 300, ttl: Duration::from_secs(5) };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            let number = |least: u64| match value.parse() {
                Ok(number) if (least..=86_400).contains(&number) => Ok(number),
                _ => Err(format!("{name} {value}: a number from {least} to 86400 is needed")),
            };
            match &*name {
                "--framework" if value == "all" => settings.frameworks = all(),
                "--framework" if all().contains(&value) => settings.frameworks = vec![value],
                "--seconds" => settings.duration = Duration::from_secs(number(SHORTEST)?),
                "--rate" => settings.rate = u32::try_from(number(1)?).unwrap_or(300),
                "--ttl" => settings.ttl = Duration::from_secs(number(1)?),
                _ => {
                    return Err(format!("{name} {value}: --framework axum|actix|rocket|all, --seconds, --rate, --ttl"));
                }
            }
        }
        Ok(settings)
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--serve").is_some() {
        return server::serve(&arguments.collect::<Vec<_>>());
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    let server = Server::start(framework, &issuer, settings.ttl);
    let keys = Arc::new(Keys::new(&issuer));
    let mut report = Report::new(framework, settings);

    let load = Load::new(&issuer, server.address(), &keys);
    report.filled = load.fill_token_cache();
    report.memory.push(server.memory());
    let before = issuer.requests(Endpoint::Jwks);

    let load = load.start(settings.rate);
    let (started, mut faults) = (Instant::now(), Faults::new(&issuer));
    let mut next_word = PROGRESS;
    let mut probe = load::Probe::new(server.address());
    while started.elapsed() < settings.duration && server.is_running() {
        let elapsed = started.elapsed();
        faults.inject_what_is_due(elapsed);
        keys.tend(&issuer, elapsed, |token| probe.ask(token));
        if elapsed * 10 >= settings.duration * u32::try_from(report.memory.len()).unwrap() {
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
    report.fetches = issuer.requests(Endpoint::Jwks) - before;
    report.faults = faults.injected();
    report.rotation = keys.rotation();
    report
}
