//! The section `[redis]`: what is wrong with it is found in the file, and no secret is shown.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use config_file::ConfigFile;
use rampart_core::RevocationState;

const AUTH: &str = "[auth]\nissuer_url = 'https://auth.example.com'\naudience = 'my-api'\n[redis]\n";

fn file(test: &str, section: &str) -> ConfigFile {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-section-{test}"));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("rampart.toml");
    std::fs::write(&path, format!("{AUTH}{section}")).unwrap();
    ConfigFile::read(path).unwrap()
}

/// ST01
#[tokio::test]
async fn mistake_is_found_in_the_file_and_nothing_secret_is_shown() {
    for (number, (section, place, names)) in [
        ("url = 'redis://:hunter2@127.0.0.1:1'\nprefix = 'a:'\n", "line 5", "url_env"),
        ("url = 'redis://127.0.0.1:1'\nprefix = ''\n", "line 6", "prefix"),
        ("prefix = 'a:'\nurl = 'redis://redis.example.com'\n", "line 6", "allow_plaintext"),
        ("prefix = 'a:'\nurl_env = 'NO_SUCH_VARIABLE_HERE'\n", "line 6", "NO_SUCH_VARIABLE_HERE"),
        ("prefix = 'a:'\nurl = 'redis://127.0.0.1:1'\nmax_stale_seconds = 1\n", "line", "max_stale"),
        ("prefix = 'a:'\n", "line", "url"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = file(&format!("mistake-{number}"), section);
        let error = file.shared().unwrap_err();
        let shown = format!("{error} {error:?} {file:?}");
        assert!(error.to_string().contains(place) && error.to_string().contains(names), "{error}");
        assert!(!shown.contains("hunter2"), "{shown}");
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
