//! The back end of the Rampart project's sample front ends, on axum: `cargo run --bin rampart-sample-backend`.

use std::env::{self, VarError};
use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use axum::http::{HeaderValue, Method, header};
use axum::{Json, Router, routing::get};
use config_file::ConfigFile;
use rampart_axum::{RampartAuth, RequireAuth, roles};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

roles!(Editor = "editor");
roles!(Manager = "manager");

/// The front ends' own addresses: React, and without a framework.
const FRONT_ENDS: [HeaderValue; 2] =
    [HeaderValue::from_static("http://localhost:3002"), HeaderValue::from_static("http://localhost:3000")];

async fn profile(user: RequireAuth) -> Json<Value> {
    Json(json!({"message": "Authenticated!", "user": {
        "id": user.sub, "email": user.email, "username": user.preferred_username, "org_id": user.org_id,
        "email_verified": user.email_verified, "given_name": user.given_name, "family_name": user.family_name,
        "roles": user.roles,
    }}))
}

async fn claims(user: RequireAuth) -> Json<Value> {
    Json(user.to_json())
}

async fn dashboard(user: RequireAuth<Editor>) -> Json<Value> {
    Json(json!({"message": "Welcome, Editor!", "user": user.preferred_username, "roles": user.roles,
        "data": {"drafts": 3, "published": 12, "pending_review": 2}}))
}

async fn reports(user: RequireAuth<Manager>) -> Json<Value> {
    Json(json!({"message": "Manager Reports", "user": user.preferred_username, "roles": user.roles, "reports": [
        {"name": "Q1 Revenue", "status": "complete"}, {"name": "User Growth", "status": "in_progress"},
    ]}))
}

fn app(issuer: String, auth: RampartAuth) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(FRONT_ENDS)
        .allow_methods([Method::GET])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER]);
    Router::new()
        .route("/api/health", get(async move || Json(json!({"status": "ok", "issuer": issuer}))))
        .route("/api/profile", get(profile))
        .route("/api/claims", get(claims))
        .route("/api/editor/dashboard", get(dashboard))
        .route("/api/manager/reports", get(reports))
        .layer(cors)
        .with_state(auth)
}

fn variable(name: &str, default: &str) -> Result<String, String> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Err(VarError::NotPresent) => Ok(default.to_owned()),
        _ => Err(format!("{name} is set, but empty or no text: unset it for {default}")),
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    if env::args_os().len() > 1 {
        return Err("there are no arguments: the variables RAMPART_ISSUER, or RAMPART_CONFIG in its place, and PORT set this program up".into());
    }
    let port = variable("PORT", "3001")?;
    let port: u16 = port.parse().map_err(|_| format!("PORT is {port:?}, which is no port number"))?;
    let (issuer, auth) = match ConfigFile::from_env(&["RAMPART_ISSUER"])? {
        Some(file) => {
            let auth = file.auth()?;
            (auth.issuers().into_iter().map(|issuer| issuer.name).collect::<Vec<_>>().join(", "), auth)
        }
        None => {
            let issuer = variable("RAMPART_ISSUER", "http://localhost:8080")?;
            // Tokens that the issuer has given to the sample front ends, or to a user who signed in directly.
            let auth = RampartAuth::builder(&issuer, "sample-react-app").audiences([&issuer]).build();
            let auth = auth.map_err(|error| format!("{error} (it is read from RAMPART_ISSUER)"))?;
            (issuer, auth)
        }
    };
    // Where the issuer is away the log says so, and it is asked again as requests come.
    let _ = auth.warm_up().await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|error| format!("port {port}: {error}; set PORT to another port"))?;
    println!("Sample back end: http://{}, for tokens of {issuer}", listener.local_addr()?);
    Ok(axum::serve(listener, app(issuer, auth)).await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    // Why a token is refused stands in the log, and nowhere else.
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).init();
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}
