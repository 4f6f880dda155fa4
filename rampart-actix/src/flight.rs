//! A verification that several guards of one request wait for.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use actix_web::{HttpMessage, HttpRequest};
use parking_lot::Mutex;
use rampart_core::RampartAuth;
use rampart_core::adapter::{Fresh, Pending};

use crate::head::Head;

/// A verification under way, as one of those sees it that wait for it. Each drives it, and what goes on wakes them all: nobody is
/// left behind where another one is dropped.
pub(crate) struct Flight(Rc<Shared>);

struct Shared {
    progress: RefCell<Progress>,
    waiting: Arc<Waiting>,
}

enum Progress {
    Pending(Pending),
    Done(Box<Fresh<'static>>),
}

impl Flight {
    /// One that others of the request find.
    pub(crate) fn new(pending: Pending, request: &HttpRequest) -> Self {
        let shared = Rc::new(Shared { progress: RefCell::new(Progress::Pending(pending)), waiting: Arc::default() });
        let mut extensions = request.extensions_mut();
        let Flights(flights) = extensions.get_or_insert_with(Flights::default);
        flights.retain(|flight| flight.strong_count() > 0);
        flights.push(Rc::downgrade(&shared));
        Self(shared)
    }

    /// The one of this object, and of the request as it is now, if there is one.
    pub(crate) fn of(auth: &RampartAuth, request: &HttpRequest) -> Option<Self> {
        let extensions = request.extensions();
        let Flights(flights) = extensions.get()?;
        let is_of = |flight: &Rc<Shared>| match &*flight.progress.borrow() {
            Progress::Pending(pending) => pending.is_of(auth, &Head(request)),
            // It is stored with the request.
            Progress::Done(_) => false,
        };
        flights.iter().filter_map(Weak::upgrade).find(is_of).map(Self)
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Fresh<'static>> {
        let Shared { progress, waiting } = &*self.0;
        let mut progress = progress.borrow_mut();
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

/// Those under way, in the extensions of their request: of each auth object, and of each token that it has carried.
///
/// Who waits holds them. What nobody waits for any more is given up.
#[derive(Default)]
struct Flights(Vec<Weak<Shared>>);

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
