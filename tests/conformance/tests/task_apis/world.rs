//! The three Task APIs on real sockets, and one that asks them all the same.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{LazyLock, mpsc};

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use axum::middleware::map_response;
use rampart_actix::{RampartConfig, responses};
use rampart_conformance::wire::{Connection, Reply};
use rampart_core::{RampartAuth, RampartAuthBuilder, Revocations};
use rampart_issuer::{Algorithm, Builder, LocalIssuer, TokenBuilder};
use task_api_shared::Store;

pub(crate) struct World {
    pub(crate) issuer: LocalIssuer,
    pub(crate) apis: [(&'static str, SocketAddr); 3],
}

/// For tests that leave no task behind, or do not look at them.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| World::start(false).warm());

impl World {
    pub(crate) fn start(custom_errors: bool) -> Self {
        // Without keys nothing vouches for the exp of a token, so that one that has expired is only invalid.
        Self::with_keys(custom_errors, true)
    }

    pub(crate) fn with_keys(custom_errors: bool, fetched: bool) -> Self {
        Self::of(custom_errors, fetched, |issuer| RampartAuth::builder(issuer.url(), issuer.audience()))
    }

    /// With an object for each API.
    pub(crate) fn of(custom_errors: bool, fetched: bool, auth: impl Fn(&LocalIssuer) -> RampartAuthBuilder) -> Self {
        Self::beside(LocalIssuer::builder().algorithm(Algorithm::ES256), custom_errors, fetched, auth)
    }

    /// With an issuer of the test's own.
    pub(crate) fn beside(
        issuer: Builder,
        custom_errors: bool,
        fetched: bool,
        auth: impl Fn(&LocalIssuer) -> RampartAuthBuilder,
    ) -> Self {
        Self::sharing(issuer, custom_errors, fetched, auth, Revocations::new)
    }

    /// With revocations of the test's own: asked for once for each API.
    pub(crate) fn sharing(
        issuer: Builder,
        custom_errors: bool,
        fetched: bool,
        auth: impl Fn(&LocalIssuer) -> RampartAuthBuilder,
        revocations: impl Fn() -> Revocations,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let issuer = runtime.block_on(issuer.start()).unwrap();
        let auth = || {
            let revocations = revocations();
            let auth = auth(&issuer).revocations(revocations.clone()).build().unwrap();
            if fetched {
                runtime.block_on(auth.warm_up()).unwrap();
            }
            Protection { auth, revocations }
        };
        let apis = [
            ("axum", axum(auth(), custom_errors)),
            ("actix-web", actix(auth(), custom_errors)),
            ("Rocket", rocket(auth(), custom_errors)),
        ];
        Self { issuer, apis }
    }

    /// With the issuer's keys at hand, as each program is once it has started: without them, nobody can say that a token has expired.
    pub(crate) fn warm(self) -> Self {
        let token = self.token("warm").sign().unwrap();
        assert_eq!(self.agreed("GET /api/data", Some(&token), None).status, 200);
        self
    }

    pub(crate) fn token(&self, sub: &str) -> TokenBuilder {
        self.issuer.token().expires_in(3600).sub(sub)
    }

    /// Asks all three, and gives the answer that they agree on.
    pub(crate) fn agreed(&self, line: &str, token: Option<&str>, body: Option<&str>) -> Contract {
        self.agreed_on(line, |address| ask(address, line, token, body))
    }

    /// The same, asked in another way.
    pub(crate) fn agreed_on(&self, what: &str, ask: impl Fn(SocketAddr) -> Contract) -> Contract {
        let [first, others @ ..] = self.apis.map(|(name, address)| (name, ask(address)));
        for (name, answer) in others {
            assert_eq!(answer, first.1, "{name} and {} differ about {what}", first.0);
        }
        first.1
    }
}

/// What an API goes by.
struct Protection {
    auth: RampartAuth,
    revocations: Revocations,
}

fn free_port() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn axum(Protection { auth, revocations }: Protection, custom_errors: bool) -> SocketAddr {
    let listener = free_port();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let app = task_api_axum::app(auth, revocations);
            let app = if custom_errors { app.layer(map_response(task_api_axum::custom_errors)) } else { app };
            axum::serve(listener, app).await.unwrap();
        });
    });
    address
}

fn actix(Protection { auth, revocations }: Protection, custom_errors: bool) -> SocketAddr {
    let listener = free_port();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let store = Data::new(Store::default());
        let server = HttpServer::new(move || {
            let refusals = RampartConfig::default();
            let refusals = if custom_errors { refusals.error_handler(task_api_actix::custom_errors) } else { refusals };
            App::new()
                .app_data(refusals)
                .configure(|config| task_api_actix::configure(config, &auth, &revocations, store.clone()))
                .wrap(responses())
                .wrap(task_api_actix::cors())
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        actix_web::rt::System::new().block_on(server).unwrap();
    });
    address
}

fn rocket(Protection { auth, revocations }: Protection, custom_errors: bool) -> SocketAddr {
    let (sender, port) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shutdown = rocket::config::Shutdown { ctrlc: false, ..rocket::config::Shutdown::default() };
        let log_level = rocket::config::LogLevel::Off;
        let config = rocket::Config { port: 0, log_level, shutdown, ..rocket::Config::debug_default() };
        // Rocket chooses the port itself and tells it once it listens.
        let tell = rocket::fairing::AdHoc::on_liftoff("Tell the port", move |rocket| {
            Box::pin(async move { sender.send(rocket.config().port).unwrap() })
        });
        let rocket = task_api_rocket::app(rocket::custom(config), auth, revocations).unwrap().attach(tell);
        let rocket =
            if custom_errors { rocket.register("/", rocket::catchers![task_api_rocket::unauthorized]) } else { rocket };
        runtime.block_on(rocket.launch()).unwrap();
    });
    (Ipv4Addr::LOCALHOST, port.recv().unwrap()).into()
}

/// The part of an answer that is the contract.
#[derive(Debug, PartialEq)]
pub(crate) struct Contract {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    /// Each in a line of its own.
    pub(crate) challenge: Option<String>,
    /// Whether there is one; which one depends on the moment.
    pub(crate) nonce: bool,
    pub(crate) body: String,
}

impl From<Reply> for Contract {
    fn from(reply: Reply) -> Self {
        let header = |name| reply.header(name).map(str::to_owned);
        let challenges: Vec<_> = reply.values("www-authenticate").collect();
        Self {
            status: reply.status,
            content_type: header("content-type"),
            cache_control: header("cache-control"),
            challenge: (!challenges.is_empty()).then(|| challenges.join("\n")),
            nonce: reply.header("dpop-nonce").is_some(),
            body: reply.body.clone(),
        }
    }
}

pub(crate) fn request(address: SocketAddr, line: &str, token: Option<&str>, body: &str) -> String {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// With further headers, each in a line.
pub(crate) fn ask_with(address: SocketAddr, request: &str, headers: &str) -> Contract {
    let request = request.replacen("Connection", &format!("{headers}Connection"), 1);
    Connection::open(address).unwrap().ask(request.as_bytes()).unwrap().into()
}

pub(crate) fn ask(address: SocketAddr, line: &str, token: Option<&str>, body: Option<&str>) -> Contract {
    let request = request(address, line, token, body.unwrap_or_default());
    Connection::open(address).unwrap().ask(request.as_bytes()).unwrap().into()
}
