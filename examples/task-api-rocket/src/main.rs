//! The Task API on Rocket: `cargo run --bin task-api-rocket`.

use std::process::ExitCode;

use rocket::catchers;
use rocket::config::LogLevel;
use task_api_rocket::app;
use task_api_shared::Running;

#[rocket::main]
async fn main() -> ExitCode {
    // The local issuer, if there is one, lives as long as the server.
    let running = match task_api_shared::start("Rocket").await {
        Ok(running) => running,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let Running { auth, revocations, listener, issuer: _issuer, custom_errors, .. } = running;
    // Rocket binds the address itself.
    let port = listener.local_addr().map_or(0, |address| address.port());
    drop(listener);
    let config = rocket::Config { port, log_level: LogLevel::Off, ..rocket::Config::default() };
    let rocket = match app(rocket::custom(config), auth, revocations) {
        Ok(rocket) => rocket,
        Err(error) => {
            eprintln!("CORS is not set up well: {error}");
            return ExitCode::FAILURE;
        }
    };
    let rocket = if custom_errors { rocket.register("/", catchers![task_api_rocket::unauthorized]) } else { rocket };
    match rocket.launch().await {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the server stopped: {error}");
            ExitCode::FAILURE
        }
    }
}
