//! What happens while tokens are verified and keys are kept: one list ([`list`]), which the log ([`log`](mod@log)), and whoever else
//! listens ([`listeners`]), is told of.

mod list;
mod listeners;
mod log;

pub(crate) use self::list::Blame;
pub use self::list::{AmbiguousKey, Event, RefusedToken};
pub(crate) use self::listeners::Listeners;
pub(crate) use self::log::log;
