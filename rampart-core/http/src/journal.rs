//! A lock whose holders write to the log only once they have let go of it: a subscriber may then call back into the very
//! object that logs, and a slow one holds nobody up.

use std::fmt;
use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, MutexGuard};

/// A value behind a lock.
#[derive(Debug, Default)]
pub struct Journaled<T>(Mutex<T>);

impl<T> Journaled<T> {
    /// The value, as soon as nobody else holds it.
    pub fn lock(&self) -> Held<'_, T> {
        Held { value: self.0.lock(), entries: Entries::default() }
    }

    /// The value, unless somebody else holds it.
    pub fn try_lock(&self) -> Option<Held<'_, T>> {
        self.0.try_lock().map(|value| Held { value, entries: Entries::default() })
    }
}

/// The value, and what is to be logged when it is let go of.
#[derive(Debug)]
pub struct Held<'l, T> {
    // Fields are dropped in this order: the lock is open when the entries are written.
    value: MutexGuard<'l, T>,
    entries: Entries,
}

impl<T> Held<'_, T> {
    /// Writes an entry to the log after the lock is released.
    pub fn log(&mut self, entry: impl FnOnce() + 'static) {
        self.entries.0.push(Box::new(entry));
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

#[derive(Default)]
struct Entries(Vec<Box<dyn FnOnce()>>);

impl Drop for Entries {
    fn drop(&mut self) {
        for entry in self.0.drain(..) {
            entry();
        }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entries").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn entries_are_written_in_order_after_the_lock_is_released() {
        let journaled = Arc::new(Journaled(Mutex::new(Vec::new())));
        let mut held = journaled.lock();
        for number in 0..3 {
            let journaled = Arc::clone(&journaled);
            held.log(move || journaled.try_lock().unwrap().push(number));
        }
        assert!(held.is_empty());
        drop(held);
        assert_eq!(*journaled.lock(), [0, 1, 2]);
    }
}
