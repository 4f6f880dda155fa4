//! What the server says of itself: whether it may be used at all, whether it has room, and since when it knows of every spent proof.

use std::time::{Duration, Instant};

use redis::cmd;

use crate::connection::{Connection, Failed};
use crate::info::{Blind, Info};
use crate::names::Names;
use crate::random::random;

/// By how much the clock of the server may leap before what it lets expire counts as lost. Entries stay for longer than they are needed by
/// more than this.
const LEAP: Duration = Duration::from_secs(20);

/// A server as it was a moment ago.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) birth: Birth,
    /// Whether proofs have no room any more.
    pub(crate) is_full: bool,
    /// Which life of which server it is.
    pub(crate) run: String,
    /// Whether it writes down what it is told as it comes, so that a restart loses a moment at most.
    pub(crate) is_append_only: bool,
    pub(crate) at: Instant,
    /// Entries that it has dropped for want of memory, since it runs.
    evicted: u64,
    /// How far its clock is ahead of the time since some moment of ours.
    clock: (Instant, Duration),
}

/// Since when spent proofs are known: as long as this stands in the server, nothing of them was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Birth {
    pub(crate) id: String,
    /// How long ago it was, at a time.
    age: Duration,
    at: Instant,
}

impl Birth {
    /// By no clock that can be set: how old a proof is, its caller's clock says.
    pub(crate) fn age(&self) -> Duration {
        self.age.saturating_add(self.at.elapsed())
    }
}

/// What is asked, and what was known before.
pub(crate) struct Question<'a> {
    pub(crate) names: &'a Names,
    pub(crate) allows_eviction: bool,
    pub(crate) patience: Duration,
    /// Of the same connection.
    pub(crate) before: Option<&'a Look>,
}

pub(crate) async fn look(connection: &Connection, question: &Question<'_>) -> Result<Look, Blind> {
    let Question { names, allows_eviction, patience, before } = question;
    let info = Info::ask(connection, *patience, *allows_eviction).await?;
    // What was dropped since the last look, although nothing may be.
    let was_evicted = !allows_eviction && before.is_some_and(|before| info.evicted > before.evicted);
    let lost = before.filter(|_| was_evicted).map(|before| before.birth.id.as_str());
    let run = format!("{} {}", info.run, names.fingerprint());
    let known = Known { run: &run, evicted: if *allows_eviction { 0 } else { info.evicted }, lost };
    let mut born = born(connection, question, &known).await?;
    let clock = before.map_or((born.asked, born.clock), |before| before.clock);
    let expected = clock.1.saturating_add(born.asked.duration_since(clock.0));
    if born.clock > expected.saturating_add(LEAP) {
        let lost = born.birth.id.clone();
        born = self::born(connection, question, &Known { lost: Some(&lost), ..known }).await?;
    }
    // A clock that is slow, or was set back, is followed: small steps forward must not add up.
    let clock = (born.asked, born.clock);
    // An age is taken once for a birth, by the monotonic clock from then on.
    let birth = match before {
        Some(before) if before.birth.id == born.birth.id => before.birth.clone(),
        _ => born.birth,
    };
    let is_full = info.memory.is_full();
    let Info { run, is_append_only, evicted, .. } = info;
    Ok(Look { birth, is_full, run, is_append_only, at: Instant::now(), evicted, clock })
}

struct Known<'a> {
    run: &'a str,
    evicted: u64,
    /// A birth that does not count any more.
    lost: Option<&'a str>,
}

struct Born {
    birth: Birth,
    /// What its clock said, and when it was asked.
    clock: Duration,
    asked: Instant,
}

/// Of all that ask at once one begins anew, where nothing is known, or it was another life of the server, another key, or something was lost.
const BORN: &str = r"
    local known = redis.call('HMGET', KEYS[1], 'id', 'run', 'evicted', 'at')
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local at = tonumber(known[4] or '')
    if not known[1] or known[1] == ARGV[4] or known[2] ~= ARGV[1] or not at
        or tonumber(ARGV[2]) > (tonumber(known[3] or '') or -1)
    then
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'id', ARGV[3], 'run', ARGV[1], 'evicted', ARGV[2], 'at', string.format('%.0f', now))
        return {ARGV[3], 0, now}
    end
    return {known[1], math.max(now - at, 0), now}
";

async fn born(connection: &Connection, question: &Question<'_>, known: &Known<'_>) -> Result<Born, Blind> {
    let Known { run, evicted, lost } = known;
    let asked = Instant::now();
    let mut call = cmd("EVAL");
    call.arg(BORN).arg(1).arg(question.names.birth()).arg(run).arg(evicted).arg(random()).arg(lost.unwrap_or_default());
    let answer = connection.ask(&call, question.patience).await.map_err(Blind::Failed)?;
    let (id, age, clock): (String, u64, u64) =
        redis::from_redis_value(answer).map_err(|error| Blind::Failed(Failed::Redis(error.into())))?;
    // Counted from when the answer is here: it is that old at least.
    let birth = Birth { id, age: Duration::from_millis(age), at: Instant::now() };
    Ok(Born { birth, clock: Duration::from_millis(clock), asked })
}
