//! One exchange at a time, each in a task of its own: callers that go away cancel nothing, and those that wait share what comes of it.
//!
//! A task runs only while somebody drives its runtime, which a program that calls `block_on` now and then does not. So a flight
//! is noted first, and a task asks whether it may set out when it comes to run: one whose flight another task has made, or that
//! was abandoned meanwhile, sends nothing, however late it runs. What a runtime has abandoned says nothing about the issuer,
//! and is told apart from what has failed.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Who makes exchanges, and keeps their [`SingleFlight`] behind a lock of its own.
pub trait Owner: Send + Sync + Sized + 'static {
    /// What a flight is for.
    type Purpose: Clone + Send + Sync;
    /// What has to be known for the exchange.
    type Question: Send;
    /// What it has come to.
    type Answer: Send;
    /// What those who wait are told of it.
    type Outcome: Clone + Send + Sync;

    /// Asks for the flight of this number, as [`SingleFlight::set_out`] gives it, and what its exchange has to know.
    fn set_out(&self, number: u64) -> Option<(Order<Self::Outcome>, Self::Question)>;

    /// Makes the exchange, within limits of its own.
    fn exchange(&self, question: Self::Question) -> impl Future<Output = Self::Answer> + Send;

    /// The flight of this number has ended. Takes it from where it is ([`SingleFlight::land`]) and tells those who wait, under one
    /// lock; where nothing is told, they learn that nothing has come of it.
    fn land(self: &Arc<Self>, number: u64, end: End<Self::Answer>, tell: impl FnOnce(Self::Outcome));
}

/// How a flight has ended.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an owner has to say what it does in each case")]
pub enum End<A> {
    /// Its exchange was made, and has come to this.
    Made(A),
    /// Its task has panicked.
    Panicked,
    /// Its task was dropped, before it set out or half-way: its runtime has ended.
    Abandoned,
}

/// How long a flight may say nothing before it counts as abandoned: on a runtime that stands still, its task is not even dropped.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Patience {
    /// So long after it was due, whether it has set out or not.
    SinceDue(Duration),
    /// So long after it has set out, or where its task does not answer a knock. While it has not set out, whoever comes sends a
    /// further task for it, where the last one has had time.
    UnderWay {
        /// How long it may be under way.
        limit: Duration,
        /// How long a task may need to come to run. Who waits knocks no more often.
        late: Duration,
        /// How long a task may leave a knock unanswered: longer than a busy runtime lets its tasks wait.
        silence: Duration,
    },
}

/// At most one flight, as a part of the state of its [`Owner`].
#[derive(Debug)]
pub struct SingleFlight<P, O> {
    patience: Patience,
    current: Option<Flight<P, O>>,
    begun: u64,
}

/// A flight, for the owner.
#[derive(Debug)]
pub struct Flight<P, O> {
    ticket: Ticket<P, O>,
    stage: Stage<O>,
}

#[derive(Debug)]
enum Stage<O> {
    Noted { order: Order<O>, last_task: Instant, tasks: u32 },
    UnderWay { since: Instant, pulse: Arc<Pulse>, knocked_at: Instant },
}

/// A flight, for those who wait for it.
#[derive(Clone, Debug)]
struct Ticket<P, O> {
    number: u64,
    purpose: P,
    due: Instant,
    outcome: watch::Receiver<Option<O>>,
}

/// The right to make an exchange: there is one for each flight.
#[derive(Debug)]
pub struct Order<O> {
    outcome: watch::Sender<Option<O>>,
    pulse: Arc<Pulse>,
}

/// Whether somebody drives the task that makes an exchange: who waits for it knocks, and it answers when it is polled. On a runtime
/// that stands still nothing is.
#[derive(Debug, Default)]
struct Pulse {
    knocks: AtomicU64,
    answered: AtomicU64,
    knocked: Notify,
    /// Whether the exchange is being polled: if its task is dropped then, it has panicked itself.
    is_polled: AtomicBool,
    /// Whether nobody waits for it any more: it sends nothing from then on.
    is_called_off: AtomicBool,
}

impl Pulse {
    fn knock(&self) {
        self.knocks.fetch_add(1, Ordering::Relaxed);
        self.knocked.notify_one();
    }

    fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed) == self.knocks.load(Ordering::Relaxed)
    }

    /// Makes an exchange, and answers every knock meanwhile. `None` where it was called off: it goes no further then, however late
    /// its runtime wakes up.
    async fn beat<T>(&self, exchange: impl Future<Output = T>) -> Option<T> {
        let (mut exchange, mut knocked) = (pin!(exchange), pin!(self.knocked.notified()));
        poll_fn(|context| {
            while knocked.as_mut().poll(context).is_ready() {
                knocked.set(self.knocked.notified());
            }
            self.answered.store(self.knocks.load(Ordering::Relaxed), Ordering::Relaxed);
            if self.is_called_off.load(Ordering::Relaxed) {
                return Poll::Ready(None);
            }
            self.is_polled.store(true, Ordering::Relaxed);
            let poll = exchange.as_mut().poll(context);
            self.is_polled.store(false, Ordering::Relaxed);
            poll.map(Some)
        })
        .await
    }
}

impl<P, O> Flight<P, O> {
    /// Its number: later ones have higher ones.
    pub fn number(&self) -> u64 {
        self.ticket.number
    }

    /// What it is for.
    pub fn purpose(&self) -> &P {
        &self.ticket.purpose
    }

    /// When it was to set out.
    pub fn due(&self) -> Instant {
        self.ticket.due
    }

    /// Since when it has been under way.
    pub fn under_way(&self) -> Option<Instant> {
        if let Stage::UnderWay { since, .. } = self.stage { Some(since) } else { None }
    }
}

impl<P: Clone, O: Clone> SingleFlight<P, O> {
    /// None yet.
    pub const fn new(patience: Patience) -> Self {
        Self { patience, current: None, begun: 0 }
    }

    /// The flight at hand, abandoned or not.
    pub const fn current(&self) -> Option<&Flight<P, O>> {
        self.current.as_ref()
    }

    /// The number of the newest flight that has set out: what later ones bring is news to whoever comes now.
    pub fn latest_under_way(&self) -> u64 {
        self.begun - u64::from(self.current.as_ref().is_some_and(|flight| flight.under_way().is_none()))
    }

    /// Whether there is a flight that may still bring something.
    pub fn is_live(&self, now: Instant) -> bool {
        self.current.as_ref().is_some_and(|flight| !self.is_abandoned(flight, now))
    }

    /// Whether there is one that no task has come to make for long.
    pub fn is_late(&self, now: Instant) -> bool {
        let Patience::UnderWay { late, .. } = self.patience else { return false };
        self.current.as_ref().is_some_and(|flight| flight.under_way().is_none() && now >= flight.due() + late)
    }

    /// Takes the flight that was abandoned, if there is one: for the owner to note. Nobody else is to wait for it. Asked now
    /// and then while somebody waits, it also knocks at the flight's task, so that it learns of a runtime that stands still.
    #[must_use]
    pub fn take_abandoned(&mut self, now: Instant) -> Option<Flight<P, O>> {
        if !self.is_live(now) {
            self.call_off();
            return self.current.take();
        }
        if let (Some(Flight { stage: Stage::UnderWay { pulse, knocked_at, .. }, .. }), Patience::UnderWay { late, .. }) =
            (&mut self.current, self.patience)
            && now >= *knocked_at + late
            && pulse.is_answered()
        {
            *knocked_at = now;
            pulse.knock();
        }
        None
    }

    /// Keeps the exchange at hand from going any further, where its task is not done with it.
    fn call_off(&self) {
        if let Some(Flight { stage: Stage::UnderWay { pulse, .. }, .. }) = &self.current {
            pulse.is_called_off.store(true, Ordering::Relaxed);
            // An exchange that nothing ever wakes would not learn of it.
            pulse.knocked.notify_one();
        }
    }

    fn is_abandoned(&self, flight: &Flight<P, O>, now: Instant) -> bool {
        match self.patience {
            Patience::SinceDue(limit) => now >= flight.due() + limit,
            Patience::UnderWay { limit, silence, .. } => match &flight.stage {
                Stage::Noted { .. } => false,
                Stage::UnderWay { since, pulse, knocked_at } => {
                    let is_silent = now >= *knocked_at + silence && !pulse.is_answered();
                    // The task is gone without a word: the owner has panicked over it.
                    let is_gone = flight.ticket.outcome.has_changed().is_err();
                    now >= *since + limit || is_silent || is_gone
                }
            },
        }
    }

    /// The flight at hand, for one more who waits for it.
    pub fn join<W>(&mut self, owner: &Arc<W>, now: Instant) -> Option<Joined<W>>
    where
        W: Owner<Purpose = P, Outcome = O>,
    {
        self.join_with(owner, now, |_| 1)
    }

    /// The flight at hand, for somebody who has time: the more tasks stand in queues already, the later the next one is sent.
    pub fn join_at_leisure<W>(&mut self, owner: &Arc<W>, now: Instant) -> Option<Joined<W>>
    where
        W: Owner<Purpose = P, Outcome = O>,
    {
        self.join_with(owner, now, |tasks| 1 << tasks.min(12))
    }

    fn join_with<W>(&mut self, owner: &Arc<W>, now: Instant, patience: fn(u32) -> u32) -> Option<Joined<W>>
    where
        W: Owner<Purpose = P, Outcome = O>,
    {
        let flight = self.current.as_mut()?;
        let task = match (&mut flight.stage, self.patience) {
            (Stage::Noted { last_task, tasks, .. }, Patience::UnderWay { late, .. })
                if now >= *last_task + late * patience(*tasks) =>
            {
                *last_task = now;
                *tasks += 1;
                Some(Task::new(owner, &flight.ticket))
            }
            _ => None,
        };
        Some(Joined { ticket: flight.ticket.clone(), task })
    }

    /// Notes a new flight, in place of any other.
    pub fn begin<W>(&mut self, owner: &Arc<W>, due: Instant, purpose: P) -> Joined<W>
    where
        W: Owner<Purpose = P, Outcome = O>,
    {
        self.call_off();
        self.begun += 1;
        let (sender, outcome) = watch::channel(None);
        let ticket = Ticket { number: self.begun, purpose, due, outcome };
        let order = Order { outcome: sender, pulse: Arc::default() };
        let stage = Stage::Noted { order, last_task: due, tasks: 0 };
        self.current = Some(Flight { ticket: ticket.clone(), stage });
        Joined { task: Some(Task::new(owner, &ticket)), ticket }
    }

    /// Hands the flight of this number to the first task that asks for it; with what it is for.
    pub fn set_out(&mut self, number: u64, now: Instant) -> Option<(Order<O>, P)> {
        let flight = self.current.as_mut().filter(|flight| flight.number() == number)?;
        let Stage::Noted { order, .. } = &flight.stage else { return None };
        let under_way = Stage::UnderWay { since: now, pulse: Arc::clone(&order.pulse), knocked_at: now };
        match std::mem::replace(&mut flight.stage, under_way) {
            Stage::Noted { order, .. } => Some((order, flight.purpose().clone())),
            Stage::UnderWay { .. } => None,
        }
    }

    /// Takes the flight of this number, unless it was abandoned before: then what it brings comes too late.
    pub fn land(&mut self, number: u64) -> Option<Flight<P, O>> {
        self.current.take_if(|flight| flight.number() == number)
    }
}

/// A flight that somebody needs, and the task that is to be spawned for it: not under the lock, as a runtime that is shutting down
/// drops the task at once, and its end then needs the lock.
#[must_use]
pub struct Joined<W: Owner> {
    ticket: Ticket<W::Purpose, W::Outcome>,
    task: Option<Task<W>>,
}

/// What those who wait have learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever waits has to say what it does in each case")]
pub enum Word<O> {
    /// What has come of the flight.
    Outcome(O),
    /// Nothing has come of it, and nothing will.
    Nothing,
    /// Nothing is known yet.
    NotYet,
}

impl<W: Owner> Joined<W> {
    /// What it is for.
    pub fn purpose(&self) -> &W::Purpose {
        &self.ticket.purpose
    }

    /// When it was to set out.
    pub fn due(&self) -> Instant {
        self.ticket.due
    }

    /// Sends its task on its way.
    pub fn go(&mut self) {
        let Some(task) = self.task.take() else { return };
        // Where there is no runtime the task is dropped, and says so.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(task.run());
    }

    /// What comes of it by then.
    pub async fn outcome(mut self, by: Instant) -> Word<W::Outcome> {
        self.go();
        match timeout_at(by, self.ticket.outcome.wait_for(Option::is_some)).await {
            Ok(told) => told.ok().and_then(|outcome| outcome.clone()).map_or(Word::Nothing, Word::Outcome),
            Err(_) => Word::NotYet,
        }
    }
}

impl<W: Owner> fmt::Debug for Joined<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("number", &self.ticket.number)
            .field("due", &self.ticket.due)
            .finish_non_exhaustive()
    }
}

/// Makes a flight, and tells its owner how it has ended, also where it is dropped half-way.
struct Task<W: Owner> {
    owner: Arc<W>,
    number: u64,
    due: Instant,
    order: Option<Order<W::Outcome>>,
    is_done: bool,
}

impl<W: Owner> Task<W> {
    fn new(owner: &Arc<W>, ticket: &Ticket<W::Purpose, W::Outcome>) -> Self {
        Self { owner: Arc::clone(owner), number: ticket.number, due: ticket.due, order: None, is_done: false }
    }

    async fn run(mut self) {
        if self.due > Instant::now() {
            sleep_until(self.due).await;
        }
        let Some(question) = self.set_out() else { return };
        let Some(pulse) = self.order.as_ref().map(|order| Arc::clone(&order.pulse)) else { return };
        let answer = pulse.beat(self.owner.exchange(question)).await;
        self.end(answer.map_or(End::Abandoned, End::Made));
    }

    fn set_out(&mut self) -> Option<W::Question> {
        let order = self.owner.set_out(self.number);
        self.is_done = order.is_none();
        let (order, question) = order?;
        self.order = Some(order);
        Some(question)
    }

    fn end(&mut self, end: End<W::Answer>) {
        self.is_done = true;
        let Some(Order { outcome, .. }) = self.order.take() else { return };
        self.owner.land(self.number, end, |told| {
            outcome.send_replace(Some(told));
        });
    }
}

impl<W: Owner> Drop for Task<W> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // The thread may be unwinding: what the owner does wrong now must not end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            // Before it has run: nobody is to wait for it, unless another task makes the flight.
            if self.order.is_none() && self.set_out().is_none() {
                return;
            }
            let has_panicked = self.order.as_ref().is_some_and(|order| order.pulse.is_polled.load(Ordering::Relaxed));
            self.end(if has_panicked { End::Panicked } else { End::Abandoned });
        }));
    }
}
