//! What is done to Redis. Bearer tokens never notice; proofs wait; and nothing that was revoked comes back.

use std::time::Duration;

use crate::redis::Redis;
use crate::scene::Aways;

pub(super) const ROUND: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(super) enum Step {
    Kill,
    StartEmpty,
    Pause,
    Resume,
    Flush,
}

pub(super) const STEPS: [(u64, Step); 5] =
    [(50, Step::Kill), (80, Step::StartEmpty), (270, Step::Pause), (310, Step::Resume), (370, Step::Flush)];

/// Redis may have forgotten proofs: those that were made until 10 s after that was noticed wait, and it is noticed within two seconds.
const PROOFS_ARE_YOUNG: Duration = Duration::from_secs(14);
/// Replicas have it filled again within a few seconds, and each has heard of all then.
const LIST_IS_WHOLE: Duration = Duration::from_secs(6);
/// The connections stand; or they are made anew.
const RESUMED: Duration = Duration::from_secs(4);

/// It is there in the end, and whole.
pub(super) fn heal(redis: &mut Redis, aways: &Aways) {
    if aways.revocations.is_felt() {
        redis.heal();
        aways.revocations.end(LIST_IS_WHOLE);
    }
}

pub(super) fn take(step: Step, redis: &mut Redis, aways: &Aways) -> Option<&'static str> {
    let begin = || {
        aways.proofs.begin();
        aways.revocations.begin();
    };
    let end = |proofs, revocations| {
        aways.proofs.end(proofs);
        aways.revocations.end(revocations);
    };
    match step {
        Step::Kill => {
            begin();
            redis.kill();
            Some("Redis killed, and empty again")
        }
        Step::StartEmpty => {
            redis.heal();
            end(PROOFS_ARE_YOUNG, LIST_IS_WHOLE);
            None
        }
        Step::Pause => {
            begin();
            redis.pause();
            Some("Redis paused")
        }
        Step::Resume => {
            redis.heal();
            end(RESUMED, LIST_IS_WHOLE);
            None
        }
        Step::Flush => {
            begin();
            redis.flush();
            end(PROOFS_ARE_YOUNG, LIST_IS_WHOLE);
            Some("Redis flushed")
        }
    }
}
