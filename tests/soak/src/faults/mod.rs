//! What happens to all that the API stands on, over and over: a file for each.

mod asked;
mod home;
mod others;
mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::scene::Scene;

/// So many of each.
pub(crate) type Injected = BTreeMap<&'static str, u64>;

/// Steps at these tenths of a second, which begin anew when a round is over.
struct Timeline<S: 'static> {
    steps: &'static [(u64, S)],
    round_takes: Duration,
    round: usize,
    next: usize,
}

impl<S: Copy> Timeline<S> {
    const fn new(steps: &'static [(u64, S)], round_takes: Duration) -> Self {
        Self { steps, round_takes, round: 0, next: 0 }
    }

    /// The next step, and in which round, if its time has come.
    fn due(&mut self, elapsed: Duration) -> Option<(S, usize)> {
        let (tenths, step) = self.steps[self.next];
        if elapsed < self.round_takes * u32::try_from(self.round).unwrap() + Duration::from_millis(tenths * 100) {
            return None;
        }
        let round = self.round;
        self.next += 1;
        if self.next == self.steps.len() {
            (self.next, self.round) = (0, self.round + 1);
        }
        Some((step, round))
    }
}

pub(crate) struct Faults {
    home: Timeline<home::Step>,
    others: Timeline<others::Step>,
    asked: Timeline<asked::Step>,
    store: Timeline<store::Step>,
    injected: Injected,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            home: Timeline::new(&home::STEPS, home::ROUND),
            others: Timeline::new(&others::STEPS, others::ROUND),
            asked: Timeline::new(&asked::STEPS, asked::ROUND),
            store: Timeline::new(&store::STEPS, store::ROUND),
            injected: Injected::new(),
        }
    }

    /// What is away comes back; gives back what there was.
    pub(crate) fn end(self, scene: &mut Scene) -> Injected {
        store::heal(&mut scene.redis, &scene.aways);
        self.injected
    }

    /// Every step whose time has come, in order.
    pub(crate) fn inject_what_is_due(&mut self, elapsed: Duration, scene: &mut Scene) {
        let mut count = |what| *self.injected.entry(what).or_default() += 1;
        while let Some((step, round)) = self.home.due(elapsed) {
            home::take(step, round, &scene.issuing.home).map(&mut count);
        }
        while let Some((step, _)) = self.others.due(elapsed) {
            others::take(step, &scene.issuing).map(&mut count);
        }
        while let Some((step, round)) = self.asked.due(elapsed) {
            asked::take(step, round, &scene.issuing.asked, &scene.aways).map(&mut count);
        }
        while let Some((step, _)) = self.store.due(elapsed) {
            store::take(step, &mut scene.redis, &scene.aways).map(&mut count);
        }
    }
}
