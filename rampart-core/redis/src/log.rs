//! What is revoked, for all replicas: kept until its own time, told as it comes, and never taken for empty where it was lost.
//!
//! Five keys below the prefix:
//!
//! - `revocations`, a sorted set of the entries by the time until which they are kept, is what a replica reads that starts;
//! - `revocations:stream` has each entry once more, numbered without a gap, for those who follow. It is short: whoever was away for longer
//!   finds that numbers are missing, and reads the set;
//! - `revocations:count` is the last number. One that is smaller than what a replica has seen belongs to a store that has gone back;
//! - `revocations:whole` is the mark. It holds a random epoch, which never comes twice, and the life of the server in which it was set;
//! - `revocations:filling` is a random name for what has been kept since the store was last empty, so that the mark is not set on one
//!   that was flushed while somebody filled it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rampart_core::{Each, Followed, LogError, Logged, Place, RevocationLog, Snapshot};
use redis::{Value, cmd};
use tracing::warn;

use crate::bounded::LONGEST_VALUE;
use crate::connection::Failed;
use crate::feed::{Feed, Position, Told};
use crate::link::{Link, Up};
use crate::random::random;

/// How many entries are read at once.
const PAGE: u32 = 500;

/// One entry, kept until its time in milliseconds since 1970, and told to those who follow where it is new or stays for longer.
///
/// What is over goes an hour later, by the server's clock and not by that of whoever comes next, and a hundred at a time, so that nothing
/// takes long. A stream that takes nothing more, for somebody has written to it an ID from the end of days, is begun anew: the numbers
/// tell those who follow.
const PUBLISH: &str = r"
    local kept, stream, count, filling = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('SET', filling, ARGV[3], 'NX')
    local name = redis.call('GET', filling)
    local until_now = redis.call('ZSCORE', kept, ARGV[1])
    if until_now and tonumber(until_now) >= tonumber(ARGV[2]) then
        return name
    end
    local number = redis.call('INCR', count)
    local told = redis.pcall('XADD', stream, '*', 'n', number, 'e', ARGV[1])
    if type(told) == 'table' and told.err then
        redis.call('DEL', stream)
        redis.call('XADD', stream, '*', 'n', number, 'e', ARGV[1])
    end
    redis.call('ZADD', kept, ARGV[2], ARGV[1])
    redis.call('XTRIM', stream, 'MINID', '~', string.format('%.0f', math.max(now - 600000, 0)))
    redis.call('XTRIM', stream, 'MAXLEN', '~', 100000)
    local over = redis.call('ZRANGEBYSCORE', kept, '-inf', string.format('%.0f', now - 3600000), 'LIMIT', 0, 100)
    if #over > 0 then
        redis.call('ZREM', kept, unpack(over))
    end
    return name
";

/// Where the store stands, in one step: the mark, the last number and its place, and the name of its filling.
const STAND: &str = r"
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    local at = last[1] and last[1][1] or '0-0'
    return {redis.call('GET', KEYS[3]) or '', redis.call('GET', KEYS[2]) or '0', at, redis.call('GET', KEYS[4]) or ''}
";

/// Sets the mark where there is none of this life of the server, and nobody has emptied it since it was filled.
const MARK: &str = r"
    if ARGV[3] == '1' and (redis.call('GET', KEYS[2]) or '') ~= ARGV[4] then
        return 0
    end
    local mark = redis.call('GET', KEYS[1]) or ''
    if string.sub(mark, -#ARGV[2]) ~= ARGV[2] then
        redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])
    end
    return 1
";

#[derive(Debug)]
pub(crate) struct Log {
    link: Arc<Link>,
    /// The connection that waits, while nobody waits on it.
    feed: Mutex<Option<Feed>>,
    /// What the store was when it was last read, or told something since.
    filling: Mutex<Option<Filling>>,
}

#[derive(Debug)]
struct Filling {
    /// Nothing where it was empty.
    name: String,
    run: String,
}

impl Log {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link, feed: Mutex::new(None), filling: Mutex::new(None) }
    }

    fn up(&self) -> Result<Up, LogError> {
        let up = self.link.up().and_then(|up| Option::clone(&up));
        up.ok_or_else(|| self.error("it cannot be used at the moment; the log has said why"))
    }

    fn error(&self, why: impl std::fmt::Display) -> LogError {
        LogError::new(format!("Redis at {}: {why}", self.link.plan().address))
    }

    /// A call that failed is a reason to look at the server.
    fn failed(&self, failed: &Failed) -> LogError {
        self.link.doubt();
        self.error(failed)
    }

    async fn keep(&self, entry: &[u8], keep_until: SystemTime) -> Result<(), LogError> {
        if entry.len() > LONGEST_VALUE {
            return Err(self.error(format!("an entry has {} bytes, and may have {LONGEST_VALUE}", entry.len())));
        }
        let Up { connection, look } = self.up()?;
        let plan = self.link.plan();
        let mut call = cmd("EVAL");
        call.arg(PUBLISH).arg(4);
        call.arg(plan.names.kept()).arg(plan.names.stream()).arg(plan.names.count()).arg(plan.names.filling());
        call.arg(entry).arg(millis(keep_until)).arg(random());
        let name = connection.ask(&call, plan.deadline).await.map_err(|failed| self.failed(&failed))?;
        let name: String =
            redis::from_redis_value(name).map_err(|_| self.error("an answer is not what it should be"))?;
        let mut filling = self.filling.lock();
        let filling = filling.get_or_insert_with(|| Filling { name: String::new(), run: look.run });
        // The first of all. Another name than the one before is noticed by whoever sets the mark.
        if filling.name.is_empty() {
            filling.name = name;
        }
        Ok(())
    }

    async fn read(&self, each: Each<'_>) -> Result<Snapshot, LogError> {
        let up = self.up()?;
        let Stand { mark, position, filling } = self.stand(&up).await?;
        *self.filling.lock() = Some(Filling { name: filling, run: up.look.run.clone() });
        let mut cursor = String::from("0");
        let mut too_long = 0;
        loop {
            let (next, page) = self.page(&up, &cursor).await?;
            for entry in page {
                match entry {
                    Value::BulkString(entry) => each(&entry),
                    _ => too_long += 1,
                }
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
        if too_long > 0 {
            self.tell_of_strange(too_long);
        }
        // It may have been lost while it was read.
        let now = self.stand(&up).await?;
        let is_whole = now.mark == mark && mark.is_some_and(|mark| mark.counts_for(&up));
        Ok(if is_whole { Snapshot::Whole(position.place()) } else { Snapshot::Unknown })
    }

    async fn stand(&self, up: &Up) -> Result<Stand, LogError> {
        let plan = self.link.plan();
        let mut call = cmd("EVAL");
        call.arg(STAND).arg(4);
        call.arg(plan.names.stream()).arg(plan.names.count()).arg(plan.names.whole()).arg(plan.names.filling());
        let stand = up.connection.ask(&call, plan.patience()).await.map_err(|failed| self.failed(&failed))?;
        let (mark, number, id, filling): (String, u64, String, String) =
            redis::from_redis_value(stand).map_err(|_| self.error("an answer is not what it should be"))?;
        let mark = Mark::read(&mark);
        let epoch = mark.as_ref().map(|mark| mark.epoch.clone()).unwrap_or_default();
        let position = Position { epoch, number, id, run: up.look.run.clone() };
        Ok(Stand { mark, position, filling })
    }

    async fn page(&self, up: &Up, cursor: &str) -> Result<(String, Vec<Value>), LogError> {
        let plan = self.link.plan();
        let mut call = cmd("ZSCAN");
        call.arg(plan.names.kept()).arg(cursor).arg("COUNT").arg(PAGE);
        let page = up.connection.ask(&call, plan.patience()).await.map_err(|failed| self.failed(&failed))?;
        let (next, page): (String, Vec<Value>) =
            redis::from_redis_value(page).map_err(|_| self.error("an answer is not what it should be"))?;
        // Each with its time after it.
        Ok((next, page.into_iter().step_by(2).collect()))
    }

    async fn wait(&self, after: &Place, each: Each<'_>) -> Result<Followed, LogError> {
        // Of another store, or another version of this crate.
        let Some(position) = Position::read(after) else { return Ok(Followed::Lost) };
        let waiting = self.feed.lock().take();
        let mut feed = match waiting {
            Some(feed) => feed,
            None => Feed::open(self.link.plan()).await.map_err(|why| self.error(why))?,
        };
        // Where this fails the connection goes with it: what is still to come on it is nobody's.
        let Told { followed, strange } =
            feed.wait(self.link.plan(), position, each).await.map_err(|failed| self.failed(&failed))?;
        *self.feed.lock() = Some(feed);
        if strange > 0 {
            self.tell_of_strange(strange);
        }
        if followed == Followed::Lost {
            *self.filling.lock() = None;
        }
        Ok(followed)
    }

    fn tell_of_strange(&self, entries: usize) {
        warn!(
            target: "rampart", server = %self.link.plan().address, entries,
            "Redis has entries among the revocations that nobody of us has written: empty ones, or longer than 64 KiB; skipped"
        );
    }

    async fn mark(&self) -> Result<(), LogError> {
        const LOST: &str =
            "it has lost what it was told while it was filled; it must be read once more, and be filled again";
        let Up { connection, look } = self.up()?;
        // Kept whatever comes of it: until one has read the store again, it is what was filled.
        let name = match &*self.filling.lock() {
            Some(Filling { run, .. }) if *run != look.run => return Err(self.error(LOST)),
            Some(Filling { name, .. }) => Some(name.clone()),
            // Nobody has looked what there is.
            None => None,
        };
        let plan = self.link.plan();
        let mut call = cmd("EVAL");
        call.arg(MARK).arg(2).arg(plan.names.whole()).arg(plan.names.filling());
        call.arg(random()).arg(format!(" {}", look.run)).arg(u8::from(name.is_some())).arg(name.unwrap_or_default());
        let is_set = connection.ask(&call, plan.deadline).await.map_err(|failed| self.failed(&failed))?;
        if is_set == Value::Int(1) { Ok(()) } else { Err(self.error(LOST)) }
    }
}

impl RevocationLog for Log {
    fn publish<'a>(&'a self, entry: &'a [u8], keep_until: SystemTime) -> Logged<'a, ()> {
        Box::pin(self.keep(entry, keep_until))
    }

    fn snapshot<'a>(&'a self, each: Each<'a>) -> Logged<'a, Snapshot> {
        Box::pin(self.read(each))
    }

    fn follow<'a>(&'a self, after: &'a Place, each: Each<'a>) -> Logged<'a, Followed> {
        Box::pin(self.wait(after, each))
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        Box::pin(self.mark())
    }
}

/// What there is in the store, at one moment.
struct Stand {
    mark: Option<Mark>,
    position: Position,
    filling: String,
}

/// That the store holds all that is in force, as somebody has said who knew.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    epoch: String,
    /// In which life of the server that was said.
    run: String,
}

impl Mark {
    fn read(mark: &str) -> Option<Self> {
        let (epoch, run) = mark.split_once(' ')?;
        Some(Self { epoch: epoch.to_owned(), run: run.to_owned() })
    }

    /// A server that was restarted since has what its file had, which may be old; one that writes down everything as it comes has all
    /// but a moment.
    fn counts_for(&self, up: &Up) -> bool {
        self.run == up.look.run || up.look.is_append_only
    }
}

fn millis(time: SystemTime) -> u64 {
    /// Beyond it numbers of the server's are not exact. In the year 287396.
    const LAST: u64 = 1 << 53;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(LAST).min(LAST)
}
