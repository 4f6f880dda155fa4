//! A store as a file says it.

use std::fs;
use std::path::{Path, PathBuf};

use rampart_core::{ConfigError, Spending};
use rampart_redis::{RedisSettings, RedisStore};

use crate::common::{PREFIX, Server, proof, spend};

fn read(text: &str) -> RedisSettings {
    toml::from_str(text).unwrap()
}

/// Refused when it is read, or before anybody is connected to.
fn refused(text: &str) -> ConfigError {
    let settings = read(text);
    assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
    match RedisStore::from_settings(&settings) {
        Err(error) => error,
        Ok(builder) => {
            assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
            builder.connect_in_background().unwrap_err()
        }
    }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn every_setting_can_stand_in_a_file() {
    let server = Server::start();
    let key = file("state-key", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n");
    let settings = read(&format!(
        r#"
        url = "{}"
        prefix = "{PREFIX}"
        allow_plaintext = false
        deadline_ms = 250
        max_stale_seconds = 60
        initialize = true
        state_key_file = "{}"
        "#,
        server.url(),
        key.display()
    ));
    let store = RedisStore::from_settings(&settings).unwrap().connect().await.unwrap();
    // It is said to be new, for which it would wait otherwise.
    store.revocations().start().unwrap().loaded().await.unwrap();
    let store = store.spent_proofs();
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    // The same key, said in code.
    let builder = RedisStore::builder(&server.url(), PREFIX).state_key([1; 32]);
    assert_eq!(spend(&builder.connect().await.unwrap().spent_proofs(), proof(1)).await, Ok(Spending::Seen));
    fs::remove_file(key).unwrap();
}

#[tokio::test]
async fn st01_what_cannot_be_used_is_refused_without_telling_a_secret() {
    let short = file("short-key", "aHVudGVyMg");
    let short = short.display();
    for (text, field, remedy) in [
        (r#"url = "redis://:hunter2@127.0.0.1""#, "redis.url", "url_env"),
        (r#"url = "rediss://bob:hunter2@redis.example.com""#, "redis.url", "url_env"),
        (r#"url = "redis+unix:///run/redis.sock?pass=hunter2""#, "redis.url", "url_env"),
        (r#"url = "hunter2""#, "redis.url", "rediss://HOST:PORT"),
        (r#"url = "redis://redis.example.com""#, "redis.url", "allow_plaintext"),
        (r#"url = "redis://10.0.0.7""#, "redis.url", "allow_plaintext"),
        ("", "redis.url_env", "is missing"),
        (r#"url_env = "NO_SUCH_VARIABLE""#, "redis.url_env", "NO_SUCH_VARIABLE"),
        (r#"url_env = "redis://:hunter2@redis""#, "redis.url_env", "URL of Redis"),
        ("url_env = \"PATH\"\nurl = \"redis://127.0.0.1\"", "redis.url_env", "one of the two"),
        ("url = \"redis://127.0.0.1\"\ndeadline_ms = 0", "redis.deadline", "100 ms"),
        ("url = \"redis://127.0.0.1\"\nstate_key_file = \"/nowhere\"", "redis.state_key_file", "/nowhere"),
        (
            &format!("url = \"redis://127.0.0.1\"\nstate_key_file = \"{short}\""),
            "redis.state_key_file",
            "43 characters",
        ),
    ] {
        let error = refused(&format!("prefix = \"api:\"\n{text}"));
        assert_eq!(error.field(), field, "{text}: {error}");
        assert!(error.to_string().contains(remedy), "{text}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(refused("prefix = \"\"\nurl = \"redis://127.0.0.1\"").field(), "redis.prefix");
    for text in ["prefix = \"api:\"\nurl = \"redis://127.0.0.1\"\npassword = \"x\"", "url = \"redis://127.0.0.1\""] {
        assert!(toml::from_str::<RedisSettings>(text).is_err(), "{text}");
    }
    for url in ["rediss://redis.example.com", "redis+unix:///run/redis.sock", "redis://localhost", "redis://[::1]:7"] {
        let settings = read(&format!("prefix = \"api:\"\nurl = \"{url}\""));
        RedisStore::from_settings(&settings).unwrap().connect_in_background().unwrap();
    }
    let settings = read("prefix = \"api:\"\nurl = \"redis://redis.example.com\"\nallow_plaintext = true");
    RedisStore::from_settings(&settings).unwrap().connect_in_background().unwrap();
}
