//! What is revoked, for all replicas: kept until its own time, told as it comes, and never taken for empty where it was lost.
//!
//! Five keys below the prefix:
//!
//! - `revocations`, a sorted set of the entries by the time until which they are kept, is what a replica reads that starts. The epoch of the mark
//!   is in it as well, without an end: where somebody has deleted the set, or the server has dropped it, the mark says nothing;
//! - `revocations:stream` has each entry once more, numbered without a gap, for those who follow. It is short: whoever was away for longer
//!   finds that numbers are missing, and reads the set;
//! - `revocations:count` is the last number. One that is smaller than what a replica has seen belongs to a store that has gone back;
//! - `revocations:whole` is the mark. It holds a random epoch, which never comes twice, the life of the server in which it was set or last
//!   confirmed, and whether that one wrote down everything as it came. With a state key its name goes on with a fingerprint of that;
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
use crate::random::{RANDOM_LENGTH, random};

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
    local mark = redis.call('GET', KEYS[3]) or ''
    local epoch = string.match(mark, '^(%S+) ')
    if not redis.call('ZSCORE', KEYS[5], epoch or '') then
        mark = ''
    end
    return {mark, redis.call('GET', KEYS[2]) or '0', at, redis.call('GET', KEYS[4]) or ''}
";

/// Sets the mark where there is none of this life of the server, and nobody has emptied it since it was filled.
const MARK: &str = r"
    if ARGV[4] == '1' and (redis.call('GET', KEYS[2]) or '') ~= ARGV[5] then
        return 0
    end
    local epoch, run = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)')
    if run ~= ARGV[2] or not redis.call('ZSCORE', KEYS[3], epoch) then
        redis.call('ZREM', KEYS[3], epoch or '')
        redis.call('ZADD', KEYS[3], '+inf', ARGV[1])
        redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ARGV[3])
    end
    return 1
";

/// Says another thing of the server in the mark, where that is still the same.
const CONFIRM: &str = r"
    if redis.call('GET', KEYS[1]) == ARGV[1] then
        redis.call('SET', KEYS[1], ARGV[2])
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
        let epoch = |mark: &Option<Mark>| mark.as_ref().map(|mark| mark.epoch.clone());
        let is_same = epoch(&now.mark) == epoch(&mark);
        match now.mark.filter(|mark| is_same && mark.counts_for(&up)) {
            None => Ok(Snapshot::Unknown),
            Some(mark) => {
                self.confirm(&mark, &up).await;
                Ok(Snapshot::Whole(position.place()))
            }
        }
    }

    /// What is whole now is so in this life of the server, and what this one writes down the next one has.
    async fn confirm(&self, mark: &Mark, up: &Up) {
        let now = Mark { epoch: mark.epoch.clone(), ..Mark::of(up) };
        if now == *mark || !mark.counts_for(up) {
            return;
        }
        let plan = self.link.plan();
        let mut call = cmd("EVAL");
        call.arg(CONFIRM).arg(1).arg(plan.names.whole()).arg(mark.text()).arg(now.text());
        // Where that fails it is done the next time.
        if up.connection.ask(&call, plan.deadline).await.is_err() {
            self.link.doubt();
        }
    }

    async fn stand(&self, up: &Up) -> Result<Stand, LogError> {
        let plan = self.link.plan();
        let mut call = cmd("EVAL");
        call.arg(STAND).arg(5);
        call.arg(plan.names.stream()).arg(plan.names.count()).arg(plan.names.whole()).arg(plan.names.filling());
        call.arg(plan.names.kept());
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
        let (next, page): (String, Vec<(Value, f64)>) =
            redis::from_redis_value(page).map_err(|_| self.error("an answer is not what it should be"))?;
        let is_epoch = |(entry, until): &(Value, f64)| {
            // An entry has an end.
            until.is_infinite() && matches!(entry, Value::BulkString(entry) if entry.len() == RANDOM_LENGTH)
        };
        Ok((next, page.into_iter().filter(|member| !is_epoch(member)).map(|(entry, _)| entry).collect()))
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
        let Told { followed, strange, mark } =
            feed.wait(self.link.plan(), position, each).await.map_err(|failed| self.failed(&failed))?;
        *self.feed.lock() = Some(feed);
        if strange > 0 {
            self.tell_of_strange(strange);
        }
        if followed == Followed::Lost {
            *self.filling.lock() = None;
        } else if let Some(mark) = mark.as_deref().and_then(Mark::read)
            && let Ok(up) = self.up()
        {
            self.confirm(&mark, &up).await;
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
        call.arg(MARK).arg(3).arg(plan.names.whole()).arg(plan.names.filling()).arg(plan.names.kept());
        call.arg(random()).arg(&look.run).arg(if look.is_append_only { APPEND_ONLY } else { "" });
        call.arg(u8::from(name.is_some())).arg(name.unwrap_or_default());
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
    /// In which life of the server that was said, or found to be so.
    run: String,
    /// Whether that one wrote down everything as it came.
    is_append_only: bool,
}

/// So ends the mark of one that does.
const APPEND_ONLY: &str = " aof";

impl Mark {
    fn of(up: &Up) -> Self {
        Self { epoch: String::new(), run: up.look.run.clone(), is_append_only: up.look.is_append_only }
    }

    fn read(mark: &str) -> Option<Self> {
        let (epoch, rest) = mark.split_once(' ')?;
        let run = rest.strip_suffix(APPEND_ONLY);
        let is_append_only = run.is_some();
        Some(Self { epoch: epoch.to_owned(), run: run.unwrap_or(rest).to_owned(), is_append_only })
    }

    fn text(&self) -> String {
        let Self { epoch, run, is_append_only } = self;
        format!("{epoch} {run}{}", if *is_append_only { APPEND_ONLY } else { "" })
    }

    /// A server that was restarted since has what its file had, which may be old; one that wrote down everything as it came, and does so
    /// still, has all but a moment.
    fn counts_for(&self, up: &Up) -> bool {
        self.run == up.look.run || (self.is_append_only && up.look.is_append_only)
    }
}

fn millis(time: SystemTime) -> u64 {
    /// Beyond it numbers of the server's are not exact. In the year 287396.
    const LAST: u64 = 1 << 53;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(LAST).min(LAST)
}
