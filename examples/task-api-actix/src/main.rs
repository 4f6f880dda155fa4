//! The Task API on actix-web: `cargo run --bin task-api-actix`.

use std::process::ExitCode;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use rampart_actix::{RampartConfig, responses};
use task_api_actix::{configure, cors};
use task_api_shared::{Running, Store};

#[actix_web::main]
async fn main() -> ExitCode {
    // The local issuer, if there is one, lives as long as the server.
    let running = match task_api_shared::start("actix-web").await {
        Ok(running) => running,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let Running { auth, revocations, listener, issuer: _issuer, custom_errors, .. } = running;
    let store = Data::new(Store::default());
    let server = HttpServer::new(move || {
        let refusals = RampartConfig::default();
        let refusals = if custom_errors { refusals.error_handler(task_api_actix::custom_errors) } else { refusals };
        App::new()
            .app_data(refusals)
            .configure(|config| configure(config, &auth, &revocations, store.clone()))
            .wrap(responses())
            .wrap(cors())
    });
    let served = async { server.listen(listener)?.run().await };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the server stopped: {error}");
            ExitCode::FAILURE
        }
    }
}
