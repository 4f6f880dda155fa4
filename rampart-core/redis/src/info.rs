//! What the server says of itself, and whether it may be used at all.

use std::time::Duration;

use redis::{Pipeline, Value, pipe};

use crate::connection::{Connection, Failed};

const SECTIONS: [&str; 5] = ["server", "memory", "replication", "stats", "persistence"];

/// The members of INFO that matter.
#[derive(Debug, Default)]
pub(crate) struct Info {
    /// Which life of which server it is: another one after a restart, and after a fail-over. The ID of its replication is no better: it
    /// changes when a first replica comes, and an hour after the last has gone.
    pub(crate) run: String,
    mode: String,
    policy: String,
    role: String,
    is_loading: bool,
    pub(crate) is_append_only: bool,
    pub(crate) memory: Memory,
    pub(crate) evicted: u64,
}

impl Info {
    /// What it says, where it may be used.
    pub(crate) async fn ask(connection: &Connection, patience: Duration, allows_eviction: bool) -> Result<Self, Blind> {
        let answers: [Value; SECTIONS.len() + 1] =
            connection.ask_all(&infos(), patience).await.map_err(Blind::Failed)?;
        let [keys, sections @ ..] = answers;
        let mut info = Self::of(sections)?;
        info.memory.keys = match keys {
            Value::Int(keys) => keys.unsigned_abs(),
            _ => return Err(unreadable("how many keys it has")),
        };
        info.check(allows_eviction)?;
        Ok(info)
    }

    fn of(answers: [Value; SECTIONS.len()]) -> Result<Self, Blind> {
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
                    "run_id" => value.clone_into(&mut info.run),
                    "redis_mode" => value.clone_into(&mut info.mode),
                    "maxmemory_policy" => value.clone_into(&mut info.policy),
                    "role" => value.clone_into(&mut info.role),
                    "loading" => info.is_loading = value != "0",
                    "aof_enabled" => info.is_append_only = value == "1",
                    "used_memory" => info.memory.used = number()?,
                    "maxmemory" => info.memory.limit = number()?,
                    "evicted_keys" => info.evicted = number()?,
                    _ => {}
                }
                missing.retain(|wanted| *wanted != name);
            }
        }
        if let Some(name) = missing.first() {
            return Err(unreadable(name));
        }
        Ok(info)
    }

    fn check(&self, allows_eviction: bool) -> Result<(), Blind> {
        // What it says of itself meanwhile is not what it will be: that it writes nothing down, for one.
        if self.is_loading {
            return Err(Blind::Failed(Failed::Loading));
        }
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

fn infos() -> Pipeline {
    // One section a call: Redis 6.2 takes no more.
    let mut infos = pipe();
    infos.cmd("DBSIZE");
    for section in SECTIONS {
        infos.cmd("INFO").arg(section);
    }
    infos
}

fn unreadable(name: &str) -> Blind {
    Blind::Refused(format!("it does not say {name}; it must be Redis 6.2 or newer, or Valkey"))
}

/// What it has, in bytes, and for how many keys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) used: u64,
    /// None where it is 0.
    pub(crate) limit: u64,
    pub(crate) keys: u64,
}

impl Memory {
    /// Whether proofs have no room, so that there is some for what must not be refused: at nine tenths, and where the tables of keys are
    /// about to be doubled and that would not leave any. With small entries it takes a sixth of all memory, between one insertion and the next.
    pub(crate) fn is_full(self) -> bool {
        let Self { used, limit, .. } = self;
        let hundredths = |share: u64| limit / 100 * share;
        limit > 0 && (used >= hundredths(90) || used.saturating_add(self.doubling()) >= hundredths(96))
    }

    /// How much that takes, where it is near. There are two tables, of keys and of when they expire, with 8 bytes for a place; they double
    /// when there are as many keys as places, or, where that was put off for want of memory, at 1.618 times as many.
    fn doubling(self) -> u64 {
        const PLACE: u64 = 2 * 8;
        let places = self.keys.next_power_of_two();
        match self.keys.saturating_mul(100) / places {
            90.. => places * 2 * PLACE,
            75..=85 => places * PLACE,
            _ => 0,
        }
    }
}

/// Why a server is not used.
#[derive(Debug)]
pub(crate) enum Blind {
    Failed(Failed),
    /// It must not be used: why, and the remedy.
    Refused(String),
}

impl std::fmt::Display for Blind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(failed) => failed.fmt(f),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_full_at_nine_tenths_or_where_the_tables_would_fill_it() {
        const MIB: u64 = 1 << 20;
        for (used, limit, keys, is_full) in [
            (100, 0, 1_000_000, false),
            (89, 100, 10, false),
            (91, 100, 10, true),
            // 2^19 places of 16 bytes, doubled: 16 MiB.
            (79, 100, 500_000, false),
            (81, 100, 500_000, true),
            (81, 100, 450_000, false),
            // Put off at 2^18: 8 MiB.
            (86, 100, 420_000, false),
            (89, 100, 420_000, true),
        ] {
            let memory = Memory { used: used * MIB, limit: limit * MIB, keys };
            assert_eq!(memory.is_full(), is_full, "{memory:?}");
        }
    }
}
