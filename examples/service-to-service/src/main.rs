//! A protected API, and a service that calls it every second with a token of its own: `cargo run --bin service-to-service`.
//!
//! `RAMPART_URL`, `RAMPART_CLIENT_ID` and `RAMPART_CLIENT_SECRET` say who the calling service is; `API_AUDIENCE` (default
//! `task-api`) is the audience that the API accepts. Without `RAMPART_URL` a local issuer is started, and the lines `stop`,
//! `start` and `rotate` on standard input stop it, start it again and replace its keys: the calls go on.

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rampart_axum::{RampartAuth, RequireAuth, scopes};
use rampart_client::{RampartClient, RampartMiddleware, TokenRequest};
use rampart_issuer::Issuer;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

scopes! {
    /// May read the report.
    ReportsRead = "reports:read";
}

type Error = Box<dyn std::error::Error>;

async fn report(caller: RequireAuth<ReportsRead>) -> String {
    format!("the report, for {}", caller.sub)
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

struct Parties {
    api: RampartAuth,
    caller: RampartClient,
    issuer: Option<Issuer>,
}

async fn parties() -> Result<Parties, Error> {
    let audience = variable("API_AUDIENCE", "task-api");
    if let Some(url) = std::env::var_os("RAMPART_URL").filter(|url| !url.is_empty()) {
        let api = RampartAuth::new(url.to_string_lossy(), audience)?;
        return Ok(Parties { api, caller: RampartClient::from_env()?, issuer: None });
    }
    let issuer = Issuer::builder().audience(&audience).start().await?;
    // Short enough to see tokens being renewed, long enough to survive a while without the issuer.
    issuer.token_lifetime(Duration::from_secs(120));
    println!("RAMPART_URL is not set, so a local issuer is running at {}", issuer.url());
    println!("Type stop, start or rotate, and watch the calls go on.");
    let caller = RampartClient::builder(issuer.url(), "service", "service-secret").build()?;
    Ok(Parties { api: RampartAuth::new(issuer.url(), audience)?, caller, issuer: Some(issuer) })
}

async fn call(http: &ClientWithMiddleware, url: &str) -> Result<String, Error> {
    let response = http.get(url).send().await?;
    let status = response.status();
    Ok(format!("{status}: {}", response.text().await?))
}

/// The next line, or never where standard input has ended.
async fn next_line(lines: &mut Lines<BufReader<Stdin>>) -> String {
    match lines.next_line().await {
        Ok(Some(line)) => line,
        _ => std::future::pending().await,
    }
}

fn obey(command: &str, issuer: &Issuer) -> io::Result<()> {
    match command.trim() {
        "stop" => issuer.stop(),
        "start" => issuer.restart()?,
        "rotate" => drop(issuer.rotate()?),
        _ => return Err(io::Error::other("type stop, start or rotate")),
    }
    println!("-- the issuer: {}", command.trim());
    Ok(())
}

async fn run() -> Result<(), Error> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "rampart=info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let Parties { api, caller, issuer } = parties().await?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let app = Router::new().route("/report", get(report)).with_state(api);
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    let tokens = RampartMiddleware::new(caller, TokenRequest::new(["reports:read"]), [&origin])?;
    let http = ClientBuilder::new(reqwest::Client::builder().no_proxy().build()?).with(tokens).build();
    let url = format!("{origin}/report");
    let mut every_second = interval(Duration::from_secs(1));
    every_second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            _ = every_second.tick() => match call(&http, &url).await {
                Ok(answer) => println!("{answer}"),
                Err(error) => println!("no answer: {error}"),
            },
            line = next_line(&mut lines) => match &issuer {
                Some(issuer) => obey(&line, issuer).unwrap_or_else(|error| println!("-- {error}")),
                None => println!("-- the issuer is not ours to command"),
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    server.abort();
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
