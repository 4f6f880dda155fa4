//! Verifications that several guards of one request wait for.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker, ready};

use parking_lot::Mutex;

use crate::auth::RampartAuth;
use crate::request::RequestHead;
use crate::verification::{Fresh, Pending};

/// Those of one request that are under way: of each auth object, and of each token that it has carried. To be kept with the request
/// where its guards may be asked at the same time.
///
/// Who waits holds them. What nobody waits for any more is given up.
#[derive(Default)]
pub struct Flights(Vec<Weak<Shared>>);

impl Flights {
    /// One that others of the request find.
    pub fn begin(&mut self, pending: Pending) -> Flight {
        let shared = Arc::new(Shared { progress: Mutex::new(Progress::Pending(pending)), waiting: Arc::default() });
        self.0.retain(|flight| flight.strong_count() > 0);
        self.0.push(Arc::downgrade(&shared));
        Flight(shared)
    }

    /// The one of this object, and of the request as it is now, if there is one.
    pub fn of(&self, auth: &RampartAuth, head: &impl RequestHead) -> Option<Flight> {
        let is_of = |flight: &Arc<Shared>| match &*flight.progress.lock() {
            Progress::Pending(pending) => pending.is_of(auth, head),
            // Whoever has seen it end has kept what came of it with the request.
            Progress::Done(_) => false,
        };
        self.0.iter().filter_map(Weak::upgrade).find(is_of).map(Flight)
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flights").field(&self.0.len()).finish()
    }
}

/// A verification under way, as one of those sees it that wait for it. Each drives it, and what goes on wakes them all: nobody is
/// left behind where another one is dropped, or kept and not driven.
#[must_use = "a future does nothing unless it is polled"]
pub struct Flight(Arc<Shared>);

struct Shared {
    /// Locked while it is polled, never while it is waited for.
    progress: Mutex<Progress>,
    waiting: Arc<Waiting>,
}

enum Progress {
    Pending(Pending),
    Done(Box<Fresh<'static>>),
}

impl Future for Flight {
    type Output = Fresh<'static>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fresh<'static>> {
        let Shared { progress, waiting } = &*self.0;
        let mut progress = progress.lock();
        let fresh = match &mut *progress {
            Progress::Done(fresh) => return Poll::Ready(Fresh::clone(fresh)),
            Progress::Pending(pending) => {
                waiting.join(context.waker());
                let all = Waker::from(Arc::clone(waiting));
                ready!(Pin::new(pending).poll(&mut Context::from_waker(&all)))
            }
        };
        *progress = Progress::Done(Box::new(fresh.clone()));
        drop(progress);
        waiting.wake_by_ref();
        Poll::Ready(fresh)
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flight")
    }
}

/// Whom to wake, each once: the guards of a handler are polled by one task.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    fn join(&self, waker: &Waker) {
        let mut wakers = self.0.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}
