//! Threads that go on while something changes: what each of them has close at hand by then is of before.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::thread::Result;

/// More than there are stands on a small machine, so that some have one for themselves and others share theirs.
const THREADS: usize = 8;
/// Often enough to have what is asked for close at hand.
const OFTEN: usize = 50;

/// Each thread asks one thing before a change, and another one after it.
pub(crate) fn ask_around(change: impl FnOnce(), before: impl Fn() + Sync, after: impl Fn() + Sync) {
    let (changes, goes_on) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let asked = whole(|| (0..OFTEN).for_each(|_| before()));
                changes.wait();
                goes_on.wait();
                asked
                    .and_then(|()| whole(|| (0..OFTEN).for_each(|_| after())))
                    .unwrap_or_else(|fault| resume_unwind(fault));
            });
        }
        changes.wait();
        let changed = whole(change);
        goes_on.wait();
        changed.unwrap_or_else(|fault| resume_unwind(fault));
    });
}

/// One that fails must not leave the others waiting.
fn whole(work: impl FnOnce()) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work))
}
