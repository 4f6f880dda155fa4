//! A place for some of the threads: what each of them writes for every request is written where few others do.
//!
//! Threads are shared out among a number of *stands* in the order in which they first ask, whatever they do. There are twice as many as
//! threads that can run at a time: threads come and go, and so two that are busy seldom meet.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bit of those that claims have for them for each: see [`may_stand_in`](crate::token::claims::Claims::may_stand_in).
const MOST: usize = 32;

/// How many there are for so many threads: a power of two.
pub(crate) fn number(threads: usize) -> usize {
    (2 * threads).next_power_of_two().min(MOST)
}

/// Which of all stands is that of this thread; `None` where there are none.
pub(crate) fn own<S>(stands: &[S]) -> Option<(usize, &S)> {
    // Their number is a power of two.
    let number = turn() & stands.len().checked_sub(1)?;
    Some((number, stands.get(number)?))
}

thread_local! {
    /// Which of all threads this is.
    static TURN: Cell<Option<usize>> = const { Cell::new(None) };
}

fn turn() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    TURN.get().unwrap_or_else(|| {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        TURN.set(Some(turn));
        turn
    })
}

/// For a test that must know which stand its threads have.
#[cfg(test)]
pub(crate) fn take_turn(turn: usize) {
    TURN.set(Some(turn));
}
