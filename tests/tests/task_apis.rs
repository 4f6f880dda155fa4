//! The three Task APIs, asked the same over real sockets: the answers are the same, byte for byte.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{LazyLock, mpsc};

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use rampart_core::RampartAuth;
use rampart_issuer::{Algorithm, LocalIssuer};
use rampart_tests::wire::{Connection, Reply};
use task_api_shared::Store;

struct World {
    issuer: LocalIssuer,
    apis: [(&'static str, SocketAddr); 3],
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    let auth = || RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let apis = [("axum", axum(auth())), ("actix-web", actix(auth())), ("Rocket", rocket(auth()))];
    World { issuer, apis }
});

fn free_port() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn axum(auth: RampartAuth) -> SocketAddr {
    let listener = free_port();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, task_api_axum::app(auth)).await.unwrap();
        });
    });
    address
}

fn actix(auth: RampartAuth) -> SocketAddr {
    let listener = free_port();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let store = Data::new(Store::default());
        let server = HttpServer::new(move || {
            App::new()
                .configure(|config| task_api_actix::configure(config, &auth, store.clone()))
                .wrap(task_api_actix::cors())
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        actix_web::rt::System::new().block_on(server).unwrap();
    });
    address
}

fn rocket(auth: RampartAuth) -> SocketAddr {
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
        let rocket = task_api_rocket::app(rocket::custom(config), auth).unwrap().attach(tell);
        runtime.block_on(rocket.launch()).unwrap();
    });
    (Ipv4Addr::LOCALHOST, port.recv().unwrap()).into()
}

/// The part of an answer that is the contract.
#[derive(Debug, PartialEq)]
struct Contract {
    status: u16,
    content_type: Option<String>,
    cache_control: Option<String>,
    challenge: Option<String>,
    body: String,
}

impl From<Reply> for Contract {
    fn from(reply: Reply) -> Self {
        let header = |name| reply.header(name).map(str::to_owned);
        Self {
            status: reply.status,
            content_type: header("content-type"),
            cache_control: header("cache-control"),
            challenge: header("www-authenticate"),
            body: reply.body.clone(),
        }
    }
}

fn ask(address: SocketAddr, line: &str, token: Option<&str>, body: Option<&str>) -> Contract {
    let mut request = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some(token) = token {
        write!(request, "Authorization: Bearer {token}\r\n").unwrap();
    }
    let body = body.unwrap_or_default();
    write!(request, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    Connection::open(address).unwrap().ask(request.as_bytes()).unwrap().into()
}

/// Asks all three, and gives the answer that they agree on.
fn agreed(line: &str, token: Option<&str>, body: Option<&str>) -> Contract {
    let [first, others @ ..] = WORLD.apis.map(|(name, address)| (name, ask(address, line, token, body)));
    for (name, answer) in others {
        assert_eq!(answer, first.1, "{name} and {} differ about {line}", first.0);
    }
    first.1
}

/// R8.
#[test]
fn every_route_answers_alike_with_and_without_its_right() {
    let token = WORLD.issuer.token().expires_in(3600).sub("ada");
    let user = token.sign().unwrap();
    let writer = token.clone().sub("writer").scope("tasks:write email:send").sign().unwrap();
    let admin = token.clone().sub("root").roles(["admin"]).sign().unwrap();
    let task = Some(r#"{"title":"Mine"}"#);
    let email = Some(r#"{"to":"a@example.com","subject":"Hi","body":"there"}"#);
    // The request, its body, and the status without a token, as a user, a writer and an admin.
    let routes = [
        ("GET /health", None, [200, 200, 200, 200]),
        ("GET /api/profile", None, [401, 200, 200, 200]),
        ("GET /api/tasks", None, [401, 200, 200, 200]),
        ("POST /api/tasks", task, [401, 403, 201, 403]),
        ("POST /api/tasks", Some("{}"), [401, 403, 400, 403]),
        ("POST /api/tasks", Some(r#"{"title":" "}"#), [401, 403, 422, 403]),
        ("GET /api/admin/tasks", None, [401, 403, 403, 200]),
        ("GET /api/admin/stats", None, [401, 403, 403, 200]),
        ("DELETE /api/admin/users/writer", None, [401, 403, 403, 200]),
        ("POST /api/emails/send", email, [401, 403, 202, 403]),
        ("POST /api/emails/send", Some("no json"), [401, 403, 400, 403]),
        ("GET /api/feed", None, [200, 200, 200, 200]),
    ];
    for (line, body, statuses) in routes {
        let who = [None, Some(&*user), Some(&*writer), Some(&*admin)];
        for (token, status) in who.into_iter().zip(statuses) {
            let answer = agreed(line, token, body);
            assert_eq!(answer.status, status, "{line}: {answer:?}");
            assert_eq!(answer.content_type.as_deref(), Some("application/json"), "{line}");
            assert_eq!(answer.challenge.is_some(), matches!(status, 401 | 403), "{line}");
        }
    }
}

#[test]
fn bad_tokens_are_refused_alike_everywhere_and_on_the_optional_route_too() {
    let stranger = WORLD.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    let bad = [
        ("forged", WORLD.issuer.token().key(&stranger).kid(WORLD.issuer.key().kid()).sign().unwrap(), "invalid_token"),
        ("malformed", "x".to_owned(), "invalid_token"),
        ("expired", WORLD.issuer.token().at(1_700_000_000).sign().unwrap(), "token_expired"),
        ("for another", WORLD.issuer.token().audience("another").sign().unwrap(), "invalid_token"),
        ("without sub", WORLD.issuer.token().without("sub").sign().unwrap(), "invalid_token"),
    ];
    for (what, token, code) in bad {
        for line in
            ["GET /api/profile", "POST /api/tasks", "GET /api/admin/stats", "POST /api/emails/send", "GET /api/feed"]
        {
            let answer = agreed(line, Some(&token), None);
            assert_eq!(answer.status, 401, "{what}, {line}");
            assert!(answer.body.starts_with(&format!("{{\"error\":\"{code}\",")), "{what}, {line}: {}", answer.body);
            assert_eq!(answer.cache_control.as_deref(), Some("no-store"));
        }
    }
}

#[test]
fn preflight_needs_no_token_and_rejections_are_readable_across_origins() {
    for (name, address) in WORLD.apis {
        let preflight = format!(
            "OPTIONS /api/tasks HTTP/1.1\r\nHost: {address}\r\nOrigin: http://localhost:5173\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization, content-type\r\n\r\n"
        );
        let mut connection = Connection::open(address).unwrap();
        let reply = connection.ask(preflight.as_bytes()).unwrap();
        assert!(matches!(reply.status, 200 | 204), "{name}: {}", reply.status);
        assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"), "{name}");
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"), "{name}");
        assert!(
            reply.header("access-control-allow-headers").unwrap().to_lowercase().contains("authorization"),
            "{name}"
        );

        let request = format!("GET /api/profile HTTP/1.1\r\nHost: {address}\r\nOrigin: http://localhost:5173\r\n\r\n");
        let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
        assert_eq!(reply.status, 401, "{name}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"), "{name}");
        let exposed = reply.header("access-control-expose-headers").unwrap().to_lowercase();
        let exposed: BTreeSet<_> = exposed.split(',').map(str::trim).collect();
        assert_eq!(exposed, BTreeSet::from(["retry-after", "www-authenticate"]), "{name}");

        let request = format!("GET /api/profile HTTP/1.1\r\nHost: {address}\r\nOrigin: https://evil.example\r\n\r\n");
        let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
        assert_ne!(reply.header("access-control-allow-origin"), Some("https://evil.example"), "{name}");
    }
}
