//! One exchange at a time, each in a task of its own: callers that go away cancel nothing, and those that wait share what comes of it.
//!
//! A task runs only while somebody drives its runtime, which a program that calls `block_on` now and then does not. So a flight
//! is noted first, and a task asks whether it may set out when it comes to run: one whose flight another task has made, or that
//! was given up meanwhile, sends nothing, however late it runs. What a runtime has left behind says nothing about the issuer,
//! and is told apart from what has failed.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
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
pub enum End<A> {
    /// Its exchange was made, and has come to this.
    Made(A),
    /// Its task has panicked.
    Panicked,
    /// Its task was dropped, before it set out or half-way: its runtime has ended.
    LeftBehind,
}

/// How long a flight may say nothing before it counts as left behind: on a runtime that stands still, its task is not even dropped.
#[derive(Clone, Copy, Debug)]
pub enum Patience {
    /// So long after it was due, whether it has set out or not.
    SinceDue(Duration),
    /// So long after it has set out. While it has not, whoever comes sends a further task for it, where the last one has had time.
    UnderWay {
        /// How long it may be under way.
        limit: Duration,
        /// How long a task may need to come to run.
        late: Duration,
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
    Noted { order: Order<O>, last_task: Instant },
    UnderWay(Instant),
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
pub struct Order<O>(watch::Sender<Option<O>>);

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
        if let Stage::UnderWay(since) = self.stage { Some(since) } else { None }
    }
}

impl<P: Clone, O: Clone> SingleFlight<P, O> {
    /// None yet.
    pub const fn new(patience: Patience) -> Self {
        Self { patience, current: None, begun: 0 }
    }

    /// The flight at hand, left behind or not.
    pub const fn current(&self) -> Option<&Flight<P, O>> {
        self.current.as_ref()
    }

    /// The number of the newest flight that has set out: what later ones bring is news to whoever comes now.
    pub fn latest_under_way(&self) -> u64 {
        self.begun - u64::from(self.current.as_ref().is_some_and(|flight| flight.under_way().is_none()))
    }

    /// Whether there is a flight that may still bring something.
    pub fn is_live(&self, now: Instant) -> bool {
        self.current.as_ref().is_some_and(|flight| !self.is_left_behind(flight, now))
    }

    /// Whether there is one that no task has come to make for long.
    pub fn is_late(&self, now: Instant) -> bool {
        let Patience::UnderWay { late, .. } = self.patience else { return false };
        self.current.as_ref().is_some_and(|flight| flight.under_way().is_none() && now >= flight.due() + late)
    }

    /// Gives up the flight that was left behind, if there is one: for the owner to note. Nobody else is to wait for it.
    #[must_use]
    pub fn give_up(&mut self, now: Instant) -> Option<Flight<P, O>> {
        if self.is_live(now) { None } else { self.current.take() }
    }

    fn is_left_behind(&self, flight: &Flight<P, O>, now: Instant) -> bool {
        match self.patience {
            Patience::SinceDue(limit) => now >= flight.due() + limit,
            Patience::UnderWay { limit, .. } => flight.under_way().is_some_and(|since| now >= since + limit),
        }
    }

    /// The flight at hand, for one more who waits for it.
    pub fn join<W>(&mut self, owner: &Arc<W>, now: Instant) -> Option<Joined<W>>
    where
        W: Owner<Purpose = P, Outcome = O>,
    {
        let flight = self.current.as_mut()?;
        let task = match (&mut flight.stage, self.patience) {
            (Stage::Noted { last_task, .. }, Patience::UnderWay { late, .. }) if now >= *last_task + late => {
                *last_task = now;
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
        self.begun += 1;
        let (sender, outcome) = watch::channel(None);
        let ticket = Ticket { number: self.begun, purpose, due, outcome };
        let stage = Stage::Noted { order: Order(sender), last_task: due };
        self.current = Some(Flight { ticket: ticket.clone(), stage });
        Joined { task: Some(Task::new(owner, &ticket)), ticket }
    }

    /// Hands the flight of this number to the first task that asks for it; with what it is for.
    pub fn set_out(&mut self, number: u64, now: Instant) -> Option<(Order<O>, P)> {
        let flight = self.current.as_mut().filter(|flight| flight.number() == number)?;
        match std::mem::replace(&mut flight.stage, Stage::UnderWay(now)) {
            Stage::Noted { order, .. } => Some((order, flight.purpose().clone())),
            under_way @ Stage::UnderWay(_) => {
                flight.stage = under_way;
                None
            }
        }
    }

    /// Takes the flight of this number, unless it was given up before: then what it brings comes too late.
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
        let answer = self.owner.exchange(question).await;
        self.end(End::Made(answer));
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
        let Some(Order(outcome)) = self.order.take() else { return };
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
        // Before it has run: nobody is to wait for it, unless another task makes the flight.
        if self.order.is_none() && self.set_out().is_none() {
            return;
        }
        self.end(if std::thread::panicking() { End::Panicked } else { End::LeftBehind });
    }
}
