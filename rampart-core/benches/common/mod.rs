//! What several benchmarks share: the things that are measured, and the way in which they are compared.
#![allow(dead_code, reason = "each benchmark takes what it needs")]
#![allow(unreachable_pub, reason = "a module of a program has no public")]

pub mod rounds;
pub mod subject;

/// Whether to measure: `cargo bench` says so. `cargo test --benches` only wants to see that everything runs.
pub fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
