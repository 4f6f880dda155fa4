//! The figures that the project promises, each measured side by side in one run:
//!
//!     cargo bench -p rampart-figures                        all parts, some minutes
//!     cargo bench -p rampart-figures -- verification http   some of: verification threads http events
//!     cargo bench -p rampart-figures -- events --full       the flood for its whole minute
//!
//! `BENCHMARKS.md` says what the columns mean. Nothing else should run on the machine meanwhile.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a program that measures: what goes wrong ends it"
)]

#[path = "../../../../rampart-core/benches/common/mod.rs"]
mod common;
mod events;
mod figures;
mod http;
mod load;
mod server;
mod verification;

use std::time::Duration;

use common::report::Table;
use common::rounds::Effort;
use common::subject::Ground;
use figures::Figures;
use server::Framework;

fn main() {
    server::serve_if_asked();
    let measuring = common::measuring();
    let mut figures = Figures::new();

    if common::wants("verification") {
        let effort = if measuring { Effort { rounds: 301, block: Duration::from_millis(1) } } else { Effort::SMOKE };
        let mut table = Table::new("Verification", verification::COLUMNS);
        figures.verification(&verification::run(effort, &Ground::new(), &mut table));
        table.print();
    }
    if common::wants("threads") {
        let effort = if measuring { Effort { rounds: 25, block: Duration::from_millis(60) } } else { Effort::SMOKE };
        let mut table = Table::new("Two threads", verification::THREAD_COLUMNS);
        figures.threads(&verification::two_threads(effort, &Ground::new(), &mut table));
        table.print();
    }
    if common::wants("http") {
        let effort = if measuring { http::Effort::MEASURE } else { http::Effort::SMOKE };
        let mut table = Table::new("HTTP", http::COLUMNS);
        for framework in Framework::ALL {
            figures.http(&http::run(&effort, framework, &mut table));
        }
        table.print();
    }
    if common::wants("events") {
        let full = std::env::args().any(|argument| argument == "--full");
        events(measuring, full, &mut figures);
    }
    if measuring {
        figures.print();
    }
}

fn events(measuring: bool, full: bool, figures: &mut Figures) {
    let seconds = |measured| Duration::from_secs(if measuring { measured } else { 1 });
    let mut table = Table::new("Cold start", events::COLD_START_COLUMNS);
    for framework in Framework::ALL {
        let measured = events::cold_start(framework, if measuring { 1_000 } else { 50 }, &mut table);
        assert_eq!((measured.fetches, measured.errors), (1, 0), "{framework:?} at its cold start");
        figures.cold_start(framework.name(), &measured);
    }
    table.print();

    let mut table = Table::new("Expiry of the key set under load", events::EXPIRY_COLUMNS);
    for framework in Framework::ALL {
        let measured = events::expiry(framework, seconds(10), &mut table);
        assert_eq!(measured.errors, 0, "{framework:?} at the expiry of its keys");
        figures.expiry(framework.name(), &measured);
    }
    table.print();

    let mut table = Table::new("Flood of unknown key IDs", events::FLOOD_COLUMNS);
    for framework in Framework::ALL {
        let length = seconds(if full { 60 } else { 10 });
        let measured = events::flood(framework, seconds(5), length, &mut table);
        assert!(measured.fetches <= 4, "{framework:?} under a flood: {} fetches", measured.fetches);
        figures.flood(framework.name(), length.as_secs(), &measured);
    }
    table.print();
}
