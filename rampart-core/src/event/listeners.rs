//! Who is told of what happens.

use std::fmt;
use std::sync::Arc;

use super::list::Event;
use super::log::log;

/// Whom to tell.
type Listener = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Everybody who listens to one object: the log, and then those who asked for it, in their order.
#[derive(Clone, Default)]
pub(crate) struct Listeners(Vec<Listener>);

impl Listeners {
    pub(crate) fn add(&mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) {
        self.0.push(Arc::new(listener));
    }

    /// Tells everybody. Never with a lock held: whoever listens may call back into the object that tells.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        log(event);
        self.tell_all_but_the_log(event);
    }

    /// The same of an event of which so many come that the log does without this one.
    pub(crate) fn tell_all_but_the_log(&self, event: &Event<'_>) {
        for listener in &self.0 {
            listener(event);
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listeners").field(&self.0.len()).finish()
    }
}
