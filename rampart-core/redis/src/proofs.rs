//! Spent proofs: one round trip, in which a proof is spent and the store shows that it is still the one in which all others were.

use std::sync::Arc;
use std::time::Duration;

use rampart_core::{Insertion, ReplayStore, Spending, SpentProof, StoreHealth, Unavailable};
use redis::{ServerError, Value, pipe};
use tokio::runtime::Handle;

use crate::link::{Link, Up};
use crate::look::Birth;

/// So long before it is shown may a proof say that it was made, for all that a sender's clock is ahead.
const AHEAD: Duration = Duration::from_secs(10);
/// For how much longer than a replica says is an entry kept: for those whose clocks are slow, and against the server's, should it leap.
const SKEW: Duration = Duration::from_secs(60);
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// When there may be room again: entries go within two minutes of their making.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(5);

/// Proofs that were spent on any replica: a proof passes once (RFC 9449 section 11.1). Made by
/// [`RedisStore::spent_proofs`](crate::RedisStore::spent_proofs).
///
/// Each is a key of its own, a hash, which goes a minute after no proof with it can pass any more. What the store cannot know of is not
/// judged: after a restart of the server, a fail-over or a flush, proofs that were made until 10 s later are
/// [`Spending::TooYoung`]. From 90 % of `maxmemory` on there is no room for any.
#[derive(Debug)]
pub struct SpentProofs {
    link: Arc<Link>,
}

impl SpentProofs {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

impl ReplayStore for SpentProofs {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        let Some(up) = self.link.up() else { return unavailable() };
        let Some(Up { connection, look }) = up.as_ref().as_ref() else { return unavailable() };
        if let Some(retry_after) = wait_for(&look.birth, proof) {
            return Insertion::Done(Ok(Spending::TooYoung { retry_after }));
        }
        if look.is_full {
            return Insertion::Done(Ok(Spending::Full { retry_after: WAIT_FOR_ROOM }));
        }
        let plan = self.link.plan();
        let lives = proof.expires.saturating_sub(proof.now).saturating_add(SKEW);
        // The birth is read after the proof was set: had anything been lost before, it would not be this one, for none comes twice.
        let mut calls = pipe();
        calls
            .cmd("SET")
            .arg(plan.names.proof(&proof.key))
            .arg(1)
            .arg("NX")
            .arg("PX")
            .arg(u64::try_from(lives.as_millis()).unwrap_or(u64::MAX))
            .cmd("HGET")
            .arg(plan.names.birth())
            .arg("id");
        let (link, connection, birth, deadline) =
            (Arc::clone(&self.link), connection.clone(), look.birth.id.clone(), plan.deadline);
        Insertion::Pending(Box::pin(async move {
            if Handle::try_current().is_err() {
                return Err(Unavailable::new(LEAST_WAIT));
            }
            link.count_insertion();
            let said = match connection.ask_all(&calls, deadline).await {
                Ok([set, found]) => judge(set, &found, &birth),
                Err(_) => Err(Doubt::Unavailable),
            };
            said.or_else(|doubt| {
                link.doubt();
                doubt.told()
            })
        }))
    }

    fn health(&self) -> StoreHealth {
        let up = self.link.up();
        match up.as_ref().and_then(|up| up.as_ref().as_ref()) {
            None => StoreHealth::Unavailable,
            // Not one can be taken.
            Some(up) if up.look.is_full => StoreHealth::Unavailable,
            Some(up) if up.look.birth.age() < AHEAD => StoreHealth::Young,
            Some(_) => StoreHealth::Ready,
        }
    }
}

fn unavailable() -> Insertion {
    Insertion::Done(Err(Unavailable::new(LEAST_WAIT)))
}

/// How long a holder waits whose proof may have been shown before the store could know of it.
fn wait_for(birth: &Birth, proof: &SpentProof) -> Option<Duration> {
    let age = birth.age();
    // By the clock that judges the proof: whatever the server's says.
    let known = proof.now.saturating_add(AHEAD).saturating_sub(age);
    (proof.made_at < known).then(|| AHEAD.saturating_sub(age).max(LEAST_WAIT))
}

/// Why the server must be looked at.
enum Doubt {
    Reborn,
    Full,
    Unavailable,
}

impl Doubt {
    fn told(self) -> Result<Spending, Unavailable> {
        match self {
            Self::Reborn => Ok(Spending::TooYoung { retry_after: AHEAD }),
            Self::Full => Ok(Spending::Full { retry_after: WAIT_FOR_ROOM }),
            Self::Unavailable => Err(Unavailable::new(LEAST_WAIT)),
        }
    }
}

fn judge(set: Value, found: &Value, birth: &str) -> Result<Spending, Doubt> {
    let said = match set {
        Value::Okay => Spending::New,
        Value::Nil => Spending::Seen,
        Value::ServerError(error) if is_out_of_memory(&error) => return Err(Doubt::Full),
        _ => return Err(Doubt::Unavailable),
    };
    match found {
        Value::BulkString(found) if found == birth.as_bytes() => Ok(said),
        Value::BulkString(_) | Value::Nil => Err(Doubt::Reborn),
        _ => Err(Doubt::Unavailable),
    }
}

fn is_out_of_memory(error: &ServerError) -> bool {
    error.code() == "OOM"
}
