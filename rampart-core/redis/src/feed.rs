//! The connection on which one waits for the next revocation: a call on it takes up to a second, so that it is nobody else's.

use std::fmt;
use std::time::Duration;

use rampart_core::{Each, Followed, Place};
use redis::{Value, pipe};

use crate::connection::{Connection, Failed};
use crate::info::{Blind, Info};
use crate::link::Plan;

/// How long the server waits for the next entry: a little less than a second, which is also the heartbeat.
const WAIT: Duration = Duration::from_millis(900);
/// How many entries are told at once.
const ENTRIES: u32 = 500;

pub(crate) struct Feed {
    connection: Connection,
    run: String,
}

/// A [`Place`], as it is written here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: String,
    /// Of the last entry that was told.
    pub(crate) number: u64,
    pub(crate) id: String,
    /// The life of the server.
    pub(crate) run: String,
}

impl Position {
    pub(crate) fn read(place: &Place) -> Option<Self> {
        let mut parts = place.as_str().splitn(4, ' ');
        let (epoch, number, id, run) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let number = number.parse().ok()?;
        Some(Self { epoch: epoch.to_owned(), number, id: id.to_owned(), run: run.to_owned() })
    }

    pub(crate) fn place(&self) -> Place {
        let Self { epoch, number, id, run } = self;
        Place::new(format!("{epoch} {number} {id} {run}"))
    }
}

pub(crate) struct Told {
    pub(crate) followed: Followed,
    /// How many entries were skipped, as they are none of ours.
    pub(crate) strange: usize,
    /// As it is now.
    pub(crate) mark: Option<String>,
}

impl Feed {
    pub(crate) async fn open(plan: &Plan) -> Result<Self, Blind> {
        let connection = plan.open().await.map_err(Blind::Failed)?;
        let Info { run, .. } = Info::ask(&connection, plan.patience(), plan.allows_eviction).await?;
        Ok(Self { connection, run })
    }

    pub(crate) async fn wait(&mut self, plan: &Plan, after: Position, each: Each<'_>) -> Result<Told, Failed> {
        if after.run != self.run {
            return Ok(Told { followed: Followed::Lost, strange: 0, mark: None });
        }
        // What was counted before one waits must be told, unless it has been dropped since; and the mark that is there afterwards was there
        // before, for none comes twice.
        let mut calls = pipe();
        calls.cmd("GET").arg(plan.names.count());
        calls.cmd("XREAD").arg("COUNT").arg(ENTRIES).arg("BLOCK").arg(u64::try_from(WAIT.as_millis()).unwrap_or(1));
        calls.arg("STREAMS").arg(plan.names.stream()).arg(&after.id);
        calls.cmd("GET").arg(plan.names.whole());
        calls.cmd("ZSCORE").arg(plan.names.kept()).arg(&after.epoch);
        let answers: [Value; 4] = self.connection.ask_all(&calls, WAIT + plan.patience()).await?;
        let mut well = Vec::with_capacity(answers.len());
        for answer in answers {
            well.push(answer.extract_error().map_err(Failed::Redis)?);
        }
        let (count, streams, mark, epoch): (Option<u64>, Value, Option<String>, Option<f64>) =
            redis::from_redis_value(Value::Array(well)).map_err(|error| Failed::Redis(error.into()))?;
        let mut reading = Reading { at: after, strange: 0, verdict: None };
        let before = reading.at.number;
        let was_told = reading.streams(&streams, each);
        if reading.verdict.is_none() && !was_told && count.unwrap_or_default() > before {
            reading.verdict = Some(Followed::Gap);
        }
        let is_marked =
            epoch.is_some() && mark.as_deref().and_then(|mark| mark.split(' ').next()) == Some(&reading.at.epoch);
        if !is_marked || count.unwrap_or_default() < before {
            reading.verdict = Some(Followed::Lost);
        }
        let Reading { at, strange, verdict } = reading;
        Ok(Told { followed: verdict.unwrap_or_else(|| Followed::Next(at.place())), strange, mark })
    }
}

/// Entries as they are told, one after the other.
struct Reading {
    at: Position,
    strange: usize,
    /// Why one cannot go on from here.
    verdict: Option<Followed>,
}

impl Reading {
    /// Whether there were any with a number.
    fn streams(&mut self, streams: &Value, each: Each<'_>) -> bool {
        let mut was_told = false;
        for stream in members(streams) {
            for entry in members(stream).get(1).map(members).unwrap_or_default() {
                let [Value::BulkString(id), fields] = members(entry) else { continue };
                self.at.id = String::from_utf8_lossy(id).into_owned();
                was_told |= self.entry(members(fields), each);
            }
        }
        was_told
    }

    fn entry(&mut self, fields: &[Value], each: Each<'_>) -> bool {
        let field = |name: &[u8]| {
            fields.chunks_exact(2).find_map(|pair| match pair {
                [Value::BulkString(own), Value::BulkString(value)] if own == name => Some(value),
                _ => None,
            })
        };
        // Whether it is genuine is not decided here, and it does no harm to tell it.
        match field(b"e") {
            Some(entry) => each(entry),
            None => self.strange += 1,
        }
        let number = field(b"n").and_then(|number| str::from_utf8(number).ok()?.parse::<u64>().ok());
        let Some(number) = number else { return false };
        if number <= self.at.number {
            // It has counted so far before.
            self.verdict = Some(Followed::Lost);
        } else if number > self.at.number + 1 && self.verdict.is_none() {
            self.verdict = Some(Followed::Gap);
        }
        self.at.number = self.at.number.max(number);
        true
    }
}

fn members(value: &Value) -> &[Value] {
    match value {
        Value::Array(members) => members,
        _ => &[],
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("run", &self.run).finish_non_exhaustive()
    }
}
