//! The axum server that is put under load: this program once more, as a process of its own, so that its CPU time can be read.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use axum::routing::get;
use axum::{Extension, Router};
use huskarl_axum::extractors::ValidatedToken;
use huskarl_axum::layers::ValidatorLayer;
use huskarl_resource_server::validator::rfc9068::Rfc9068AccessTokenClaims;
use oauth_resource_server::AuthorizedToken;
use oauth_resource_server::axum::AuthLayer;
use oauth_resource_server::static_token_policy;
use rampart_axum::{Algorithm, RampartAuth, RequireAuth};
use rampart_issuer::LocalIssuer;

use crate::peers::{self, Claims};

/// What stands before the one route, `/task`. Its handler takes the claims as the documentation shows, and the method
/// of the request, as real handlers take something: the framework's own cost of a first parameter is not the cost of auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Open,
    Cold,
    Warm,
    Huskarl,
    OauthResourceServer,
    TowerOauth2,
}

impl Guard {
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Cold, Self::Warm, Self::Huskarl, Self::OauthResourceServer, Self::TowerOauth2];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "no auth",
            Self::Cold => "Rampart, full verification",
            Self::Warm => "Rampart, cached token",
            Self::Huskarl => "huskarl-axum",
            Self::OauthResourceServer => "oauth-resource-server",
            Self::TowerOauth2 => "tower-oauth2-resource-server",
        }
    }
}

/// A running server; it ends with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

const SERVE: &str = "--serve";

impl Server {
    pub fn start(guard: Guard, issuer: &LocalIssuer) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, guard.name(), issuer.url(), issuer.audience()])
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the server process: serves as the arguments say, and never returns then.
pub fn serve_if_asked() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, serve, guard, issuer, audience] = arguments.as_slice() else { return };
    if serve != SERVE {
        return;
    }
    let guard = Guard::ALL.into_iter().find(|own| own.name() == guard).unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let router = router(guard, issuer, audience).await;
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        axum::serve(listener, router).await.unwrap();
    });
}

const TASK: &str = "{\"id\":7,\"title\":\"write the report\",\"done\":false}";

async fn router(guard: Guard, issuer: &str, audience: &str) -> Router {
    match guard {
        Guard::Open => Router::new().route("/task", get(async |_: Method| TASK)),
        Guard::Cold | Guard::Warm => {
            let auth = RampartAuth::builder(issuer, audience)
                .algorithms([Algorithm::RS256, Algorithm::ES256])
                .require_at_jwt(true);
            let auth = if guard == Guard::Cold { auth.token_cache_bytes(0) } else { auth };
            Router::new().route("/task", get(async |_: Method, _: RequireAuth| TASK)).with_state(auth.build().unwrap())
        }
        Guard::Huskarl => {
            let validator = peers::huskarl(issuer, audience, None).await;
            let layer = ValidatorLayer::builder().validator(validator).build();
            Router::new()
                .route("/task", get(async |_: Method, _: ValidatedToken<Rfc9068AccessTokenClaims<Claims>>| TASK))
                .layer(layer.authenticated())
        }
        Guard::OauthResourceServer => {
            let validator = peers::oauth_resource_server(issuer, audience).await;
            let decision = static_token_policy(None, Some(validator.config()), false).unwrap();
            let layer = AuthLayer::from_decision(decision, Some(Arc::clone(&validator))).unwrap();
            Router::new().route("/task", get(async |_: Method, _: AuthorizedToken| TASK)).route_layer(layer)
        }
        Guard::TowerOauth2 => {
            let server = peers::tower_oauth2_resource_server(issuer, audience).await;
            Router::new().route("/task", get(async |_: Method, _: Extension<Claims>| TASK)).layer(server.into_layer())
        }
    }
}
