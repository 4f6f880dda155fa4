//! The server's own side: the Task API of a framework, with everything on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use rampart_client::RampartClient;
use rampart_core::{Dpop, Grants, Introspection, Issuer, RampartAuth, Revocations};
use rampart_redis::{RedisStore, RedisStoreBuilder};
use task_api_shared::Store;

/// The API as its callers see it.
pub(crate) const PUBLIC_URL: &str = "https://api.soak.example";
/// What it is registered under at the issuer that it asks about opaque tokens.
pub(crate) const CLIENT: &str = "soak-api";
pub(crate) const SECRET: &str = "soak-api-secret";
/// What the issuer's answers of introspection may take: few enough that they are all there before memory is measured.
const ANSWERS: usize = 1 << 20;
/// Fewer than there are tenants that come to nothing.
pub(crate) const MOST_TENANTS: usize = 64;
/// More than the default, so that a busy machine is not taken for a Redis that is away.
const DEADLINE: Duration = Duration::from_millis(500);

/// What the server is told.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) framework: String,
    pub(crate) audience: String,
    pub(crate) ttl: Duration,
    /// The first issuer, whose keys rotate.
    pub(crate) home: String,
    /// Whose tokens may grant the role `user` and nothing else.
    pub(crate) partner: String,
    /// Who is asked about opaque tokens.
    pub(crate) asked: String,
    /// Whose keys the tenants have.
    pub(crate) tenants: String,
    pub(crate) redis: String,
}

impl Setup {
    pub(crate) fn arguments(&self) -> [String; 8] {
        let Self { framework, audience, ttl, home, partner, asked, tenants, redis } = self.clone();
        [framework, audience, ttl.as_secs().to_string(), home, partner, asked, tenants, redis]
    }

    fn of(arguments: Vec<String>) -> Option<Self> {
        let [framework, audience, ttl, home, partner, asked, tenants, redis] = arguments.try_into().ok()?;
        let ttl = Duration::from_secs(ttl.parse().ok()?);
        Some(Self { framework, audience, ttl, home, partner, asked, tenants, redis })
    }

    async fn auth(&self) -> (RampartAuth, Revocations) {
        let store = store(&self.redis).connect().await.unwrap();
        let revocations = store.revocations().start().unwrap();
        revocations.loaded().await.unwrap();
        let (ttl, audience) = (self.ttl, &*self.audience);
        let client = RampartClient::builder(&self.asked, CLIENT, SECRET).build().unwrap();
        let partner = Issuer::new(&self.partner, audience).grants(Grants::roles(["user"])).jwks_cache_ttl(ttl);
        let asked = Issuer::new(&self.asked, audience)
            .grants(Grants::everything())
            .introspection(Introspection::of(client).cache_bytes(ANSWERS));
        let auth = RampartAuth::builder(&self.home, audience)
            .jwks_cache_ttl(ttl)
            .issuer(partner)
            .issuer(asked)
            .issuers(self.resolver())
            .max_issuers(MOST_TENANTS)
            .dpop(Dpop::accepted().public_url(PUBLIC_URL).replay(store.spent_proofs()))
            .revocations(revocations.clone())
            .build()
            .unwrap();
        auth.warm_up().await.unwrap();
        (auth, revocations)
    }

    /// Tenants by their names: some have keys, of others nobody is there.
    fn resolver(&self) -> impl Fn(&str) -> Option<Issuer> + Send + Sync + 'static {
        let (keys, audience, ttl) =
            (format!("{}/.well-known/jwks.json", self.tenants), self.audience.clone(), self.ttl);
        move |iss| {
            let name = iss.strip_prefix("https://")?.strip_suffix(".tenants.example")?;
            let keys = match name.split_once('-')?.0 {
                "tenant" => &*keys,
                "deserted" => "http://127.0.0.1:9/jwks.json",
                _ => return None,
            };
            let tenant = Issuer::new(iss, &*audience).jwks_url(keys).allow_http(true).allow_private_addresses(true);
            Some(tenant.jwks_cache_ttl(ttl).grants(Grants::roles(["user"]).org_id(name)))
        }
    }
}

/// What replicas share.
pub(crate) fn store(url: &str) -> RedisStoreBuilder {
    RedisStore::builder(url, "soak:").state_key([7; 32]).deadline(DEADLINE)
}

/// Ends with its standard input.
pub(crate) fn serve(arguments: Vec<String>) -> ExitCode {
    let Some(setup) = Setup::of(arguments) else { return ExitCode::from(2) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match &*setup.framework {
        "axum" => axum(&setup),
        "actix" => actix(&setup),
        _ => rocket(&setup),
    }
    ExitCode::SUCCESS
}

fn tell(address: SocketAddr) {
    let mut out = std::io::stdout();
    writeln!(out, "{address}").and_then(|()| out.flush()).unwrap();
}

fn listen() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn axum(setup: &Setup) {
    runtime().block_on(async {
        let (auth, revocations) = setup.auth().await;
        let listener = tokio::net::TcpListener::from_std(listen()).unwrap();
        tell(listener.local_addr().unwrap());
        ::axum::serve(listener, task_api_axum::app(auth, revocations)).await.unwrap();
    });
}

fn actix(setup: &Setup) {
    actix_web::rt::System::new().block_on(async {
        let (auth, revocations) = setup.auth().await;
        let listener = listen();
        let address = listener.local_addr().unwrap();
        let store = Data::new(Store::default());
        let server = HttpServer::new(move || {
            App::new()
                .configure(|config| task_api_actix::configure(config, &auth, &revocations, store.clone()))
                .wrap(task_api_actix::cors())
        });
        let server = server.listen(listener).unwrap().run();
        tell(address);
        server.await.unwrap();
    });
}

fn rocket(setup: &Setup) {
    runtime().block_on(async {
        let (auth, revocations) = setup.auth().await;
        let config = ::rocket::Config {
            port: 0,
            log_level: ::rocket::config::LogLevel::Off,
            ..::rocket::Config::release_default()
        };
        // Rocket chooses the port itself and tells it once it listens.
        let liftoff = ::rocket::fairing::AdHoc::on_liftoff("Tell the address", |rocket| {
            Box::pin(async { tell((Ipv4Addr::LOCALHOST, rocket.config().port).into()) })
        });
        let rocket = task_api_rocket::app(::rocket::custom(config), auth, revocations).unwrap().attach(liftoff);
        rocket.launch().await.unwrap();
    });
}
