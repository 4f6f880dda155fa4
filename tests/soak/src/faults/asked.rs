//! The issuer that is asked about opaque tokens cannot be asked: for so short a time that those whom it has vouched for notice nothing, or for
//! longer.

use std::time::Duration;

use rampart_issuer::{Endpoint, Fault, LocalIssuer};

use crate::scene::Aways;

pub(super) const ROUND: Duration = Duration::from_secs(100);

#[derive(Clone, Copy)]
pub(super) enum Step {
    Long,
    EndOfLong,
    /// By its number within the round.
    Short(usize),
    EndOfShort,
}

/// Answers are believed for 30 s and renewed from 24 s on; where that fails, it is tried again 5 s later. So nobody notices an outage that is
/// shorter, if it fails at once and is not the second within those seconds.
pub(super) const STEPS: [(u64, Step); 8] = [
    (240, Step::Short(0)),
    (270, Step::EndOfShort),
    (300, Step::Long),
    (380, Step::EndOfLong),
    (700, Step::Short(1)),
    (730, Step::EndOfShort),
    (850, Step::Short(2)),
    (880, Step::EndOfShort),
];

/// After failures in a row of those whom it has vouched for the issuer is left alone: for up to twice as long as it was away, about.
const FELT_AFTER_LONG: Duration = Duration::from_secs(28);
/// One of those pauses, and a little more.
const FELT_AFTER_SHORT: Duration = Duration::from_secs(6);

fn long() -> [(&'static str, Option<Fault>); 4] {
    [
        ("introspection hangs", Some(Fault::Hang)),
        ("asked issuer away", None),
        ("introspection 500, for long", Some(Fault::status(500))),
        ("introspection headers, then nothing", Some(Fault::HeadersThenHang)),
    ]
}

fn short() -> [(&'static str, Fault); 5] {
    [
        ("introspection 500", Fault::status(500)),
        ("introspection garbage", Fault::Garbage),
        ("introspection reset", Fault::Reset),
        ("introspection 403", Fault::status(403)),
        ("introspection says yes to none", Fault::json(200, r#"{"active":"true"}"#)),
    ]
}

pub(super) fn take(step: Step, round: usize, issuer: &LocalIssuer, aways: &Aways) -> Option<&'static str> {
    match step {
        Step::Long => {
            aways.asked.begin();
            aways.asked_for_long.begin();
            let long = long();
            let (what, fault) = long[round % long.len()].clone();
            match fault {
                Some(fault) => issuer.inject(Endpoint::Introspection, fault),
                None => issuer.stop(),
            }
            Some(what)
        }
        Step::EndOfLong => {
            issuer.clear_faults();
            if long()[round % long().len()].1.is_none() {
                issuer.restart().expect("the port is still free");
            }
            aways.asked.end(FELT_AFTER_LONG);
            aways.asked_for_long.end(FELT_AFTER_LONG);
            None
        }
        Step::Short(number) => {
            aways.asked.begin();
            let short = short();
            let (what, fault) = short[(round * 3 + number) % short.len()].clone();
            issuer.inject(Endpoint::Introspection, fault);
            Some(what)
        }
        Step::EndOfShort => {
            issuer.clear_faults();
            aways.asked.end(FELT_AFTER_SHORT);
            None
        }
    }
}
