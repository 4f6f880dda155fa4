//! Verifies an access token without a web framework, and explains every rule: `cargo run --bin verify-token -- --issuer URL --audience A -`,
//! with the token on standard input. `--help` says how else it learns whose tokens are accepted.
//!
//! Without anything it runs against a local issuer and shows what becomes of a good token, an expired one and a forged one.

mod arguments;
mod explanation;
mod heard;
mod reading;
mod trust;

use std::fmt::Display;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use rampart_core::{AuthError, RampartAuth, Settings};
use rampart_issuer::LocalIssuer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::arguments::{Arguments, USAGE};
use crate::explanation::{Explanation, Verdict};
use crate::heard::Heard;
use crate::reading::{Reading, harmless};
use crate::trust::Trust;

const LONGEST_INPUT: u64 = 64 * 1024;
const UNUSABLE: u8 = 2;
const UNDECIDED: u8 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Why a token is refused is told to listeners alone: this program is one.
    let heard = Heard::default();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=warn".into());
    let log = fmt::layer().with_writer(io::stderr).without_time().with_ansi(io::stderr().is_terminal());
    let of_rampart = filter_fn(|metadata| metadata.target() == "rampart");
    tracing_subscriber::registry().with(heard.clone().with_filter(of_rampart)).with(log.with_filter(filter)).init();

    let arguments = match Arguments::read(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => return unusable(problem),
    };
    if arguments.help {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    if arguments.token.is_none() && !arguments.names_issuer() && !Trust::is_in_environment() {
        return demonstrate(&heard).await;
    }
    let trust = match Trust::of(&arguments) {
        Ok(trust) => trust,
        Err(problem) => return unusable(problem),
    };
    let token = match arguments.token.filter(|token| token != "-").map_or_else(read, Ok) {
        Ok(token) => token,
        Err(error) => return unusable(format!("standard input cannot be read as text: {error}")),
    };
    match token.trim() {
        token if token.contains(char::is_whitespace) => {
            unusable("there is white space in the token: give it alone, in one line, and without the word Bearer")
        }
        token => report(&trust, &heard, token).await,
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

async fn report(trust: &Trust, heard: &Heard, token: &str) -> ExitCode {
    let auth = &trust.auth;
    // With the keys at hand, a token that has expired can be told from one that is forged.
    let _ = auth.warm_up().await;
    let before = auth.issuers();
    let reading = Reading::of(token);
    let scheme = if trust.settings.dpop.is_some() && reading.is_bound() { "DPoP" } else { "Bearer" };
    heard.forget();
    let outcome = auth.authenticate([format!("{scheme} {token}")]).await;
    let refusal = heard.refusal();
    let issuers = auth.issuers();
    let (code, verdict) = match &outcome {
        Ok(claims) => {
            say(if trust.leaves_out_redis {
                "The token is good, unless it was revoked: what [redis] in the file leads to is not asked."
            } else {
                "The token is good."
            });
            (ExitCode::SUCCESS, Verdict::Good(claims))
        }
        Err(error @ AuthError::KeysUnavailable { .. }) => {
            let named = issuers.iter().find(|issuer| refusal.names(&issuer.name));
            let reason = named.and_then(|issuer| issuer.keys.last_error.clone()).unwrap_or_default();
            say(format_args!("Nothing can be said: {error} ({reason})"));
            (ExitCode::from(UNDECIDED), Verdict::Open(&refusal))
        }
        Err(error) => {
            say(format_args!("The token is refused: {error} ({})", error.code()));
            (ExitCode::FAILURE, Verdict::Refused(&refusal))
        }
    };
    say(format_args!("\n{}", Explanation { trust, reading: &reading, verdict, before: &before, now: &issuers }));
    if let Ok(claims) = outcome {
        say(format_args!("\nIts claims, as a handler gets them:\n{}", harmless(&format!("{:#}", claims.to_json()))));
    }
    code
}

async fn demonstrate(heard: &Heard) -> ExitCode {
    say("No issuer is named and no token is given: trying three tokens of a local issuer.");
    let issuer = match LocalIssuer::start().await {
        Ok(issuer) => issuer,
        Err(error) => return unusable(format!("the local issuer cannot be started: {error}")),
    };
    let auth = match RampartAuth::new(issuer.url(), issuer.audience()) {
        Ok(auth) => auth,
        Err(error) => return unusable(error),
    };
    let trust = Trust { auth, settings: Settings::new(issuer.url(), issuer.audience()), leaves_out_redis: false };
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
            Ok(token) => drop(report(&trust, heard, &token).await),
            Err(error) => eprintln!("{error}"),
        }
    }
    ExitCode::SUCCESS
}
