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
    pub(crate) is_append_only: bool,
    pub(crate) used_memory: u64,
    pub(crate) max_memory: u64,
    pub(crate) evicted: u64,
}

impl Info {
    /// What it says, where it may be used.
    pub(crate) async fn ask(connection: &Connection, patience: Duration, allows_eviction: bool) -> Result<Self, Blind> {
        let answers: [Value; SECTIONS.len()] = connection.ask_all(&infos(), patience).await.map_err(Blind::Failed)?;
        let info = Self::of(answers)?;
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
                    "aof_enabled" => info.is_append_only = value == "1",
                    "used_memory" => info.used_memory = number()?,
                    "maxmemory" => info.max_memory = number()?,
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
    for section in SECTIONS {
        infos.cmd("INFO").arg(section);
    }
    infos
}

fn unreadable(name: &str) -> Blind {
    Blind::Refused(format!("its INFO does not say {name}; it must be Redis 6.2 or newer, or Valkey"))
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
