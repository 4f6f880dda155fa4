//! The section `[redis]`: what is wrong with it is found in the file, no secret is shown, and nothing that the file makes leaves it out.
#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use config_file::ConfigFile;
use rampart_core::{AuthError, RampartAuth, Revocation, RevocationState};
use rampart_issuer::LocalIssuer;
use server::{PATIENCE, Redis, revocations_of};

const AUTH: &str = "[auth]\nissuer_url = 'https://auth.example.com'\naudience = 'my-api'\n[redis]\n";

fn file(test: &str, section: &str) -> ConfigFile {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-section-{test}"));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("rampart.toml");
    std::fs::write(&path, format!("{AUTH}{section}")).unwrap();
    ConfigFile::read(path).unwrap()
}

/// ST01: of each, the line and column of the member; where there is none, of the section.
#[tokio::test]
async fn mistake_is_found_in_the_file_and_nothing_secret_is_shown() {
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-section-state");
    std::fs::write(&state, "hunter2").unwrap();
    let state_key_file =
        format!("url = 'redis://127.0.0.1:1'\nprefix = 'a:'\nstate_key_file = '{}'\n", state.display());
    for (number, (section, place, said)) in [
        (
            "url = 'redis://:hunter2@127.0.0.1:1'\nprefix = 'a:'\n",
            "line 5, column 1",
            "redis.url: has a password in it",
        ),
        ("url = 'redis://127.0.0.1:1'\nprefix = ''\n", "line 6, column 1", "redis.prefix: is empty"),
        (
            "prefix = 'a:'\nurl = 'redis://redis.example.com'\n",
            "line 6, column 1",
            "redis.url: leads to another machine",
        ),
        ("prefix = 'a:'\nurl = 'hunter2'\n", "line 6, column 1", "redis.url: is no URL of Redis"),
        // The value stands in the variable, whose name stands here.
        ("prefix = 'a:'\nurl_env = 'PATH'\n", "line 6, column 1", "redis.url: is no URL of Redis"),
        (
            "prefix = 'a:'\nurl_env = 'NO_SUCH_VARIABLE_HERE'\n",
            "line 6, column 1",
            "redis.url_env: names NO_SUCH_VARIABLE_HERE, which is missing",
        ),
        (
            "url = 'redis://127.0.0.1:1'\nurl_env = 'PATH'\nprefix = 'a:'\n",
            "line 6, column 1",
            "redis.url_env: is given together with url",
        ),
        (
            "prefix = 'a:'\nurl = 'redis://127.0.0.1:1'\ndeadline_ms = 0\n",
            "line 7, column 1",
            "redis.deadline: is not from 1 ms to 10 s",
        ),
        (
            "prefix = 'a:'\n  deadline_ms = 10001\nurl = 'redis://127.0.0.1:1'\n",
            "line 6, column 3",
            "redis.deadline: is not from 1 ms to 10 s",
        ),
        (
            "prefix = 'a:'\nurl = 'redis://127.0.0.1:1'\nmax_stale_seconds = 1\n",
            "line 7, column 1",
            "max_stale: is shorter than 3 s",
        ),
        (&*state_key_file, "line 7, column 1", "redis.state_key_file: "),
        ("prefix = 'a:'\n", "line 4, column 2", "redis.url_env: is missing"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = file(&format!("mistake-{number}"), section);
        for error in [file.shared().unwrap_err(), file.auth().unwrap_err(), file.builder().unwrap_err()] {
            let shown = format!("{error} {error:?} {file:?}");
            assert!(error.to_string().contains(&format!("rampart.toml, {place}: {said}")), "{error}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
    // As far as they may go.
    for deadline in [1, 10_000] {
        let section = format!("prefix = 'a:'\nurl = 'redis://127.0.0.1:1'\ndeadline_ms = {deadline}\n");
        file(&format!("deadline-{deadline}"), &section).shared().unwrap();
    }
}

/// Nobody is there: it is for now, and the object is made.
#[tokio::test]
async fn replica_begins_before_its_redis_does() {
    let file = file("begins", "prefix = 'a:'\nurl = 'redis://127.0.0.1:1'\n");
    let shared = file.shared().unwrap();
    assert!(shared.store.is_some());
    assert_eq!(shared.revocations.health().state, RevocationState::Unknown);
    let auth = file.build(file.builder_sharing(&shared).unwrap()).unwrap();
    assert!(!auth.health().is_ready());
}

/// RV08: a program that revokes nothing itself reads the same file, and refuses what the others have revoked.
#[tokio::test(flavor = "multi_thread")]
async fn object_of_a_file_refuses_what_another_replica_has_revoked() {
    let (redis, issuer) = (Redis::start(), LocalIssuer::start().await.unwrap());
    let auth = format!("[auth]\nissuer_url = '{}'\naudience = '{}'\n", issuer.url(), issuer.audience());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-section-shared.toml");
    std::fs::write(&path, format!("{auth}{}", redis.section())).unwrap();
    let file = ConfigFile::read(&path).unwrap();
    let token = |session: &str| issuer.token().claim("sid", session).sign().unwrap();
    let (revocations, other) = (revocations_of(&file).await, token("nobody's"));

    for (session, replica) in
        [("of auth", file.auth().unwrap()), ("of builder", file.build(file.builder().unwrap()).unwrap())]
    {
        let revoked = token(session);
        // 503 until the list was read.
        let is_good = async || answer(&replica, &revoked).await.is_ok() && answer(&replica, &other).await.is_ok();
        assert!(within_patience(is_good).await, "{session}");
        revocations.revoke(Revocation::session(issuer.url(), session)).await.unwrap();
        let is_refused = async || matches!(answer(&replica, &revoked).await, Err(AuthError::TokenRevoked));
        assert!(within_patience(is_refused).await, "{session}");
        assert!(answer(&replica, &other).await.is_ok(), "{session}");
    }
}

/// RV12: where nobody can say what is revoked, nothing passes; without the section there is nobody to ask.
#[tokio::test(flavor = "multi_thread")]
async fn object_of_a_file_whose_redis_is_away_accepts_nothing() {
    let issuer = LocalIssuer::start().await.unwrap();
    let auth = format!("[auth]\nissuer_url = '{}'\naudience = '{}'\n", issuer.url(), issuer.audience());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-section-away.toml");
    let token = issuer.token().sign().unwrap();
    for (section, passes) in [("", true), ("[redis]\nurl = 'redis://127.0.0.1:1'\nprefix = 'a:'\n", false)] {
        std::fs::write(&path, format!("{auth}{section}")).unwrap();
        let file = ConfigFile::read(&path).unwrap();
        for replica in [file.auth().unwrap(), file.build(file.builder().unwrap()).unwrap()] {
            replica.warm_up().await.unwrap();
            match answer(&replica, &token).await {
                Ok(()) => assert!(passes, "{section}"),
                Err(AuthError::StateUnavailable { .. }) => assert!(!passes, "{section}"),
                Err(error) => panic!("{section}: {error}"),
            }
        }
    }
}

#[test]
fn file_with_the_section_makes_no_object_where_nothing_could_be_shared() {
    let file = file("no-runtime", "prefix = 'a:'\nurl = 'redis://127.0.0.1:1'\n");
    for refused in [file.auth().unwrap_err(), file.builder().unwrap_err()] {
        let said = refused.to_string();
        assert!(
            said.contains("rampart.toml, line 4, column 2: redis: is connected to without a tokio runtime"),
            "{said}"
        );
    }
}

async fn answer(auth: &RampartAuth, token: &str) -> Result<(), AuthError> {
    auth.authenticate([format!("Bearer {token}")]).await.map(drop)
}

async fn within_patience(mut is_so: impl AsyncFnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if is_so().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}
