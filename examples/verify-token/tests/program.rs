//! The program itself, as it is run on a command line.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use rampart_issuer::LocalIssuer;

const VARIABLES: [&str; 4] = ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_REALM", "RUST_LOG"];

/// Of an issuer, or of none.
fn command(issuer: Option<&LocalIssuer>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify-token"));
    for name in VARIABLES {
        command.env_remove(name);
    }
    if let Some(issuer) = issuer {
        command.env("RAMPART_URL", issuer.url()).env("RAMPART_CLIENT_ID", issuer.audience());
    }
    command.args(arguments);
    command
}

/// Its exit status, and what it says: to standard output and to standard error.
fn run(command: &mut Command, typed: &str) -> (Option<i32>, String, String) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that reads nothing has closed it by now.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn good_token_is_shown_with_its_claims_from_an_argument_as_from_standard_input() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sub("ada").sign().unwrap();
    for (arguments, typed) in [(&[&*token] as &[_], ""), (&["-"], &*token), (&[], &format!("  {token}\n"))] {
        let (status, said, log) = run(&mut command(Some(&issuer), arguments), typed);
        assert_eq!(status, Some(0), "{said}{log}");
        assert!(said.starts_with("The token is good. Its claims:\n{\n") && said.contains("\"sub\": \"ada\""), "{said}");
        assert!(!log.contains('\u{1b}'), "no colours where nobody looks: {log}");
    }
}

#[tokio::test]
async fn refused_token_is_told_and_the_log_says_why() {
    let issuer = LocalIssuer::start().await.unwrap();
    let expired = issuer.token().at(1_700_000_000).sign().unwrap();
    let for_another = issuer.token().audience(vec!["shop-web"]).sign().unwrap();
    for (token, said, why) in [
        (&*expired, "The token is refused: the access token expired (token_expired)\n", "V9"),
        (&for_another, "The token is refused: the access token is not valid (invalid_token)\n", "V8"),
        ("forged", "The token is refused: the access token is not valid (invalid_token)\n", "V2"),
    ] {
        let (status, text, log) = run(&mut command(Some(&issuer), &[token]), "");
        assert_eq!((status, &*text), (Some(1), said), "{log}");
        assert!(log.contains(&format!("rule=\"{why}\"")), "{log}");
    }
}

#[tokio::test]
async fn issuer_that_is_away_is_no_verdict() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sign().unwrap();
    issuer.stop();
    let (status, said, _) = run(&mut command(Some(&issuer), &[&token]), "");
    assert_eq!(status, Some(3), "{said}");
    assert!(said.starts_with("Nothing can be said: the keys of the issuer are not available"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_used_ends_it_with_the_remedy_and_without_a_verdict() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sign().unwrap();
    let bearer = format!("Bearer {token}");
    let (start, end) = token.split_at(100);
    let wrapped = format!("{start}\n{end}");
    let white_space = "there is white space in the token: give it alone, in one line, and without the word Bearer\n";
    let one_token = "give one token, alone, or none; --help says more\n";
    for (arguments, typed, said) in [
        (&[&*bearer] as &[_], "", white_space),
        (&[], &*bearer, white_space),
        (&["-"], &*wrapped, white_space),
        (&["Bearer", &*token], "", one_token),
        (&["--verbose"], "", one_token),
        (&["--help", "me"], "", one_token),
    ] {
        let said = (Some(2), String::new(), said.to_owned());
        assert_eq!(run(&mut command(Some(&issuer), arguments), typed), said, "{arguments:?}");
    }
    for (name, meaning) in [
        ("RAMPART_URL", "the URL of the issuer, exactly as in the iss claim of its tokens"),
        ("RAMPART_CLIENT_ID", "the audience of the tokens, with Rampart the client ID of the front end"),
    ] {
        let said = format!("the environment variable {name} is missing, empty or not UTF-8: set it to {meaning}\n");
        let said = (Some(2), String::new(), said);
        assert_eq!(run(command(Some(&issuer), &[&token]).env_remove(name), ""), said);
        assert_eq!(run(command(Some(&issuer), &[&token]).env(name, ""), ""), said);
    }
}

#[test]
fn without_anything_it_shows_what_becomes_of_three_tokens() {
    let (status, said, _) = run(&mut command(None, &[]), "");
    assert_eq!(status, Some(0), "{said}");
    let verdicts = said.lines().filter(|line| line.starts_with("The token is "));
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        [
            "The token is good. Its claims:",
            "The token is refused: the access token expired (token_expired)",
            "The token is refused: the access token is not valid (invalid_token)",
        ]
    );
}

#[test]
fn help_says_what_there_is() {
    for argument in ["--help", "-h"] {
        let (status, said, log) = run(&mut command(None, &[argument]), "");
        assert_eq!((status, &*log), (Some(0), ""));
        for name in ["RAMPART_URL", "RAMPART_CLIENT_ID", "RUST_LOG", "Exit status"] {
            assert!(said.contains(name), "{name}: {said}");
        }
    }
}

#[tokio::test]
async fn verdict_stands_where_nobody_reads_it() {
    let issuer = LocalIssuer::start().await.unwrap();
    let token = issuer.token().sign().unwrap();
    let mut child = command(Some(&issuer), &["-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "as of `verify-token | head`");
}
