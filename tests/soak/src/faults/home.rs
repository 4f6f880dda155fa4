//! The first issuer's ups and downs.

use std::time::Duration;

use rampart_issuer::{Endpoint, Fault, LocalIssuer};

/// Every fault is over well before the next, so that there is time to recover.
pub(super) const ROUND: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(super) enum Step {
    Heal,
    Hang,
    Stop,
    Restart,
    Garbage,
    /// Another one in each round.
    Other,
}

pub(super) const STEPS: [(u64, Step); 9] = [
    (0, Step::Heal),
    (80, Step::Hang),
    (140, Step::Heal),
    (220, Step::Stop),
    (240, Step::Restart),
    (340, Step::Garbage),
    (380, Step::Heal),
    (500, Step::Other),
    (530, Step::Heal),
];

fn others() -> [(&'static str, Fault); 8] {
    [
        ("status 500", Fault::status(500)),
        ("connection reset", Fault::Reset),
        ("drip", Fault::Drip(Duration::from_millis(20))),
        ("headers, then nothing", Fault::HeadersThenHang),
        ("oversize", Fault::Oversize(1 << 20)),
        ("redirect", Fault::redirect(302, "http://127.0.0.1:9/")),
        ("a body that breaks off", Fault::ShortBody),
        ("a body without end", Fault::Endless),
    ]
}

pub(super) fn take(step: Step, round: usize, issuer: &LocalIssuer) -> Option<&'static str> {
    let (what, fault) = match step {
        Step::Heal => {
            issuer.clear_faults();
            return None;
        }
        Step::Stop => {
            issuer.stop();
            return None;
        }
        Step::Restart => {
            issuer.restart().expect("the port is still free");
            return Some("restart");
        }
        Step::Hang => ("hang", Fault::Hang),
        Step::Garbage => ("garbage", Fault::Garbage),
        Step::Other => {
            let others = others();
            others[round % others.len()].clone()
        }
    };
    issuer.inject(Endpoint::Jwks, fault);
    Some(what)
}
