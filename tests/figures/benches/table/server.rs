//! The server that is put under load: this program once more, as a process of its own, so that its CPU time can be read.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rampart_core::RampartAuth;
use rampart_issuer::LocalIssuer;

/// A framework under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    Axum,
    Actix,
    Rocket,
}

/// What its one route, `/task`, does before it answers. In every case but one its handler takes the method of the request,
/// as real handlers take something: the framework's own cost of a first parameter is not the cost of auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing, and the handler takes nothing.
    Bare,
    /// Nothing.
    Open,
    /// A full verification of each request.
    Cold,
    /// A verification with the token cache, as it comes.
    Warm,
    /// The same by a layer around the route.
    Layer,
    /// By a layer that demands a scope.
    Scopes,
}

impl Framework {
    pub const ALL: [Self; 3] = [Self::Axum, Self::Actix, Self::Rocket];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Actix => "actix-web",
            Self::Rocket => "Rocket",
        }
    }
}

impl Guard {
    const ALL: &[Self] = &[Self::Open, Self::Warm, Self::Layer, Self::Scopes, Self::Bare, Self::Cold];

    /// Those that a framework has: Rocket has no layers.
    pub fn of(framework: Framework) -> impl Iterator<Item = Self> {
        let has_layers = framework != Framework::Rocket;
        Self::ALL.iter().copied().filter(move |own| has_layers || !matches!(own, Self::Layer | Self::Scopes))
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "no auth, no parameter",
            Self::Open => "no auth",
            Self::Cold => "auth, token cache off",
            Self::Warm => "auth, token cached",
            Self::Layer => "layer, token cached",
            Self::Scopes => "layer of a scope, token cached",
        }
    }
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

const SERVE: &str = "--serve";

impl Server {
    /// Starts one that fetches its keys from `issuer` when the first token comes.
    pub fn start(framework: Framework, guard: Guard, issuer: &LocalIssuer, ttl: Duration) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, framework.name(), guard.name(), issuer.url(), issuer.audience(), &ttl.as_secs().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    /// CPU time that the threads of the process have had so far, in user and kernel, by the scheduler's own account.
    pub fn cpu_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanos = tasks.map(|task| {
            let account = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            account.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its input does; nothing is lost by being quick about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the server process: serves as the arguments say, and never returns then.
pub fn serve_if_asked() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, serve, framework, guard, issuer, audience, ttl] = arguments.as_slice() else { return };
    if serve != SERVE {
        return;
    }
    let framework = Framework::ALL.into_iter().find(|own| own.name() == framework).unwrap();
    let guard = Guard::of(framework).find(|own| own.name() == guard).unwrap();
    let mut auth = RampartAuth::builder(issuer, audience).jwks_cache_ttl(Duration::from_secs(ttl.parse().unwrap()));
    if guard == Guard::Cold {
        auth = auth.token_cache_bytes(0);
    }
    let auth = auth.build().unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    match framework {
        Framework::Axum => axum::serve(guard, auth),
        Framework::Actix => actix::serve(guard, auth),
        Framework::Rocket => rocket::serve(guard, auth),
    }
    std::process::exit(0);
}

fn listening(address: SocketAddr) {
    println!("{address}");
}

/// What a layer of a scope demands; every token of the load has it.
pub const SCOPE: &str = "tasks:read";
const TASK: &str = "{\"id\":7,\"title\":\"write the report\",\"done\":false}";

mod axum {
    use axum::Router;
    use axum::http::Method;
    use axum::routing::get;
    use rampart_axum::{RampartAuth, RampartAuthExt, RequireAuth};
    use tokio::net::TcpListener;

    use super::{Guard, SCOPE};

    async fn bare() -> &'static str {
        super::TASK
    }

    async fn open(_: Method) -> &'static str {
        super::TASK
    }

    async fn guarded(_: Method, _user: RequireAuth) -> &'static str {
        super::TASK
    }

    pub fn serve(guard: Guard, auth: RampartAuth) {
        let handler = match guard {
            Guard::Bare => get(bare),
            Guard::Open | Guard::Layer | Guard::Scopes => get(open),
            Guard::Cold | Guard::Warm => get(guarded),
        };
        let router = Router::new().route("/task", handler);
        let router = match guard {
            Guard::Layer => router.layer(auth.require_auth()),
            Guard::Scopes => router.layer(auth.require_scopes([SCOPE])),
            _ => router,
        };
        let router = router.with_state(auth);
        super::one_worker().block_on(async {
            let listener = TcpListener::bind((super::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            super::listening(listener.local_addr().unwrap());
            axum::serve(listener, router).await.unwrap();
        });
    }
}

mod actix {
    use actix_web::http::Method;
    use actix_web::web::{Data, get, scope};
    use actix_web::{App, HttpServer};
    use rampart_actix::{RampartAuth, RampartAuthExt, RequireAuth};

    use super::{Guard, SCOPE};

    async fn bare() -> &'static str {
        super::TASK
    }

    async fn open(_: Method) -> &'static str {
        super::TASK
    }

    async fn guarded(_: Method, _user: RequireAuth) -> &'static str {
        super::TASK
    }

    pub fn serve(guard: Guard, auth: RampartAuth) {
        actix_web::rt::System::new().block_on(async {
            let server = HttpServer::new(move || {
                App::new().app_data(Data::new(auth.clone())).configure(|config| {
                    match guard {
                        Guard::Bare => config.route("/task", get().to(bare)),
                        Guard::Open => config.route("/task", get().to(open)),
                        Guard::Cold | Guard::Warm => config.route("/task", get().to(guarded)),
                        Guard::Layer => {
                            config.service(scope("").wrap(auth.require_auth()).route("/task", get().to(open)))
                        }
                        Guard::Scopes => {
                            config.service(scope("").wrap(auth.require_scopes([SCOPE])).route("/task", get().to(open)))
                        }
                    };
                })
            });
            // The default queue of 1,024 connections is what a burst of first requests meets.
            let server = server.workers(1).disable_signals().bind((super::Ipv4Addr::LOCALHOST, 0)).unwrap();
            super::listening(server.addrs()[0]);
            server.run().await.unwrap();
        });
    }
}

mod rocket {
    #![allow(missing_docs, clippy::needless_pass_by_value, reason = "the form that Rocket's attributes ask for")]

    use rampart_rocket::{Rampart, RampartAuth, RequireAuth};
    use rocket::config::{LogLevel, Shutdown};
    use rocket::fairing::AdHoc;
    use rocket::http::Method;
    use rocket::{Config, get, routes};

    use super::Guard;

    #[get("/task")]
    fn bare() -> &'static str {
        super::TASK
    }

    #[get("/task")]
    fn open(_method: Method) -> &'static str {
        super::TASK
    }

    #[get("/task")]
    fn guarded(_method: Method, _user: RequireAuth) -> &'static str {
        super::TASK
    }

    pub fn serve(guard: Guard, auth: RampartAuth) {
        let shutdown = Shutdown { ctrlc: false, signals: [].into(), ..Shutdown::default() };
        let address = super::Ipv4Addr::LOCALHOST.into();
        let config = Config { address, port: 0, log_level: LogLevel::Off, shutdown, ..Config::release_default() };
        let rocket = rocket::custom(config).attach(AdHoc::on_liftoff("address", |rocket| {
            let config = rocket.config();
            super::listening((config.address, config.port).into());
            Box::pin(async {})
        }));
        let rocket = match guard {
            Guard::Bare => rocket.mount("/", routes![bare]),
            Guard::Cold | Guard::Warm => rocket.mount("/", routes![guarded]).attach(Rampart::fairing(auth)),
            Guard::Open | Guard::Layer | Guard::Scopes => rocket.mount("/", routes![open]),
        };
        super::one_worker().block_on(async { drop(rocket.launch().await.unwrap()) });
    }
}

fn one_worker() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
