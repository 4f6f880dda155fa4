//! What happens to the issuer, over and over.

use std::collections::BTreeMap;
use std::time::Duration;

use rampart_issuer::{Endpoint, Fault, LocalIssuer};

/// One round; every fault is over well before the next, so that there is time to recover.
const ROUND: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Heal,
    Hang,
    Stop,
    Restart,
    Garbage,
    /// Another one in each round.
    Other,
}

/// When each step begins within a round, in seconds.
const STEPS: [(u64, Step); 9] = [
    (0, Step::Heal),
    (8, Step::Hang),
    (14, Step::Heal),
    (22, Step::Stop),
    (24, Step::Restart),
    (34, Step::Garbage),
    (38, Step::Heal),
    (50, Step::Other),
    (53, Step::Heal),
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

/// The issuer's ups and downs.
pub(crate) struct Faults {
    issuer: LocalIssuer,
    round: u64,
    next: usize,
    injected: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub(crate) fn new(issuer: &LocalIssuer) -> Self {
        Self { issuer: issuer.clone(), round: 0, next: 0, injected: BTreeMap::new() }
    }

    /// So many of each.
    pub(crate) fn injected(self) -> BTreeMap<&'static str, u64> {
        self.injected
    }

    /// Every step whose time has come, in order.
    pub(crate) fn inject_what_is_due(&mut self, elapsed: Duration) {
        loop {
            let (second, step) = STEPS[self.next];
            if elapsed < ROUND * u32::try_from(self.round).unwrap() + Duration::from_secs(second) {
                return;
            }
            self.take(step);
            self.next += 1;
            if self.next == STEPS.len() {
                (self.next, self.round) = (0, self.round + 1);
            }
        }
    }

    fn take(&mut self, step: Step) {
        let mut inject = |what, fault| {
            self.issuer.inject(Endpoint::Jwks, fault);
            *self.injected.entry(what).or_default() += 1;
        };
        match step {
            Step::Heal => self.issuer.clear_faults(),
            Step::Hang => inject("hang", Fault::Hang),
            Step::Garbage => inject("garbage", Fault::Garbage),
            Step::Other => {
                let others = others();
                let (what, fault) = others[usize::try_from(self.round).unwrap() % others.len()].clone();
                inject(what, fault);
            }
            Step::Stop => self.issuer.stop(),
            Step::Restart => {
                self.issuer.restart().expect("the port is still free");
                *self.injected.entry("restart").or_default() += 1;
            }
        }
    }
}
