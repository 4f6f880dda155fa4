//! What it costs to ask whether a token was revoked: where nothing is, where a million entries are, and after a change.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rampart_core::{Each, Followed, Logged, Place, RampartAuth, Revocation, RevocationLog, Revocations, Snapshot};
use rampart_issuer::{Algorithm, SigningKey};

use super::report::{Table, nanos, times};
use super::resident_bytes;
use super::rounds::{Contender, Effort, race};
use super::subject::{Ground, verify};

/// Hits and full verifications, beside those of an object that has no list.
pub fn by_revocations(effort: Effort, most: u64) -> [Table; 2] {
    let ground = Ground::new();
    let key = ground.issuer.add_key(Algorithm::RS256).unwrap();
    let token = &ground.token(&key, 0).sign().unwrap();
    let lists = [Revocations::new(), Revocations::new(), ground.runtime.block_on(shared())];
    let before = resident_bytes();
    let start = Instant::now();
    fill(&ground, &lists[1], most);
    let (filled, bytes) = (start.elapsed(), resident_bytes() - before);
    let of = |list: Option<&Revocations>, bytes| {
        let builder = ground.builder().token_cache_bytes(bytes);
        let auth = ground.ready(match list {
            Some(list) => builder.revocations(list.clone()),
            None => builder,
        });
        verify(&auth, token);
        auth
    };
    let warm = |list| of(list, 16 << 20);
    let auths = [
        warm(None),
        warm(Some(&lists[0])),
        warm(Some(&lists[1])),
        warm(Some(&lists[2])),
        of(None, 0),
        of(Some(&lists[1]), 0),
    ];
    let names = ["none", "empty", "full", "shared", "full: none", "full: full"];
    let contender = |(name, auth): (&&'static str, _)| Contender::new(*name, move || verify(auth, black_box(token)));
    let results = race(effort, &names.iter().zip(&auths).map(contender).collect::<Vec<_>>());
    let mut table = Table::new("By revocations in force (RS256)", ["verification", "list", "µs", "× without"]);
    for (what, list, own, base) in [
        ("cached", "none".to_owned(), "none", "none"),
        ("cached", "empty".to_owned(), "empty", "none"),
        ("cached", format!("{most} entries, at rest"), "full", "none"),
        ("cached", "shared, in touch".to_owned(), "shared", "none"),
        ("full", "none".to_owned(), "full: none", "full: none"),
        ("full", format!("{most} entries"), "full: full", "full: none"),
    ] {
        table.row([what.to_owned(), list, nanos(results.nanos(own)), times(results.ratio(own, base))]);
    }
    let mut costs = Table::new("By revocations in force: what a change costs", ["what", "costs"]);
    let (changed, at_rest) = after_a_change(&ground, &key, &lists[1], &auths[2], most / 1000);
    costs.row(["a cached token, at rest".to_owned(), format!("{at_rest} ns")]);
    costs.row(["the same, the first time after a change".to_owned(), format!("{changed} ns")]);
    costs.row(["a revocation".to_owned(), format!("{} ns", filled.as_nanos() / u128::from(most))]);
    costs.row(["an entry, resident".to_owned(), format!("{} bytes", bytes / i64::try_from(most).unwrap())]);
    [table, costs]
}

fn fill(ground: &Ground, list: &Revocations, most: u64) {
    let iss = ground.issuer.url();
    ground.runtime.block_on(async {
        for number in 0..most {
            list.revoke(Revocation::token(iss, number.to_string())).await.unwrap();
        }
    });
}

/// Nanoseconds for a token out of the cache, of many: the first time after something was revoked, and the next.
fn after_a_change(
    ground: &Ground,
    key: &SigningKey,
    list: &Revocations,
    auth: &RampartAuth,
    tokens: u64,
) -> (u128, u128) {
    let tokens: Vec<_> =
        (1..=tokens.max(1)).map(|number| ground.token(key, usize::try_from(number).unwrap()).sign().unwrap()).collect();
    let round = || {
        let start = Instant::now();
        for token in &tokens {
            verify(auth, black_box(token));
        }
        start.elapsed().as_nanos() / tokens.len() as u128
    };
    round();
    let mut rounds: Vec<_> = (0..51)
        .map(|number| {
            ground
                .runtime
                .block_on(list.revoke(Revocation::token("https://x.example", format!("change {number}"))))
                .unwrap();
            (round(), round())
        })
        .collect();
    let mut median = |by: fn(&(u128, u128)) -> u128| {
        rounds.sort_unstable_by_key(by);
        by(&rounds[rounds.len() / 2])
    };
    (median(|(changed, _)| *changed), median(|(_, at_rest)| *at_rest))
}

/// In touch with a store for longer than any benchmark takes.
async fn shared() -> Revocations {
    let list = Revocations::over(Empty).max_stale(Duration::from_secs(24 * 3600)).start().unwrap();
    list.loaded().await.unwrap();
    list
}

/// A store in which there is nothing.
#[derive(Debug)]
struct Empty;

impl RevocationLog for Empty {
    fn publish<'a>(&'a self, _: &'a [u8], _: std::time::SystemTime) -> Logged<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn snapshot<'a>(&'a self, _: Each<'a>) -> Logged<'a, Snapshot> {
        Box::pin(async { Ok(Snapshot::Whole(Place::new("0"))) })
    }

    fn follow<'a>(&'a self, after: &'a Place, _: Each<'a>) -> Logged<'a, Followed> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Followed::Next(after.clone()))
        })
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
