//! One exchange at a time: shared by those who wait, in a task of its own, and told apart where its runtime abandons it.
#![cfg(test)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rampart_http::single_flight::{End, Joined, Order, Owner, Patience, SingleFlight, Word};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::time::{Instant, advance, sleep};

const LIMIT: Duration = Duration::from_secs(5);
const LATE: Duration = Duration::from_secs(1);
/// A moment, and what is missing from one to a limit.
const TICK: Duration = Duration::from_millis(1);
const ALMOST_LIMIT: Duration = Duration::from_millis(4_999);
const ALMOST_LATE: Duration = Duration::from_millis(999);

const SINCE_DUE: Patience = Patience::SinceDue(LIMIT);
const SILENCE: Duration = Duration::from_secs(2);
const UNDER_WAY: Patience = Patience::UnderWay { limit: LIMIT, late: LATE, silence: SILENCE };

/// Makes exchanges that last until they are let go, and notes how they end.
struct Desk {
    flights: Mutex<SingleFlight<&'static str, String>>,
    /// Exchanges that were made.
    sent: AtomicUsize,
    /// Lets one exchange go.
    answers: Semaphore,
    ends: Mutex<Vec<String>>,
}

impl Owner for Desk {
    type Purpose = &'static str;
    type Question = &'static str;
    type Answer = String;
    type Outcome = String;

    fn set_out(&self, number: u64) -> Option<(Order<String>, &'static str)> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).set_out(number, Instant::now())
    }

    async fn exchange(&self, question: &'static str) -> String {
        self.sent.fetch_add(1, Ordering::Relaxed);
        assert_ne!(question, "a bug");
        self.answers.acquire().await.unwrap().forget();
        format!("answer to {question}")
    }

    fn land(self: &Arc<Self>, number: u64, end: End<String>, tell: impl FnOnce(String)) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        assert_ne!(flights.current().map(|flight| *flight.purpose()), Some("a bug of the owner"));
        let flight = flights.land(number);
        let came = if flight.is_some() { "" } else { ", too late" };
        self.ends.lock().unwrap().push(match end {
            End::Made(answer) => {
                tell(answer.clone());
                format!("{number}: {answer}{came}")
            }
            // What ends so is told or not, as the owner likes.
            End::Panicked => {
                tell("a panic".into());
                format!("{number}: panicked{came}")
            }
            End::Abandoned => format!("{number}: abandoned{came}"),
        });
    }
}

impl Desk {
    fn new(patience: Patience) -> Arc<Self> {
        Arc::new(Self {
            flights: Mutex::new(SingleFlight::new(patience)),
            sent: AtomicUsize::new(0),
            answers: Semaphore::new(0),
            ends: Mutex::default(),
        })
    }

    fn begin(self: &Arc<Self>, purpose: &'static str) -> Joined<Self> {
        self.begin_at(Instant::now(), purpose)
    }

    fn begin_at(self: &Arc<Self>, due: Instant, purpose: &'static str) -> Joined<Self> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).begin(self, due, purpose)
    }

    fn join(self: &Arc<Self>) -> Joined<Self> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).join(self, Instant::now()).unwrap()
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    fn ends(&self) -> Vec<String> {
        self.ends.lock().unwrap().clone()
    }

    /// The number of the flight that was abandoned.
    fn take_abandoned(&self) -> Option<u64> {
        self.flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_abandoned(Instant::now())
            .map(|flight| flight.number())
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Lets every task run that can.
async fn quiet() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Time passes, and no task of the runtime comes to run meanwhile.
fn pass(runtime: &Runtime, time: Duration) {
    runtime.block_on(async {
        let mut passing = Box::pin(advance(time));
        // The clock moves with the first poll, and the second would let others run.
        std::future::poll_fn(|context| Poll::Ready(passing.as_mut().poll(context).is_ready())).await;
    });
}

async fn soon(joined: Joined<Desk>) -> Word<String> {
    joined.outcome(Instant::now() + LIMIT).await
}

fn told(text: &str) -> Word<String> {
    Word::Outcome(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_exchange_and_the_next_flight_is_another() {
    let desk = Desk::new(UNDER_WAY);
    let mut waiting = vec![tokio::spawn(soon(desk.begin("keys")))];
    waiting.extend((0..9).map(|_| tokio::spawn(soon(desk.join()))));
    quiet().await;
    assert_eq!((desk.sent(), desk.flights.lock().unwrap().is_live(Instant::now())), (1, true));
    desk.answers.add_permits(1);
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), told("answer to keys"));
    }
    assert_eq!((desk.sent(), desk.ends()), (1, vec!["1: answer to keys".into()]));
    assert!(desk.flights.lock().unwrap().current().is_none());

    desk.answers.add_permits(1);
    assert_eq!(soon(desk.begin("more")).await, told("answer to more"));
    assert_eq!((desk.sent(), desk.ends().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn caller_that_goes_away_cancels_nothing() {
    let desk = Desk::new(SINCE_DUE);
    let mut beginning = Box::pin(soon(desk.begin("a token")));
    assert!(tokio::time::timeout(TICK, &mut beginning).await.is_err());
    let other = tokio::spawn(soon(desk.join()));
    drop(beginning);
    desk.answers.add_permits(1);
    assert_eq!(other.await.unwrap(), told("answer to a token"));
    assert_eq!(desk.ends(), ["1: answer to a token"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_no_longer_has_no_word_and_the_flight_goes_on() {
    let desk = Desk::new(UNDER_WAY);
    let began = Instant::now();
    assert_eq!(desk.begin("keys").outcome(began + LATE).await, Word::NotYet);
    assert_eq!(Instant::now() - began, LATE);
    desk.answers.add_permits(1);
    assert_eq!(soon(desk.join()).await, told("answer to keys"));
}

#[tokio::test(start_paused = true)]
async fn flight_sets_out_when_it_is_due() {
    let desk = Desk::new(SINCE_DUE);
    let due = Instant::now() + LATE;
    let mut joined = desk.begin_at(due, "a token");
    assert_eq!((joined.due(), *joined.purpose()), (due, "a token"));
    joined.go();
    sleep(ALMOST_LATE).await;
    assert_eq!(desk.sent(), 0);
    sleep(TICK).await;
    quiet().await;
    assert_eq!(desk.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn number_of_the_latest_under_way_leaves_out_a_flight_that_is_only_noted() {
    let desk = Desk::new(UNDER_WAY);
    let latest = || desk.flights.lock().unwrap().latest_under_way();
    assert_eq!(latest(), 0);
    let mut joined = desk.begin("keys");
    assert_eq!(latest(), 0);
    joined.go();
    quiet().await;
    assert_eq!(latest(), 1);
    desk.answers.add_permits(1);
    quiet().await;
    assert_eq!(latest(), 1);
}

#[tokio::test(start_paused = true)]
async fn exchange_that_panics_is_told_as_that() {
    let desk = Desk::new(UNDER_WAY);
    assert_eq!(soon(desk.begin("a bug")).await, told("a panic"));
    assert_eq!(desk.ends(), ["1: panicked"]);
}

#[test]
fn flight_that_dies_with_its_runtime_is_reported_and_those_who_wait_elsewhere_learn_of_it() {
    let (first, second) = (runtime(), runtime());
    let desk = Desk::new(UNDER_WAY);
    first.block_on(async {
        desk.begin("keys").go();
        quiet().await;
    });
    assert_eq!(desk.sent(), 1);
    let waiting = second.spawn(soon(desk.join()));
    second.block_on(quiet());
    drop(first);
    assert_eq!(desk.ends(), ["1: abandoned"]);
    assert_eq!(second.block_on(waiting).unwrap(), Word::Nothing);
}

#[test]
fn flight_whose_task_never_ran_dies_with_the_runtime_too() {
    for patience in [SINCE_DUE, UNDER_WAY] {
        let (first, desk) = (runtime(), Desk::new(patience));
        first.block_on(async { desk.begin("keys").go() });
        drop(first);
        assert_eq!((desk.sent(), desk.ends()), (0, vec!["1: abandoned".into()]));
        assert!(desk.flights.lock().unwrap().current().is_none());
    }
}

#[test]
fn without_a_runtime_or_on_one_that_shuts_down_a_flight_is_reported_at_once() {
    let desk = Desk::new(UNDER_WAY);
    desk.begin("keys").go();
    assert_eq!(desk.ends(), ["1: abandoned"]);

    let gone = runtime();
    let handle = gone.handle().clone();
    gone.shutdown_background();
    let _there = handle.enter();
    desk.begin("keys").go();
    assert_eq!((desk.sent(), desk.ends().len()), (0, 2));
    assert_eq!(desk.ends()[1], "2: abandoned");
}

#[test]
fn flight_that_nobody_drives_is_abandoned_so_long_after_it_was_due_and_its_task_sends_nothing() {
    let (runtime, desk) = (runtime(), Desk::new(SINCE_DUE));
    runtime.block_on(async { desk.begin("a token").go() });
    pass(&runtime, ALMOST_LIMIT);
    runtime.block_on(async {
        assert_eq!(desk.take_abandoned(), None);
        assert!(desk.flights.lock().unwrap().is_live(Instant::now()));
    });
    pass(&runtime, TICK);
    runtime.block_on(async {
        assert!(!desk.flights.lock().unwrap().is_live(Instant::now()));
        // Nobody sends a second task for it: it is abandoned whole.
        let waiting = desk.join();
        assert_eq!(desk.take_abandoned(), Some(1));
        assert_eq!(soon(waiting).await, Word::Nothing);
        assert_eq!((desk.sent(), desk.ends().len()), (0, 0));
    });
}

#[test]
fn task_of_a_flight_that_was_abandoned_leaves_the_next_one_alone() {
    let (first, second) = (runtime(), runtime());
    let desk = Desk::new(SINCE_DUE);
    first.block_on(async { desk.begin("old").go() });
    second.block_on(async {
        advance(LIMIT + LATE).await;
        assert_eq!(desk.take_abandoned(), Some(1));
    });
    let next = desk.begin("new");
    first.block_on(quiet());
    assert_eq!(desk.sent(), 0);
    drop(first);
    assert_eq!(desk.ends(), [""; 0]);
    desk.answers.add_permits(1);
    assert_eq!(second.block_on(soon(next)), told("answer to new"));
}

#[test]
fn flight_that_no_task_has_come_to_make_is_made_by_who_waits_for_it_and_once() {
    let (second, first) = (runtime(), runtime());
    let desk = Desk::new(UNDER_WAY);
    // Due by the clock of the second runtime.
    let mut joined = second.block_on(async { desk.begin("keys") });
    first.block_on(async { joined.go() });
    let is_late = || desk.flights.lock().unwrap().is_late(Instant::now());
    second.block_on(async {
        advance(ALMOST_LATE).await;
        // The queue of the first runtime has had less time than it may need.
        let early = tokio::spawn(soon(desk.join()));
        quiet().await;
        assert_eq!((desk.sent(), is_late()), (0, false));
        advance(TICK).await;
        assert!(is_late());
        let waiting = tokio::spawn(soon(desk.join()));
        quiet().await;
        assert_eq!((desk.sent(), is_late()), (1, false));
        // The first task comes to run after all.
        std::thread::scope(|scope| scope.spawn(|| first.block_on(quiet())).join().unwrap());
        assert_eq!(desk.sent(), 1);
        desk.answers.add_permits(1);
        assert_eq!(waiting.await.unwrap(), told("answer to keys"));
        assert_eq!(early.await.unwrap(), told("answer to keys"));
    });
    assert_eq!(desk.ends(), ["1: answer to keys"]);
}

#[test]
fn further_tasks_are_sent_no_sooner_than_the_last_one_has_had_time() {
    let (runtime, desk) = (runtime(), Desk::new(UNDER_WAY));
    runtime.block_on(async { desk.begin("keys").go() });
    for tasks in [1, 2, 3] {
        for _ in 0..10 {
            runtime.block_on(async { desk.join().go() });
        }
        assert_eq!(runtime.metrics().num_alive_tasks(), tasks);
        pass(&runtime, LATE);
        runtime.block_on(async { desk.join().go() });
    }
    runtime.block_on(quiet());
    assert_eq!((desk.sent(), runtime.metrics().num_alive_tasks()), (1, 1));
}

#[test]
fn task_that_is_dropped_while_another_makes_its_flight_says_nothing() {
    let (first, second) = (runtime(), runtime());
    let desk = Desk::new(UNDER_WAY);
    first.block_on(async { desk.begin("keys").go() });
    second.block_on(async {
        advance(LATE + TICK).await;
        let waiting = tokio::spawn(soon(desk.join()));
        quiet().await;
        assert_eq!(desk.sent(), 1);
        std::thread::scope(|scope| scope.spawn(|| drop(first)).join().unwrap());
        assert_eq!(desk.ends(), [""; 0]);
        desk.answers.add_permits(1);
        assert_eq!(waiting.await.unwrap(), told("answer to keys"));
    });
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_counts_as_abandoned_so_long_after_it_has_set_out() {
    let desk = Desk::new(UNDER_WAY);
    let mut joined = desk.begin("keys");
    // Noted only, it waits for whoever comes, however long.
    advance(10 * LIMIT).await;
    assert_eq!(desk.take_abandoned(), None);
    joined.go();
    quiet().await;
    assert_eq!(desk.sent(), 1);
    advance(ALMOST_LIMIT).await;
    assert_eq!(desk.take_abandoned(), None);
    advance(TICK).await;
    assert_eq!(desk.take_abandoned(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_comes_of_a_flight_that_was_abandoned_is_not_taken_for_the_next() {
    let desk = Desk::new(UNDER_WAY);
    desk.begin("old").go();
    quiet().await;
    advance(LIMIT).await;
    assert_eq!(desk.take_abandoned(), Some(1));
    let next = desk.begin("new");
    desk.answers.add_permits(1);
    quiet().await;
    assert_eq!(desk.ends(), ["1: abandoned, too late"]);
    desk.answers.add_permits(1);
    assert_eq!(soon(next).await, told("answer to new"));
    assert_eq!(desk.ends()[1], "2: answer to new");
}

#[test]
fn runtime_that_stands_still_under_way_is_found_out_by_those_who_knock() {
    let (first, second) = (runtime(), runtime());
    let desk = Desk::new(UNDER_WAY);
    first.block_on(async {
        desk.begin("keys").go();
        quiet().await;
    });
    assert_eq!(desk.sent(), 1);
    second.block_on(async {
        advance(LATE).await;
        assert_eq!(desk.take_abandoned(), None, "a first knock");
        // More of them change nothing.
        advance(LATE).await;
        assert_eq!(desk.take_abandoned(), None);
        advance(ALMOST_LATE).await;
        assert_eq!(desk.take_abandoned(), None);
        advance(TICK).await;
        assert!(!desk.flights.lock().unwrap().is_live(Instant::now()));
        assert_eq!(desk.take_abandoned(), Some(1));
    });
}

#[tokio::test(start_paused = true)]
async fn task_that_is_driven_answers_every_knock() {
    let desk = Desk::new(UNDER_WAY);
    desk.begin("keys").go();
    quiet().await;
    for _ in 0..4 {
        advance(LATE).await;
        assert_eq!(desk.take_abandoned(), None);
        quiet().await;
    }
    advance(ALMOST_LATE).await;
    assert_eq!(desk.take_abandoned(), None);
    desk.answers.add_permits(1);
    assert_eq!(soon(desk.join()).await, told("answer to keys"));
    assert_eq!(desk.sent(), 1);
}

/// A program may ask for days while nobody drives its runtime.
#[test]
fn who_does_not_wait_sends_ever_fewer_tasks() {
    let (runtime, desk) = (runtime(), Desk::new(UNDER_WAY));
    runtime.block_on(async { desk.begin("keys").go() });
    for _ in 0..10_000 {
        pass(&runtime, LATE);
        runtime.block_on(async {
            let joined = desk.flights.lock().unwrap().join_at_leisure(&desk, Instant::now());
            joined.unwrap().go();
        });
    }
    let tasks = runtime.metrics().num_alive_tasks();
    assert!((10..=15).contains(&tasks), "{tasks}");
    // Whoever waits sends one at once all the same.
    pass(&runtime, LATE);
    runtime.block_on(async { desk.join().go() });
    assert_eq!(runtime.metrics().num_alive_tasks(), tasks + 1);
    runtime.block_on(quiet());
    assert_eq!(desk.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn flight_over_which_its_owner_has_panicked_is_abandoned_at_once() {
    let desk = Desk::new(UNDER_WAY);
    let waiting = tokio::spawn(soon(desk.begin("a bug of the owner")));
    quiet().await;
    assert_eq!(desk.take_abandoned(), None);
    desk.answers.add_permits(1);
    assert_eq!(waiting.await.unwrap(), Word::Nothing);
    let flights = || desk.flights.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(flights().take_abandoned(Instant::now()).map(|flight| flight.number()), Some(1));
}

/// The exchange has done nothing wrong.
#[test]
fn runtime_that_ends_because_its_thread_panics_has_left_its_flight_behind() {
    let desk = Desk::new(UNDER_WAY);
    let panicked = std::thread::spawn({
        let desk = Arc::clone(&desk);
        move || {
            let runtime = runtime();
            runtime.block_on(async {
                desk.begin("keys").go();
                quiet().await;
            });
            panic!("for another reason");
        }
    });
    assert!(panicked.join().is_err());
    assert_eq!((desk.sent(), desk.ends()), (1, vec!["1: abandoned".into()]));
}

/// No pile of exchanges goes on when runtimes wake up.
#[test]
fn exchange_that_was_abandoned_goes_no_further_when_its_runtime_wakes_up() {
    let (first, second) = (runtime(), runtime());
    let desk = Desk::new(UNDER_WAY);
    first.block_on(async {
        desk.begin("old").go();
        quiet().await;
    });
    second.block_on(async {
        advance(LIMIT).await;
        assert_eq!(desk.take_abandoned(), Some(1));
        let next = desk.begin("new");
        desk.answers.add_permits(2);
        assert_eq!(soon(next).await, told("answer to new"));
    });
    first.block_on(quiet());
    assert_eq!(desk.ends(), ["2: answer to new", "1: abandoned, too late"]);
    assert_eq!(desk.answers.available_permits(), 1, "the old one has gone on");
}

#[test]
fn flight_whose_task_is_dropped_by_a_thread_that_panics_is_nobodys_to_wait_for() {
    for patience in [SINCE_DUE, UNDER_WAY] {
        let desk = Desk::new(patience);
        let panicked = std::thread::spawn({
            let desk = Arc::clone(&desk);
            move || {
                let runtime = runtime();
                runtime.block_on(async { desk.begin("keys").go() });
                panic!("for another reason");
            }
        });
        assert!(panicked.join().is_err());
        assert_eq!((desk.sent(), desk.ends()), (0, vec!["1: abandoned".into()]));
        assert!(desk.flights.lock().unwrap().current().is_none());
    }
}

/// What an owner does wrong while its thread unwinds must not end the process.
#[test]
fn owner_that_panics_over_a_thread_that_panics_does_no_more_harm() {
    let desk = Desk::new(UNDER_WAY);
    let panicked = std::thread::spawn({
        let desk = Arc::clone(&desk);
        move || {
            let runtime = runtime();
            runtime.block_on(async {
                desk.begin("a bug of the owner").go();
                quiet().await;
            });
            panic!("for another reason");
        }
    });
    assert!(panicked.join().is_err());
    let flights = || desk.flights.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(flights().take_abandoned(Instant::now()).map(|flight| flight.number()), Some(1));
}
