//! Verifies an access token without a web framework: `cargo run --bin verify-token -- TOKEN`, or the token on standard input.
//!
//! `RAMPART_URL` and `RAMPART_CLIENT_ID` say whose tokens are accepted. Without `RAMPART_URL` and without a token it runs
//! against a local issuer and shows what becomes of a good token, an expired one and a forged one.
//!
//! Exit status: 0 the token is good, 1 it is not, 2 a setting is wrong, 3 the issuer's keys cannot be had.

use std::io::Read;
use std::process::ExitCode;

use rampart_core::{AuthError, RampartAuth};
use rampart_issuer::LocalIssuer;

const LONGEST_INPUT: u64 = 64 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // The reason why a token is refused stands in the log, and nowhere else.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=debug".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();

    let argument = std::env::args().nth(1);
    if argument.is_none() && std::env::var_os("RAMPART_URL").is_none() {
        return demonstrate().await;
    }
    let auth = match RampartAuth::from_env() {
        Ok(auth) => auth,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let token = match argument {
        Some(token) if token != "-" => token,
        _ => {
            let mut text = String::new();
            if let Err(error) = std::io::stdin().take(LONGEST_INPUT).read_to_string(&mut text) {
                eprintln!("standard input cannot be read as text: {error}");
                return ExitCode::from(2);
            }
            text
        }
    };
    report(&auth, token.trim()).await
}

async fn report(auth: &RampartAuth, token: &str) -> ExitCode {
    match auth.verify(token).await {
        Ok(claims) => {
            println!("The token is good. Its claims:");
            match claims.deserialize::<serde_json::Value>() {
                Ok(payload) => println!("{payload:#}"),
                Err(error) => println!("{error}"),
            }
            ExitCode::SUCCESS
        }
        Err(error @ AuthError::KeysUnavailable { .. }) => {
            let reason = auth.health().last_error.unwrap_or_default();
            println!("Nothing can be said: {error} ({reason})");
            ExitCode::from(3)
        }
        Err(error) => {
            println!("The token is refused: {error} ({})", error.code());
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate() -> ExitCode {
    println!("RAMPART_URL is not set and no token is given: trying three tokens of a local issuer.");
    let issuer = match LocalIssuer::start().await {
        Ok(issuer) => issuer,
        Err(error) => {
            eprintln!("the local issuer cannot be started: {error}");
            return ExitCode::from(2);
        }
    };
    let auth = match RampartAuth::new(issuer.url(), issuer.audience()) {
        Ok(auth) => auth,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let Ok(stranger) = issuer.add_unpublished_key(rampart_issuer::Algorithm::ES256) else { return ExitCode::from(2) };
    let tokens = [
        ("a good one", issuer.token()),
        ("an expired one", issuer.token().at(1_700_000_000)),
        ("one that somebody else signed", issuer.token().key(&stranger)),
    ];
    for (what, token) in tokens {
        println!("\n== {what}");
        match token.sign() {
            Ok(token) => drop(report(&auth, &token).await),
            Err(error) => eprintln!("{error}"),
        }
    }
    ExitCode::SUCCESS
}
