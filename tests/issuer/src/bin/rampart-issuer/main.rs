//! Runs the local issuer and prints tokens to paste.

mod dpop;
mod opaque;
mod running;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use rampart_issuer::{Algorithm, LocalIssuer, SigningKey};

const USAGE: &str = "\
A Rampart issuer on this machine, for development. It prints two variables for your API, and tokens to try it with.

    cargo run -p rampart-issuer

    PORT                 the port on 127.0.0.1, 0 for a free one; 9000 unless set
    RAMPART_CLIENT_ID    the audience of the tokens; task-api unless set. Of several, separated by commas, it is the first

Stop it with Ctrl-C. Each start has a new key.

    cargo run -p rampart-issuer dpop METHOD URL [SCOPE]..

prints a curl line instead, for one request with a token that is bound to a key (DPoP, RFC 9449). The token is of the client `service`,
with these scopes, by the issuer that runs on this machine. The proof in the line is good once, for 60 seconds.

    cargo run -p rampart-issuer opaque [SCOPE]..

prints a token that is no JWT, of that client with these scopes: an API asks the issuer about it (RFC 7662).

    cargo run -p rampart-issuer logout URL [sub=USER] [sid=SESSION]

prints a curl line that tells an API at its URL for logout tokens (OpenID Connect Back-Channel Logout) that this user, or this session, has
ended; the user of USER_TOKEN unless told otherwise. The token in the line is good for two minutes.

    RAMPART_URL          the issuer that is asked; http://127.0.0.1:9000 unless set";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let result = match arguments.as_slice() {
        [] => run().await,
        [argument] if argument == "--help" || argument == "-h" => {
            say(USAGE);
            Ok(())
        }
        [command, request @ ..] if command == "dpop" => dpop::curl_line(request).await.map(say),
        [command, scopes @ ..] if command == "opaque" => opaque::token(scopes).await.map(say),
        [command, about @ ..] if command == "logout" => opaque::logout_line(about).await.map(say),
        [argument, ..] => Err(format!("unknown argument {}; --help says what there is", argument.display())),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn run() -> Result<(), String> {
    let port = variable("PORT", "9000")?;
    let Ok(port) = port.parse() else {
        return Err(format!("PORT is {port:?}, which is no port number: set it to 0 to 65535, or unset it for 9000"));
    };
    // An API may accept several; a token is for one.
    let audiences = variable("RAMPART_CLIENT_ID", "task-api")?.replace(", ", ",");
    let audience = audiences.split(',').next().unwrap_or_default();
    // There before the port is: whoever asks early must not get a token by another.
    let key = key_of_this_start()?;
    let issuer = LocalIssuer::builder().port(port).audience(audience).key(&key).start().await.map_err(|error| {
        format!("cannot listen on 127.0.0.1:{port}: {error}; set PORT to another port, or to 0 for a free one")
    })?;
    introduce(&issuer, &audiences)?;
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

fn variable(name: &str, default: &str) -> Result<String, String> {
    let Some(value) = std::env::var_os(name) else { return Ok(default.to_owned()) };
    let value = value.into_string().ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| format!("{name} is set, but empty or no text: unset it for {default}"))
}

/// A key under an ID that no earlier start has used: an API that has the keys of one then fetches this key as soon as a token by it comes. Under
/// the same ID it would take the token for forged until its keys are due.
fn key_of_this_start() -> Result<SigningKey, String> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    SigningKey::generate(Algorithm::RS256, format!("rs256-{started}")).map_err(|error| error.to_string())
}

fn introduce(issuer: &LocalIssuer, audiences: &str) -> Result<(), String> {
    let hour = issuer.token().expires_in(3600);
    let tokens = [
        ("USER_TOKEN", hour.clone()),
        ("WRITER_TOKEN", hour.clone().sub("writer").email("writer@example.com").scope("tasks:write email:send")),
        ("ADMIN_TOKEN", hour.sub("admin").email("admin@example.com").roles(["admin"])),
    ];
    say(format_args!("A Rampart issuer for development is running at {}\n", issuer.url()));
    say("Paste these lines into another terminal, for an API that is started there:\n");
    say(format_args!("  export RAMPART_URL={}\n  export RAMPART_CLIENT_ID={audiences}\n", issuer.url()));
    say(
        "And tokens, valid for an hour (the writer has the scopes tasks:write and email:send, the admin the role admin):\n",
    );
    for (name, token) in tokens {
        say(format_args!("  {name}={}", token.sign().map_err(|error| error.to_string())?));
    }
    say("\nFor the client credentials grant: client ID `service`, secret `service-secret`.");
    say("Stop the issuer with Ctrl-C; its keys and tokens end with it.");
    Ok(())
}

/// Arguments that are text, all of them.
fn texts(arguments: &[OsString]) -> Option<Vec<&str>> {
    arguments.iter().map(|argument| argument.to_str()).collect()
}

/// One word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// To whoever reads, who may have gone by now: the issuer stays.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
