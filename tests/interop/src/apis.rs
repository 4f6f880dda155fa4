//! The three Task APIs, configured alike and asked the same.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use rampart_conformance::wire::Connection;
use rampart_core::RampartAuth;
use serde_json::Value;
use task_api_shared::Store;

use crate::answer::Answer;

/// Longer than an issuer that was away for a while is left in peace.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Task API on each framework.
#[derive(Debug)]
pub struct TaskApis([(&'static str, SocketAddr); 3]);

impl TaskApis {
    /// Starts them with these settings, whose names are those of a configuration file. As the programs do, each fetches the issuer's
    /// keys first, and serves all the same where these cannot be had.
    pub fn start(settings: &Value) -> Self {
        let auth = || RampartAuth::from_settings(serde_json::from_value(settings.clone()).unwrap()).unwrap();
        Self([("axum", serve(auth(), axum)), ("actix-web", serve(auth(), actix)), ("Rocket", serve(auth(), rocket))])
    }

    /// Asks all three, and gives the answer that they agree on.
    pub fn agreed(&self, line: &str, token: Option<&str>) -> Answer {
        let [first, others @ ..] = self.0.map(|(name, address)| (name, ask(address, line, token)));
        for (name, answer) in others {
            assert_eq!(answer, first.1, "{name} and {} differ about {line}", first.0);
        }
        first.1
    }

    /// Asserts that a token is refused with this answer wherever it is looked at: by a guard, by one of roles, by one of scopes, and
    /// where none is needed.
    pub fn refuse(&self, what: &str, token: &str, refusal: &Answer) {
        let lines =
            ["GET /api/data", "GET /api/admin/stats", "POST /api/tasks", "POST /api/emails/send", "GET /api/feed"];
        for line in lines {
            assert_eq!(&self.agreed(line, Some(token)), refusal, "{what}: {line}");
        }
    }

    /// Asserts that a token lets its user in, and that a handler sees the user's name.
    pub fn accept(&self, what: &str, token: &str, sub: &str) {
        let answer = self.agreed("GET /api/data", Some(token));
        assert_eq!(answer, Answer::ok(&format!(r#"{{"user":"{sub}"}}"#)), "{what}");
        let answer = self.agreed("GET /api/feed", Some(token));
        assert_eq!(answer, Answer::ok(&format!(r#"{{"feed":"personalized","user":"{sub}"}}"#)), "{what}");
    }

    /// Asks each until it no longer gives this answer, and gives the one that they agree on then.
    pub fn after(&self, former: &Answer, line: &str, token: &str) -> Answer {
        let end = Instant::now() + PATIENCE;
        for (name, address) in self.0 {
            while ask(address, line, Some(token)) == *former {
                assert!(Instant::now() < end, "{name} goes on to answer {former:?}");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        self.agreed(line, Some(token))
    }
}

fn ask(address: SocketAddr, line: &str, token: Option<&str>) -> Answer {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request =
        format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}Content-Length: 0\r\n\r\n");
    Connection::open(address).unwrap().ask(request.as_bytes()).unwrap().into()
}

/// Says where a server listens.
type Tell = mpsc::Sender<SocketAddr>;

fn serve(auth: RampartAuth, on: fn(RampartAuth, Tell)) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || on(auth, tell));
    told.recv().unwrap()
}

fn listen() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn axum(auth: RampartAuth, tell: Tell) {
    runtime().block_on(async {
        let _ = auth.warm_up().await;
        let listener = tokio::net::TcpListener::from_std(listen()).unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        ::axum::serve(listener, task_api_axum::app(auth)).await.unwrap();
    });
}

fn actix(auth: RampartAuth, tell: Tell) {
    actix_web::rt::System::new().block_on(async {
        let _ = auth.warm_up().await;
        let listener = listen();
        let address = listener.local_addr().unwrap();
        let store = Data::new(Store::default());
        let server = HttpServer::new(move || {
            App::new()
                .configure(|config| task_api_actix::configure(config, &auth, store.clone()))
                .wrap(task_api_actix::cors())
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        tell.send(address).unwrap();
        server.await.unwrap();
    });
}

fn rocket(auth: RampartAuth, tell: Tell) {
    runtime().block_on(async {
        let _ = auth.warm_up().await;
        let shutdown = ::rocket::config::Shutdown { ctrlc: false, ..::rocket::config::Shutdown::default() };
        let log_level = ::rocket::config::LogLevel::Off;
        let config = ::rocket::Config { port: 0, log_level, shutdown, ..::rocket::Config::debug_default() };
        // Rocket chooses the port itself and tells it once it listens.
        let tell = ::rocket::fairing::AdHoc::on_liftoff("Tell the address", move |rocket| {
            Box::pin(async move { tell.send((Ipv4Addr::LOCALHOST, rocket.config().port).into()).unwrap() })
        });
        task_api_rocket::app(::rocket::custom(config), auth).unwrap().attach(tell).launch().await.unwrap();
    });
}
