//! A lock whose holders note what has happened: it is passed on once they have let go, so that whoever listens may call
//! back into the very object that tells, and a slow listener holds nobody up.

use std::fmt;
use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, MutexGuard};

/// A value that notes what happens to it.
pub trait Notes {
    /// What there is to tell.
    type News;

    /// What has been noted and not yet been passed on, in its order.
    fn news(&mut self) -> &mut Vec<Self::News>;
}

/// A value behind a lock, and where word of what happens to it goes.
pub struct Outbox<T: Notes> {
    value: Mutex<T>,
    pass_on: Box<dyn Fn(T::News) + Send + Sync>,
}

impl<T: Notes> Outbox<T> {
    /// A value, and who is told of it.
    pub fn new(value: T, pass_on: impl Fn(T::News) + Send + Sync + 'static) -> Self {
        Self { value: Mutex::new(value), pass_on: Box::new(pass_on) }
    }

    /// The value, as soon as nobody else holds it.
    pub fn lock(&self) -> Held<'_, T> {
        Held { value: self.value.lock(), outbox: self }
    }

    /// The value, unless somebody else holds it.
    pub fn try_lock(&self) -> Option<Held<'_, T>> {
        self.value.try_lock().map(|value| Held { value, outbox: self })
    }
}

impl<T: Notes + fmt::Debug> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

/// The value; what it notes is passed on when it is let go of.
pub struct Held<'o, T: Notes> {
    value: MutexGuard<'o, T>,
    outbox: &'o Outbox<T>,
}

impl<T: Notes> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Notes> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Notes + fmt::Debug> fmt::Debug for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.value, f)
    }
}

impl<T: Notes> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let news = std::mem::take(self.value.news());
        if !news.is_empty() {
            MutexGuard::unlocked(&mut self.value, || news.into_iter().for_each(&self.outbox.pass_on));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use super::*;

    #[derive(Default)]
    struct Noted {
        called_back: usize,
        news: Vec<u8>,
    }

    impl Notes for Noted {
        type News = u8;

        fn news(&mut self) -> &mut Vec<u8> {
            &mut self.news
        }
    }

    #[test]
    fn news_are_passed_on_in_order_after_the_lock_is_released() {
        static OUTBOX: OnceLock<Outbox<Noted>> = OnceLock::new();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let outbox = OUTBOX.get_or_init(|| {
            Outbox::new(Noted::default(), move |number| {
                // Whoever listens calls back: the lock is free.
                OUTBOX.get().unwrap().try_lock().unwrap().called_back += 1;
                heard.lock().push(number);
            })
        });
        let mut held = outbox.lock();
        held.news.extend([1, 2, 3]);
        assert!(told.lock().is_empty());
        drop(held);
        assert_eq!(*told.lock(), [1, 2, 3]);
        let held = outbox.lock();
        assert_eq!((held.called_back, held.news.len()), (3, 0));
    }
}
