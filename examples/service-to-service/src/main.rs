//! A protected API, and a service that calls it every second with a token of its own: `cargo run --bin service-to-service`.
//! `--help` says how to stop and start the issuer meanwhile, and which variables name a real one.

use std::fmt::Display;
use std::future::pending;
use std::io::{self, ErrorKind::BrokenPipe, IsTerminal, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use config_file::ConfigFile;
use rampart_axum::{RampartAuth, RequireAuth, scopes};
use rampart_client::{RampartClient, RampartMiddleware, TokenRequest, redirects_within_origin};
use rampart_issuer::LocalIssuer;
use reqwest_middleware::ClientWithMiddleware;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

const USAGE: &str = "\
A service that calls another one every second with a token of its own, and the API that it calls, in one program.

    cargo run --bin service-to-service

With RAMPART_URL not set it runs against a local issuer. Type, while it runs,
    stop      to stop the issuer
    start     to start it again, with the same keys
    rotate    to give it a new key in place of the old one
and watch the calls go on. A token lives for five minutes and is renewed in its last one: an issuer that is away for up to
50 seconds is not missed, whenever it goes. Away for longer, it is missed as soon as the token has expired, and calls succeed
again when it is back.

With an issuer of your own, which you then stop and start yourself:
    RAMPART_URL             where it is, such as http://127.0.0.1:9000
    RAMPART_CLIENT_ID       the client ID of the calling service
    RAMPART_CLIENT_SECRET   its secret
    API_AUDIENCE            the audience that the API accepts; task-api unless set
    RAMPART_CONFIG          a file with the settings of the API, in place of RAMPART_URL and API_AUDIENCE; the service gets its
                            tokens from the first issuer of it

    RUST_LOG=rampart=debug  says when a token is renewed, and why one is refused";

scopes! {
    /// May read the report.
    ReportsRead = "reports:read";
}

type Error = Box<dyn std::error::Error>;

async fn report(caller: RequireAuth<ReportsRead>) -> String {
    format!("the report, for {}", caller.sub)
}

fn variable(name: &str, remedy: &str) -> Result<Option<String>, Error> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    match value.into_string() {
        Ok(value) if !value.is_empty() => Ok(Some(value)),
        _ => Err(format!("the environment variable {name} is set, but empty or no text: {remedy}").into()),
    }
}

fn api(url: &str, audience: &str) -> Result<RampartAuth, Error> {
    RampartAuth::new(url, audience).map_err(|error| {
        let variable = if error.field() == "issuer_url" { "RAMPART_URL" } else { "API_AUDIENCE" };
        format!("{error} (it is read from {variable})").into()
    })
}

/// An error once nobody reads any more: the program then ends.
fn say(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

struct Parties {
    api: RampartAuth,
    caller: RampartClient,
    issuer: Option<LocalIssuer>,
}

/// The API as the file says, and a caller with tokens of the file's first issuer.
fn of_file(file: &ConfigFile) -> Result<Parties, Error> {
    let credential = |name| {
        let remedy = "set it to that of the calling service";
        variable(name, remedy)?
            .ok_or_else(|| Error::from(format!("the environment variable {name} is missing: {remedy}")))
    };
    let (id, secret) = (credential("RAMPART_CLIENT_ID")?, credential("RAMPART_CLIENT_SECRET")?);
    // Only now, for it begins to fetch the keys of every issuer: what is missing is said before anything else is.
    let api = file.auth()?;
    let issuer = api.issuers().into_iter().next().map(|issuer| issuer.name).unwrap_or_default();
    let caller = RampartClient::builder(&issuer, id, secret).build()?;
    say(format_args!("Tokens come from {issuer}, and the API accepts what RAMPART_CONFIG says. Ctrl-C ends this."))?;
    Ok(Parties { api, caller, issuer: None })
}

async fn parties() -> Result<Parties, Error> {
    if let Some(file) = ConfigFile::from_env(&["RAMPART_URL", "API_AUDIENCE"])? {
        return of_file(&file);
    }
    let audience = variable("API_AUDIENCE", "set it to the audience that the API accepts, or unset it for task-api")?;
    let audience = audience.unwrap_or_else(|| "task-api".into());
    let remedy = "set it to the URL of the issuer, or unset it to run against a local one";
    if let Some(url) = variable("RAMPART_URL", remedy)? {
        let api = api(&url, &audience)?;
        let caller = RampartClient::from_env()?;
        say(format_args!("Tokens come from {url}, and the API accepts those for {audience}. Ctrl-C ends this."))?;
        return Ok(Parties { api, caller, issuer: None });
    }
    let issuer = LocalIssuer::builder().audience(&audience).start().await?;
    // Short enough to see tokens being renewed, long enough to survive a while without the issuer.
    issuer.token_lifetime(Duration::from_secs(300));
    let api = api(issuer.url(), &audience)?;
    let caller = RampartClient::builder(issuer.url(), "service", "service-secret").build()?;
    say(format_args!("RAMPART_URL is not set, so a local issuer is running at {}", issuer.url()))?;
    say("Type stop, start or rotate, and watch the calls go on.")?;
    Ok(Parties { api, caller, issuer: Some(issuer) })
}

async fn call(http: &ClientWithMiddleware, url: &str) -> Result<String, Error> {
    let response = http.get(url).send().await?;
    let status = response.status();
    Ok(format!("{status}: {}", response.text().await?))
}

/// What is typed, read by a thread that does not keep the program from ending.
fn typed() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

/// The next line, or never where there will be none.
async fn next(lines: &mut UnboundedReceiver<String>) -> String {
    match lines.recv().await {
        Some(line) => line,
        None => pending().await,
    }
}

/// What has become of it.
fn obey(command: &str, issuer: &LocalIssuer) -> io::Result<String> {
    match command {
        "stop" => issuer.stop(),
        "start" => issuer.restart()?,
        "rotate" => drop(issuer.rotate()?),
        _ => return Err(io::Error::other("type stop, start or rotate")),
    }
    Ok(format!("the issuer: {command}"))
}

async fn run() -> Result<(), Error> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=info".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.with_ansi(io::stderr().is_terminal()).init();
    let Parties { api, caller, issuer } = parties().await?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let app = Router::new().route("/report", get(report)).with_state(api);
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    let tokens = RampartMiddleware::new(caller, TokenRequest::new(["reports:read"]), [&origin])?;
    let http = reqwest::Client::builder().no_proxy().redirect(redirects_within_origin()).build()?;
    let http = tokens.attach_to(http)?;
    let url = format!("{origin}/report");
    let mut every_second = interval(Duration::from_secs(1));
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = typed();
    loop {
        tokio::select! {
            _ = every_second.tick() => match call(&http, &url).await {
                Ok(answer) => say(answer)?,
                Err(error) => say(format_args!("no answer: {error}"))?,
            },
            line = next(&mut lines) => match &issuer {
                _ if line.trim().is_empty() => {}
                Some(issuer) => match obey(line.trim(), issuer) {
                    Ok(done) => say(format_args!("-- {done}"))?,
                    Err(error) => say(format_args!("-- {error}"))?,
                },
                None => say("-- the issuer is not ours to command: stop and start it where it runs")?,
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    server.abort();
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help" | "-h") => {
            let _ = say(USAGE);
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("unknown argument {other:?}; --help says what there is");
            return ExitCode::FAILURE;
        }
    }
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n--help says which variables there are");
            ExitCode::FAILURE
        }
    }
}
