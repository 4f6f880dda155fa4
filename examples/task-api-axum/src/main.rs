//! The Task API on axum: `cargo run --bin task-api-axum`.

use std::io::{self, Write};
use std::process::ExitCode;

use axum::middleware::map_response;
use axum::serve;
use task_api_axum::{app, app_with_page};
use task_api_shared::{DpopMode, Running};

#[tokio::main]
async fn main() -> ExitCode {
    let Running { auth, revocations, listener, issuer, custom_errors, dpop } =
        match task_api_shared::start("axum").await {
            Ok(running) => running,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        };
    let app = match &issuer {
        // The page has bearer tokens.
        Some(issuer) if dpop != Some(DpopMode::Required) => {
            if let Ok(address) = listener.local_addr() {
                // Whoever reads may have gone by now; the API stays.
                let _ = writeln!(io::stdout(), "\nOr open http://{address}/ in a browser.");
            }
            app_with_page(auth, revocations, issuer.clone())
        }
        _ => app(auth, revocations),
    };
    let app = if custom_errors { app.layer(map_response(task_api_axum::custom_errors)) } else { app };
    let served = async { serve(tokio::net::TcpListener::from_std(listener)?, app).await };
    tokio::select! {
        result = served => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the server stopped: {error}");
                ExitCode::FAILURE
            }
        },
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}
