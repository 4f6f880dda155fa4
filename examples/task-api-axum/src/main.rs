//! The Task API on axum: `cargo run --bin task-api-axum`.

use std::process::ExitCode;

use axum::serve;
use task_api_axum::app;

#[tokio::main]
async fn main() -> ExitCode {
    let running = match task_api_shared::start("axum").await {
        Ok(running) => running,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let served = async { serve(tokio::net::TcpListener::from_std(running.listener)?, app(running.auth)).await };
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
