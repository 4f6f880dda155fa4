//! Entries of a store that replicas share: the input is what the store tells, and a token that some of them may concern passes or not.
//!
//! Of each entry two bytes come first. One says how many bytes it has, the other whose ID stands in it: one of the token's own, where it
//! is small enough, for nobody guesses sixteen bytes.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use rampart_core::{
    AuthError, Each, Followed, LogError, Logged, Place, Revocation, RevocationLog, Revocations, SharedRevocations,
    Snapshot,
};
use rampart_core_fuzz::{AUDIENCE, HEADER, ISSUER, NOW, builder, sign};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

const IAT: u64 = NOW - 60;
/// By how much a bound may lie ahead, whatever clocks tolerate: 5 minutes, and 10 by which those of two replicas may differ.
const AHEAD: u64 = 900;
const DAY: u64 = 24 * 3600;

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let ids = json!({"sub": "ada", "jti": "token", "sid": "session", "client_id": "app"});
    let mut payload = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 600, "iat": IAT});
    let members = payload.as_object_mut().expect("an object");
    members.extend(ids.as_object().expect("an object").clone());
    sign(HEADER.as_bytes(), payload.to_string().as_bytes())
});

/// A store that tells these entries: every other one is there at the start, the rest comes later.
#[derive(Debug)]
struct Store {
    entries: Vec<Vec<u8>>,
    follows: Arc<AtomicUsize>,
    published: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Store {
    fn tell(&self, later: bool, each: Each<'_>) {
        self.entries.iter().enumerate().filter(|(at, _)| (at % 2 == 1) == later).for_each(|(_, entry)| each(entry));
    }
}

impl RevocationLog for Store {
    fn publish<'a>(&'a self, entry: &'a [u8], _: SystemTime) -> Logged<'a, ()> {
        self.published.lock().expect("one thread").push(entry.to_vec());
        Box::pin(async { Ok(()) })
    }

    fn snapshot<'a>(&'a self, each: Each<'a>) -> Logged<'a, Snapshot> {
        self.tell(false, each);
        Box::pin(async { Ok(Snapshot::Whole(Place::new("0"))) })
    }

    fn follow<'a>(&'a self, _: &'a Place, each: Each<'a>) -> Logged<'a, Followed> {
        let follows = self.follows.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match follows {
                0 if self.entries.len() > 1 => self.tell(true, each),
                // Nothing comes any more.
                _ => std::future::pending().await,
            }
            Ok(Followed::Next(Place::new("1")))
        })
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        Box::pin(async { Err(LogError::new("it is whole")) })
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// By what the token can be revoked, as replicas tell it one another: its own ID, its session, its subject, its client, its issuer up to
/// a time, and its issuer as a whole.
static IDS: LazyLock<[[u8; 16]; 6]> = LazyLock::new(|| {
    let published = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let store = Store { entries: Vec::new(), follows: Arc::default(), published: Arc::clone(&published) };
    runtime().block_on(async {
        let list = Revocations::over(store).start().expect("the settings are good");
        list.loaded().await.expect("it is read");
        let of_issuer = [Revocation::issued_before(ISSUER, 1), Revocation::issuer(ISSUER)];
        let named = [
            Revocation::token(ISSUER, "token"),
            Revocation::session(ISSUER, "session"),
            Revocation::subject(ISSUER, "ada"),
            Revocation::client(ISSUER, "app"),
        ];
        for revocation in named.map(Revocation::from).into_iter().chain(of_issuer) {
            list.revoke(revocation).await.expect("it is stored");
        }
    });
    let published = published.lock().expect("one thread");
    std::array::from_fn(|at| published[at][2..18].try_into().expect("sixteen bytes"))
});
const OF_ISSUER: usize = 5;

/// The entries of the input.
fn entries(mut data: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let [length, whose, rest @ ..] = data {
        let (entry, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        let mut entry = entry.to_vec();
        if let (Some(place), Some(id)) = (entry.get_mut(2..18), IDS.get(usize::from(*whose))) {
            place.copy_from_slice(id);
        }
        entries.push(entry);
        data = rest;
    }
    entries
}

/// An independent reading of the entries: whether the token must be refused, and whether it may be.
fn refused(entries: &[Vec<u8>]) -> (bool, bool) {
    let [mut must, mut may, mut is_lifted] = [false; 3];
    let mut is_closed = false;
    for entry in entries.iter().filter(|entry| entry.len() == 34 && entry[0] == 1) {
        let Some(whose) = IDS.iter().position(|id| entry[2..18] == *id) else { continue };
        let number = |at: usize| u64::from(u32::from_be_bytes(entry[at..at + 4].try_into().expect("four bytes")));
        let (bound, time) = (number(18), number(22));
        let is_all = bound == u64::from(u32::MAX);
        match entry[1] {
            kind @ (1 | 2) if whose != OF_ISSUER => {
                let lasts = if kind == 1 { time + DAY >= NOW } else { time >= NOW };
                may |= bound >= IAT;
                must |= bound >= IAT && (is_all || bound <= NOW + AHEAD) && lasts;
            }
            3 if whose == OF_ISSUER && bound == 0 => {
                may = true;
                is_closed |= time <= NOW + AHEAD;
            }
            4 if whose == OF_ISSUER && bound == 0 => is_lifted = true,
            _ => {}
        }
    }
    (must || (is_closed && !is_lifted), may)
}

/// Whether the token passes by a list over these entries.
fn passes(entries: &[Vec<u8>], settings: fn(SharedRevocations) -> SharedRevocations) -> bool {
    let follows = Arc::<AtomicUsize>::default();
    let store = Store { entries: entries.to_vec(), follows: Arc::clone(&follows), published: Arc::default() };
    runtime().block_on(async {
        let list = settings(Revocations::over(store)).start().expect("the settings are good");
        // Before the first entry is told: it is judged by the clock of the verifier.
        let auth = builder().revocations(list.clone()).build().expect("the settings are good");
        list.loaded().await.expect("it is read");
        while entries.len() > 1 && follows.load(Ordering::Relaxed) < 2 {
            yield_now().await;
        }
        match auth.verify(&TOKEN).await {
            Ok(_) => true,
            Err(AuthError::TokenRevoked) => false,
            Err(other) => panic!("the list was read, and it is {other:?}"),
        }
    })
}

fuzz_target!(|data: &[u8]| {
    let entries = entries(data);
    let (must, may) = refused(&entries);
    let passes_by_them = passes(&entries, |shared| shared);
    assert!(!(must && passes_by_them), "revoked, and it passes");
    assert!(may || passes_by_them, "refused, though nothing says so");
    // Nothing of it is sealed.
    assert!(passes(&entries, |shared| shared.state_key([7; 32])), "revoked by what nobody has sealed");
});
