//! The connection that everybody shares, and the task that keeps it: it connects again, looks at the server every second and
//! whenever somebody has reason to doubt it, and says what was found. Calls read that, and never wait for it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ClientConfig;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::address::Address;
use crate::connection::{Connection, Failed};
use crate::error::ConnectError;
use crate::info::Blind;
use crate::look::{Look, Question, look};
use crate::names::Names;

/// How often the server is looked at where nothing happens. So late at most is it noticed that it is another one.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// What a server is given to accept a connection, or to say how it is, where calls have less.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// Between attempts to connect: doubled up to the longest, less a part by chance, so that replicas do not come all at once.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between looks, however often somebody asks for one.
const BREATHER: Duration = Duration::from_millis(5);
/// So many insertions of this process call for a look at the memory, which is so checked all the more often the faster it fills up.
const INSERTIONS: u32 = 256;

/// What makes a link.
pub(crate) struct Plan {
    pub(crate) address: Address,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) names: Names,
    pub(crate) deadline: Duration,
    pub(crate) allows_eviction: bool,
}

impl Plan {
    pub(crate) fn patience(&self) -> Duration {
        self.deadline.max(LEAST_PATIENCE)
    }
}

pub(crate) struct Link {
    shared: Arc<Shared>,
    keeper: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

struct Shared {
    plan: Plan,
    state: ArcSwap<Option<Up>>,
    doubt: Notify,
    inserted: AtomicU32,
}

/// A connection, and the server at its other end as it was a moment ago.
#[derive(Clone)]
pub(crate) struct Up {
    pub(crate) connection: Connection,
    pub(crate) look: Look,
}

impl Link {
    /// At once, or not at all.
    pub(crate) async fn connect(plan: Plan) -> Result<Self, ConnectError> {
        match connect(&plan).await {
            Ok(up) => Ok(Self::keep(plan, Some(up))),
            Err(blind) => Err(blind.told_of(&plan.address)),
        }
    }

    /// Sooner or later.
    pub(crate) fn connect_in_background(plan: Plan) -> Self {
        Self::keep(plan, None)
    }

    fn keep(plan: Plan, up: Option<Up>) -> Self {
        let is_up = up.is_some();
        let state = ArcSwap::from_pointee(up);
        let shared = Arc::new(Shared { plan, state, doubt: Notify::new(), inserted: AtomicU32::new(0) });
        let keeper = tokio::spawn(keep(Arc::clone(&shared), is_up)).abort_handle();
        Self { shared, keeper }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// What calls go by; `None` while the server cannot be used, or nobody has looked for too long.
    pub(crate) fn up(&self) -> Option<arc_swap::Guard<Arc<Option<Up>>>> {
        let state = self.shared.state.load();
        let longest = HEARTBEAT + self.plan().patience() + LEAST_PATIENCE;
        state.as_ref().as_ref().is_some_and(|up| up.look.at.elapsed() < longest).then_some(state)
    }

    /// Somebody has reason to believe that the server is not what it was.
    pub(crate) fn doubt(&self) {
        self.shared.doubt.notify_one();
    }

    pub(crate) fn count_insertion(&self) {
        if self.shared.inserted.fetch_add(1, Ordering::Relaxed) % INSERTIONS == INSERTIONS - 1 {
            self.doubt();
        }
    }
}

async fn keep(shared: Arc<Shared>, mut is_up: bool) {
    let mut told = None;
    loop {
        if !is_up {
            let up = reconnect(&shared.plan, &mut told).await;
            told = None;
            info!(target: "rampart", server = %shared.plan.address, "Redis can be used");
            shared.state.store(Arc::new(Some(up)));
        }
        is_up = false;
        let Err(blind) = watch(&shared).await;
        shared.state.store(Arc::new(None));
        blind.log(&shared.plan.address, &mut told);
    }
}

/// Until the server cannot be used any more.
async fn watch(shared: &Shared) -> Result<std::convert::Infallible, Blind> {
    let plan = &shared.plan;
    loop {
        sleep(BREATHER).await;
        let _ = timeout(HEARTBEAT, shared.doubt.notified()).await;
        let Some(Up { connection, look: before }) = Option::clone(&shared.state.load()) else {
            return Err(Blind::Failed(Failed::Late));
        };
        let look = plan.look(&connection, Some(&before)).await?;
        if look.birth.id != before.birth.id {
            warn!(
                target: "rampart", server = %plan.address,
                "Redis has lost which proofs were spent: those that were made until now, and in the next 10 s, are refused"
            );
        }
        if look.is_full && !before.is_full {
            error!(
                target: "rampart", server = %plan.address,
                "Redis has used 90 % of its maxmemory: proofs are refused until there is room; give it more"
            );
        }
        shared.state.store(Arc::new(Some(Up { connection, look })));
    }
}

async fn reconnect(plan: &Plan, told: &mut Option<String>) -> Up {
    let mut pause = FIRST_PAUSE;
    loop {
        match connect(plan).await {
            Ok(up) => return up,
            Err(blind) => blind.log(&plan.address, told),
        }
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn connect(plan: &Plan) -> Result<Up, Blind> {
    let connection = plan.open().await.map_err(Blind::Failed)?;
    let look = plan.look(&connection, None).await?;
    Ok(Up { connection, look })
}

impl Plan {
    pub(crate) async fn open(&self) -> Result<Connection, Failed> {
        Connection::open(&self.address, self.tls.as_ref(), self.patience()).await
    }

    async fn look(&self, connection: &Connection, before: Option<&Look>) -> Result<Look, Blind> {
        let Self { names, allows_eviction, .. } = self;
        let question = Question { names, allows_eviction: *allows_eviction, patience: self.patience(), before };
        look(connection, &question).await
    }
}

impl Blind {
    fn told_of(self, address: &Address) -> ConnectError {
        let server = address.to_string();
        let why = self.to_string();
        match self {
            Self::Failed(_) => ConnectError::Unreachable { server, why },
            Self::Refused(_) => ConnectError::Refused { server, why },
        }
    }

    /// Once for each reason, until it can be used again.
    fn log(&self, address: &Address, told: &mut Option<String>) {
        let why = self.to_string();
        if told.as_ref() == Some(&why) {
            return;
        }
        match self {
            Self::Failed(_) => warn!(target: "rampart", server = %address, why, "Redis cannot be reached"),
            Self::Refused(_) => error!(target: "rampart", server = %address, why, "Redis cannot be used"),
        }
        *told = Some(why);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { address, names, deadline, .. } = self.plan();
        f.debug_struct("Link")
            .field("server", address)
            .field("names", names)
            .field("deadline", deadline)
            .field("is_up", &self.up().is_some())
            .finish_non_exhaustive()
    }
}
