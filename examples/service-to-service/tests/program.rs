//! The program itself, with its local issuer.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../config-file/tests/server/mod.rs"]
mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use config_file::ConfigFile;
use rampart_core::Revocation;
use rampart_issuer::LocalIssuer;
use server::{Redis, revocations_of};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service-to-service"));
    for name in
        ["RAMPART_CONFIG", "RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_CLIENT_SECRET", "API_AUDIENCE", "RUST_LOG"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn setting_that_cannot_be_used_names_its_variable_and_the_remedy() {
    for (name, value, said) in [
        (
            "RAMPART_URL",
            "",
            "the environment variable RAMPART_URL is set, but empty or no text: set it to the URL of the issuer",
        ),
        (
            "API_AUDIENCE",
            "",
            "the environment variable API_AUDIENCE is set, but empty or no text: set it to the audience",
        ),
        (
            "RAMPART_URL",
            "auth.example.com",
            "write it in full, such as https://auth.example.com (it is read from RAMPART_URL)",
        ),
        (
            "API_AUDIENCE",
            "'task-api'",
            "audience: stands in quotes, which count as a part of it; remove them (it is read from API_AUDIENCE)",
        ),
        (
            "RAMPART_URL",
            "http://127.0.0.1:9",
            "the environment variable RAMPART_CLIENT_ID is missing, empty or not UTF-8: set it to",
        ),
    ] {
        let output = command().env(name, value).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()), "{log}");
        assert!(log.contains(said) && log.ends_with("\n--help says which variables there are\n"), "{log}");
    }
}

/// ST02.
#[test]
fn file_takes_the_place_of_two_variables_and_stands_beside_none_of_them() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../config-file/rampart.toml");
    let refused = |variables: &[(&str, &str)]| {
        let output = command().env("RAMPART_CONFIG", file).envs(variables.iter().copied()).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
        String::from_utf8(output.stderr).unwrap()
    };
    for name in ["RAMPART_URL", "API_AUDIENCE"] {
        let said = refused(&[(name, "https://auth.example.com")]);
        assert!(said.starts_with(&format!("RAMPART_CONFIG: is set together with {name}, ")), "{said}");
    }
    let said = refused(&[("RAMPART_CLIENT_ID", "service")]);
    assert!(said.starts_with("the environment variable RAMPART_CLIENT_SECRET is missing: "), "{said}");
}

#[test]
fn calls_succeed_and_end_quietly_once_nobody_reads() {
    let mut child = command().env("RUST_LOG", "off").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<_> = lines.by_ref().take(3).map(Result::unwrap).collect();
    assert!(
        said[0].starts_with("RAMPART_URL is not set, so a local issuer is running at http://127.0.0.1:"),
        "{said:?}"
    );
    assert_eq!(
        said[1..],
        ["Type stop, start or rotate, and watch the calls go on.", "200 OK: the report, for service"]
    );
    // As `service-to-service | head -3` does.
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

/// RV08, by a file with `[redis]`: what a replica has revoked is refused by this API too.
#[tokio::test(flavor = "multi_thread")]
async fn api_of_a_file_refuses_what_another_replica_has_revoked() {
    let (redis, issuer) = (Redis::start(), LocalIssuer::start().await.unwrap());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("service-redis.toml");
    let auth = format!("[auth]\nissuer_url = '{}'\naudience = '{}'\n", issuer.url(), issuer.audience());
    std::fs::write(&path, format!("{auth}{}", redis.section())).unwrap();
    let mut command = command();
    command.env("RAMPART_CONFIG", &path).env("RAMPART_CLIENT_ID", "service");
    let mut child = command.env("RAMPART_CLIENT_SECRET", "service-secret").env("RUST_LOG", "off").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // A call a second: 503 until the list was read, and 401 once the word has come.
    let mut comes = |expected: &str| lines.by_ref().take(20).any(|line| line.starts_with(expected));
    assert!(comes("200 OK: the report, for service"));

    let replica = revocations_of(&ConfigFile::read(&path).unwrap()).await;
    // With every token that it may still fetch.
    replica.revoke(Revocation::issuer(issuer.url())).await.unwrap();
    assert!(comes("401 Unauthorized: "));
    assert!(!lines.by_ref().take(2).any(|line| line.starts_with("200")));

    replica.lift_issuer(issuer.url()).await.unwrap();
    assert!(lines.by_ref().take(20).any(|line| line == "200 OK: the report, for service"));
    child.kill().unwrap();
    child.wait().unwrap();
}
