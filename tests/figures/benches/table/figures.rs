//! The figures that were set, and what was measured.

use rampart_issuer::Algorithm;

use crate::common::report::{Table, times};
use crate::common::rounds::Spread;
use crate::{events, http, verification};

/// One figure, and whether it was reached.
pub struct Figures(Table);

impl Figures {
    pub fn new() -> Self {
        Self(Table::new(
            "Figures",
            ["what", "figure", "measured", "reached", "command: `cargo bench -p rampart-figures --` …"],
        ))
    }

    pub fn print(&self) {
        self.0.print();
    }

    fn row(&mut self, what: String, figure: String, measured: String, reached: bool, part: &str) {
        let reached = if reached { "yes" } else { "**no**" };
        self.0.row([what, figure, measured, reached.to_owned(), format!("`{part}`")]);
    }

    fn at_most(&mut self, what: String, limit: f64, unit: &str, ratio: Spread, part: &str) {
        self.row(what, format!("at most {limit} × {unit}"), times(ratio), ratio.median <= limit, part);
    }

    fn at_least(&mut self, what: String, limit: f64, unit: &str, ratio: Spread, part: &str) {
        self.row(what, format!("at least {limit} × {unit}"), times(ratio), ratio.median >= limit, part);
    }

    pub fn verification(&mut self, measured: &[verification::Measured]) {
        const PART: &str = "verification";
        for own in measured {
            let limit = match own.algorithm {
                Algorithm::RS256 => 1.08,
                Algorithm::ES256 => 1.03,
                Algorithm::EdDSA => 1.04,
                _ => 1.01,
            };
            self.at_most(
                format!("full verification, {}", own.algorithm.as_str()),
                limit,
                "the bare check",
                own.full,
                PART,
            );
        }
        for own in measured {
            let limit = match own.algorithm {
                Algorithm::RS256 => 0.6,
                Algorithm::ES256 => 0.8,
                _ => continue,
            };
            let what = format!("cached token, {}", own.algorithm.as_str());
            self.at_most(what, limit, "SHA-256 of the token", own.hit, PART);
        }
        for own in measured {
            if let Some(peer) = own.peer {
                let limit = if own.algorithm == Algorithm::RS256 { 0.82 } else { 1.0 };
                let what = format!("full verification, {}", own.algorithm.as_str());
                self.at_most(what, limit, "`jsonwebtoken::decode`", peer, PART);
            }
        }
    }

    pub fn threads(&mut self, measured: &verification::TwoThreads) {
        const PART: &str = "threads";
        let bare = format!("one thread; the bare check: {}", times(measured.bare));
        self.at_least("two threads, cached, a token for each".to_owned(), 1.9, &bare, measured.hit, PART);
        self.at_least(
            "two threads, cached, one token for all".to_owned(),
            1.9,
            "one thread",
            measured.hit_one_token,
            PART,
        );
        self.at_least("two threads, full verification, RS256".to_owned(), 1.9, "one thread", measured.full, PART);
    }

    pub fn http(&mut self, measured: &http::Measured) {
        let name = measured.framework.name();
        self.at_least(format!("{name}, cached token: requests/s"), 0.95, "no auth", measured.rate, "http");
        for (guard, cpu) in &measured.cpu {
            let what = format!("{name}, {}: server CPU per request", guard.name());
            self.at_most(what, 1.08, "no auth", *cpu, "http");
        }
    }

    pub fn cold_start(&mut self, name: &str, measured: &events::ColdStart) {
        let events::ColdStart { requests, fetches, errors } = measured;
        self.row(
            format!("{name}, cold start, {requests} concurrent first requests"),
            "1 JWKS fetch, 0 errors".to_owned(),
            format!("{fetches}, {errors}"),
            *fetches == 1 && *errors == 0,
            "events",
        );
    }

    pub fn expiry(&mut self, name: &str, measured: &events::Expiry) {
        let events::Expiry { fetches, waited, errors } = measured;
        self.row(
            format!("{name}, TTL expiry under load"),
            "0 requests wait for the fetch".to_owned(),
            format!("{waited} ({fetches} fetches, {errors} errors)"),
            *waited == 0 && *errors == 0,
            "events",
        );
    }

    pub fn flood(&mut self, name: &str, seconds: u64, measured: &events::Flood) {
        let events::Flood { fetches, kept } = measured;
        self.row(
            format!("{name}, flood of random kids, {seconds} s"),
            "at most 4 fetches; good traffic keeps 95 %".to_owned(),
            format!("{fetches} fetches; {:.1} %", kept * 100.0),
            *fetches <= 4 && *kept >= 0.95,
            "events --full",
        );
    }
}
