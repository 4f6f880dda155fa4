//! What no longer passes although it has not expired. The ids (`RV01`, ..) are those of `tests/security-cases.toml`.
#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/threads.rs"]
mod threads;

mod bounds;
mod ground;
mod in_process;
mod issuers;
mod outages;
mod replicas;
mod requests;
mod shared;
mod store;
mod times;
