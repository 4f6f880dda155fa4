//! The Task API in a process of its own, so that its memory is its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use rampart_core::{RampartAuth, Revocations};
use rampart_issuer::LocalIssuer;
use task_api_shared::Store;

/// The server as its parent sees it; it ends with this value, and with the parent.
pub(crate) struct Server {
    child: Mutex<Child>,
    pid: u32,
    address: SocketAddr,
    /// The server ends when this closes.
    _stdin: ChildStdin,
    /// What it prints later has somewhere to go.
    _printed: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(framework: &str, issuer: &LocalIssuer, ttl: Duration) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--serve", framework, issuer.url(), issuer.audience(), &ttl.as_secs().to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(printed.read_line(&mut line).unwrap(), 0, "{framework} does not start");
            // Until Rocket knows its log level, it prints what is logged meanwhile.
            if let Ok(address) = line.trim().parse() {
                break address;
            }
        };
        let stdin = child.stdin.take().unwrap();
        Self { pid: child.id(), address, _stdin: stdin, _printed: printed, child: Mutex::new(child) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }

    /// Resident memory in KiB, where the system tells it.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The server's own side: framework, issuer, audience, seconds.
pub(crate) fn serve(arguments: &[String]) -> ExitCode {
    let [framework, issuer, audience, ttl] = arguments else { return ExitCode::from(2) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let ttl = Duration::from_secs(ttl.parse().unwrap());
    let revocations = Revocations::new();
    let auth =
        RampartAuth::builder(issuer, audience).jwks_cache_ttl(ttl).revocations(revocations.clone()).build().unwrap();
    match &**framework {
        "axum" => axum(auth, revocations),
        "actix" => actix(auth, revocations),
        _ => rocket(auth, revocations),
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

fn axum(auth: RampartAuth, revocations: Revocations) {
    runtime().block_on(async {
        auth.warm_up().await.unwrap();
        let listener = tokio::net::TcpListener::from_std(listen()).unwrap();
        tell(listener.local_addr().unwrap());
        ::axum::serve(listener, task_api_axum::app(auth, revocations)).await.unwrap();
    });
}

fn actix(auth: RampartAuth, revocations: Revocations) {
    actix_web::rt::System::new().block_on(async {
        auth.warm_up().await.unwrap();
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

fn rocket(auth: RampartAuth, revocations: Revocations) {
    runtime().block_on(async {
        auth.warm_up().await.unwrap();
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
