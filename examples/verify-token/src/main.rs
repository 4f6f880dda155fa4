//! Verifies an access token without a web framework: `cargo run --bin verify-token -- TOKEN`, or the token on standard input.
//! `--help` says which variables say whose tokens are accepted.
//!
//! Without `RAMPART_URL` and without a token it runs against a local issuer and shows what becomes of a good token, an expired one and a
//! forged one.

use std::fmt::Display;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use rampart_core::{AuthError, RampartAuth};
use rampart_issuer::LocalIssuer;

const USAGE: &str = "\
Verifies one access token, without a web framework.

    cargo run --bin verify-token -- TOKEN    the token, alone; - reads it from standard input
    cargo run --bin verify-token             reads it too; with RAMPART_URL not set, tries three tokens of a local issuer

    RAMPART_URL          the issuer, exactly as in the iss claim of its tokens
    RAMPART_CLIENT_ID    the audience of the tokens, or several separated by commas
    RUST_LOG             what is logged; rampart=debug unless set, which says why a token is refused

Exit status: 0 the token is good, 1 it is not, 2 a setting or the input cannot be used, 3 the issuer's keys cannot be had.";

const LONGEST_INPUT: u64 = 64 * 1024;
const UNUSABLE: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // The reason why a token is refused stands in the log, and nowhere else.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=debug".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time();
    log.with_ansi(io::stderr().is_terminal()).init();

    let arguments: Vec<_> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let token = match arguments.as_slice() {
        [] if std::env::var_os("RAMPART_URL").is_none() => return demonstrate().await,
        [] => None,
        [argument] if argument == "--help" || argument == "-h" => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
        [argument] if argument == "-" => None,
        [token] if !token.starts_with('-') => Some(token.clone()),
        _ => return unusable("give one token, alone, or none; --help says more"),
    };
    let auth = match RampartAuth::from_env() {
        Ok(auth) => auth,
        Err(error) => return unusable(error),
    };
    let token = match token.map_or_else(read, Ok) {
        Ok(token) => token,
        Err(error) => return unusable(format!("standard input cannot be read as text: {error}")),
    };
    match token.trim() {
        token if token.contains(char::is_whitespace) => {
            unusable("there is white space in the token: give it alone, in one line, and without the word Bearer")
        }
        token => report(&auth, token).await,
    }
}

fn read() -> io::Result<String> {
    if io::stdin().is_terminal() {
        eprintln!("Paste the token, then press Enter and Ctrl-D:");
    }
    let mut text = String::new();
    io::stdin().take(LONGEST_INPUT).read_to_string(&mut text)?;
    Ok(text)
}

/// To whoever reads, who may have gone by now: the exit status stays.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn unusable(problem: impl Display) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(UNUSABLE)
}

async fn report(auth: &RampartAuth, token: &str) -> ExitCode {
    // With the keys at hand, a token that has expired can be told from one that is forged; without them, `verify` says so.
    let _ = auth.warm_up().await;
    match auth.verify(token).await {
        Ok(claims) => {
            say("The token is good. Its claims:");
            say(format_args!("{:#}", claims.to_json()));
            ExitCode::SUCCESS
        }
        Err(error @ AuthError::KeysUnavailable { .. }) => {
            let reason = auth.health().last_error.unwrap_or_default();
            say(format_args!("Nothing can be said: {error} ({reason})"));
            ExitCode::from(3)
        }
        Err(error) => {
            say(format_args!("The token is refused: {error} ({})", error.code()));
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate() -> ExitCode {
    say("RAMPART_URL is not set and no token is given: trying three tokens of a local issuer.");
    let issuer = match LocalIssuer::start().await {
        Ok(issuer) => issuer,
        Err(error) => return unusable(format!("the local issuer cannot be started: {error}")),
    };
    let auth = match RampartAuth::new(issuer.url(), issuer.audience()) {
        Ok(auth) => auth,
        Err(error) => return unusable(error),
    };
    let stranger = match issuer.add_unpublished_key(rampart_issuer::Algorithm::ES256) {
        Ok(key) => key,
        Err(error) => return unusable(error),
    };
    let tokens = [
        ("a good one", issuer.token()),
        ("an expired one", issuer.token().at(1_700_000_000)),
        ("one that somebody else signed", issuer.token().key(&stranger)),
    ];
    for (what, token) in tokens {
        say(format_args!("\n== {what}"));
        match token.sign() {
            Ok(token) => drop(report(&auth, &token).await),
            Err(error) => eprintln!("{error}"),
        }
    }
    ExitCode::SUCCESS
}
