//! What several benchmarks share: the things that are measured, and the way in which they are compared.
#![allow(dead_code, reason = "each benchmark takes what it needs")]
#![allow(unreachable_pub, reason = "a module of a program has no public")]

pub mod asked;
pub mod bound;
pub mod report;
pub mod revocations;
pub mod rounds;
pub mod subject;

/// Whether a part of a benchmark is wanted: all are, unless some are named.
pub fn wants(part: &str) -> bool {
    let mut parts = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--") && argument.parse::<u64>().is_err())
        .peekable();
    parts.peek().is_none() || parts.any(|own| own == part)
}

/// The number that is given besides, such as of seconds.
pub fn number() -> Option<u64> {
    std::env::args().skip(1).find_map(|argument| argument.parse().ok())
}

/// Whether to measure: `cargo bench` says so. `cargo test --benches` only wants to see that everything runs.
pub fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Memory of the process, in bytes; zero where the system does not say.
pub fn resident_bytes() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: i64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096
}
