//! Comparison on a machine that drifts: the contenders run in turn, a short block each, many rounds. A ratio is taken within
//! each round, where the machine is the same for both, and the median of all rounds counts.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Something to be measured.
pub struct Contender<'a> {
    pub name: String,
    /// Runs so many times, and says how long that took.
    run: Box<dyn Fn(u64) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: impl Into<String>, work: impl Fn() + 'a) -> Self {
        let run = move |times| {
            let start = Instant::now();
            for _ in 0..times {
                work();
            }
            start.elapsed()
        };
        Self { name: name.into(), run: Box::new(run) }
    }

    /// The same work on several threads at once; the work is told the number of its thread. The time is that of one run, so
    /// that twice the throughput is half the time.
    pub fn on_threads(name: impl Into<String>, threads: u32, work: impl Fn(usize) + Sync + 'a) -> Self {
        let run = move |times| together(threads, times, &work) / threads;
        Self { name: name.into(), run: Box::new(run) }
    }

    pub fn run(&self, times: u64) -> Duration {
        (self.run)(times)
    }
}

/// How long it takes, from the first start to the last end, until every one of `threads` threads has run so many times.
fn together(threads: u32, times: u64, work: &(impl Fn(usize) + Sync)) -> Duration {
    let barrier = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        let spawn = |thread| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                let start = Instant::now();
                for _ in 0..times {
                    work(thread);
                }
                (start, Instant::now())
            })
        };
        let running: Vec<_> = (0..threads as usize).map(spawn).collect();
        let spans = running.into_iter().map(|thread| thread.join().unwrap());
        let (start, end) = spans.reduce(|(start, end), own| (start.min(own.0), end.max(own.1))).unwrap();
        end - start
    })
}

/// How much to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    pub block: Duration,
}

impl Effort {
    /// Everything once: shows that it runs, measures nothing.
    pub const SMOKE: Self = Self { rounds: 1, block: Duration::ZERO };
}

/// Nanoseconds a run, of each contender in each round.
pub struct Results {
    names: Vec<String>,
    nanos: Vec<Vec<f64>>,
}

/// Runs the contenders in turn.
pub fn race(effort: Effort, contenders: &[Contender<'_>]) -> Results {
    let times: Vec<u64> = contenders.iter().map(|contender| calibrate(contender, effort.block)).collect();
    let mut nanos = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    for round in 0..effort.rounds {
        // There and back, so that nobody always runs after the same one.
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
            let each = contenders[index].run(times[index]).as_nanos() as f64 / times[index] as f64;
            nanos[index].push(each);
        }
    }
    Results { names: contenders.iter().map(|contender| contender.name.clone()).collect(), nanos }
}

/// How many runs fill a block. It warms up too.
fn calibrate(contender: &Contender<'_>, block: Duration) -> u64 {
    let mut times = 1;
    loop {
        let took = contender.run(times);
        if took * 2 >= block {
            let ratio = block.as_secs_f64() / took.as_secs_f64().max(1e-9);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            return ((times as f64 * ratio) as u64).max(1);
        }
        times *= 2;
    }
}

/// A value with what lies around it: the 10th and the 90th percentile of all rounds.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| values[(values.len() - 1) * percent / 100];
        Self { low: at(10), median: at(50), high: at(90) }
    }
}

impl Results {
    fn of(&self, name: &str) -> &[f64] {
        let index = self.names.iter().position(|own| own == name);
        &self.nanos[index.unwrap_or_else(|| panic!("{name} did not run"))]
    }

    pub fn nanos(&self, name: &str) -> Spread {
        Spread::of(self.of(name).to_vec())
    }

    /// How many times as long the first takes as the second.
    pub fn ratio(&self, name: &str, base: &str) -> Spread {
        Spread::of(self.of(name).iter().zip(self.of(base)).map(|(own, base)| own / base).collect())
    }
}
