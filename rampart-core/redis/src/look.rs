//! What the server says of itself: whether it may be used at all, whether it has room, and since when it knows of every spent proof.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redis::{Pipeline, Value, cmd, pipe};

use crate::connection::{Connection, Failed};
use crate::names::Names;

/// Of `maxmemory`, in hundredths: beyond it proofs are not taken any more, so that there is room for what must not be refused.
const FULL: u64 = 90;
/// By how much the clock of the server may leap before what it lets expire counts as lost. Entries stay for longer than they are needed by
/// more than this.
const LEAP: Duration = Duration::from_secs(20);

/// A server as it was a moment ago.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) birth: Birth,
    /// Whether proofs have no room any more.
    pub(crate) is_full: bool,
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

/// Why there is no look.
#[derive(Debug)]
pub(crate) enum Blind {
    Failed(Failed),
    /// It must not be used: why, and the remedy.
    Refused(String),
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
    let answers: [Value; 4] = connection.ask_all(&infos(), *patience).await.map_err(Blind::Failed)?;
    let [server, memory, replication, stats] = answers;
    let info = Info::of([server, memory, replication, stats])?;
    info.check(*allows_eviction)?;
    // What was dropped since the last look, although nothing may be.
    let was_evicted = !allows_eviction && before.is_some_and(|before| info.evicted > before.evicted);
    let lost = before.filter(|_| was_evicted).map(|before| before.birth.id.as_str());
    let run = format!("{} {} {}", info.run_id, info.replication_id, names.fingerprint());
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
    let is_full = info.max_memory > 0 && info.used_memory >= info.max_memory / 100 * FULL;
    Ok(Look { birth, is_full, at: Instant::now(), evicted: info.evicted, clock })
}

fn infos() -> Pipeline {
    // One section a call: Redis 6.2 takes no more.
    let mut infos = pipe();
    for section in ["server", "memory", "replication", "stats"] {
        infos.cmd("INFO").arg(section);
    }
    infos
}

/// The members of INFO that matter.
#[derive(Debug, Default)]
struct Info {
    run_id: String,
    mode: String,
    policy: String,
    role: String,
    replication_id: String,
    used_memory: u64,
    max_memory: u64,
    evicted: u64,
}

impl Info {
    fn of(answers: [Value; 4]) -> Result<Self, Blind> {
        let mut info = Self::default();
        let mut missing = vec!["run_id", "maxmemory_policy", "maxmemory", "used_memory", "role", "evicted_keys"];
        for answer in answers {
            let text = match answer.extract_error() {
                Ok(Value::BulkString(text)) => text,
                Ok(_) => return Err(Blind::Refused("its answer to INFO is none of Redis".into())),
                Err(error) => return Err(Blind::Failed(Failed::Redis(error))),
            };
            for (name, value) in String::from_utf8_lossy(&text).lines().filter_map(|line| line.split_once(':')) {
                let number = || value.parse().map_err(|_| unreadable(name));
                match name {
                    "run_id" => value.clone_into(&mut info.run_id),
                    "redis_mode" => value.clone_into(&mut info.mode),
                    "maxmemory_policy" => value.clone_into(&mut info.policy),
                    "role" => value.clone_into(&mut info.role),
                    "master_replid" => value.clone_into(&mut info.replication_id),
                    "used_memory" => info.used_memory = number()?,
                    "maxmemory" => info.max_memory = number()?,
                    "evicted_keys" => info.evicted = number()?,
                    _ => {}
                }
                missing.retain(|wanted| *wanted != name);
            }
        }
        missing.first().map_or(Ok(info), |name| Err(unreadable(name)))
    }

    fn check(&self, allows_eviction: bool) -> Result<(), Blind> {
        if self.mode == "cluster" {
            let why =
                "it is a node of a cluster, where keys that belong together are not; give a server that stands alone";
            return Err(Blind::Refused(why.into()));
        }
        if self.role != "master" {
            return Err(Blind::Refused(
                "it is a replica, which takes no writes; give the address of its primary".into(),
            ));
        }
        if self.policy != "noeviction" && !allows_eviction {
            return Err(Blind::Refused(format!(
                "its maxmemory-policy is {}, so that it may drop proofs that were spent and revocations; set \
                 `maxmemory-policy noeviction`, on a server of its own where others need another",
                self.policy.escape_debug()
            )));
        }
        Ok(())
    }
}

fn unreadable(name: &str) -> Blind {
    Blind::Refused(format!("its INFO does not say {name}; it must be Redis 6.2 or newer, or Valkey"))
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

/// What nobody has had before. It is no secret.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(fastrand::u128(..).to_be_bytes())
}
