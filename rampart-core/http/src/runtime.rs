//! Whether the runtime at hand can carry a request: reqwest and tokio panic on one that was built without timers or I/O.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::sleep;

/// Why nothing can be fetched or waited for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The caller is on no runtime.
    #[error("there is no tokio runtime to fetch anything on; call from within one")]
    NoRuntime,
    /// Its builder was not told to `enable_time` or `enable_io`.
    #[error("the tokio runtime has no timers or no I/O; build it with enable_all()")]
    Incomplete,
}

thread_local! {
    static LAST_SEEN: Cell<Option<(Id, bool)>> = const { Cell::new(None) };
}

/// Whether the current runtime has timers and I/O.
///
/// # Errors
/// What is missing.
pub fn fit_runtime() -> Result<(), Unfit> {
    let Ok(runtime) = Handle::try_current() else { return Err(Unfit::NoRuntime) };
    let id = runtime.id();
    let is_complete = match LAST_SEEN.get() {
        Some((seen, is_complete)) if seen == id => is_complete,
        _ => {
            let is_complete = has_timers() && has_io();
            LAST_SEEN.set(Some((id, is_complete)));
            is_complete
        }
    };
    if is_complete { Ok(()) } else { Err(Unfit::Incomplete) }
}

// Tokio has no question for either: it panics where something is missing. Asked here, once for a runtime and thread, that
// harms nobody; in the path of a request it would.

fn has_timers() -> bool {
    catch_unwind(|| drop(sleep(Duration::ZERO))).is_ok()
}

fn has_io() -> bool {
    let Ok(socket) = std::net::UdpSocket::bind(("127.0.0.1", 0)) else { return true };
    if socket.set_nonblocking(true).is_err() {
        return true;
    }
    catch_unwind(|| drop(tokio::net::UdpSocket::from_std(socket))).is_ok()
}
