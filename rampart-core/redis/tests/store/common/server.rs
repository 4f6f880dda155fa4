//! A real server of its own for each test: on a free port of 127.0.0.1, in a folder of its own, without a file unless asked for one.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Whatever is waited for comes within this, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    arguments: Vec<String>,
    process: Child,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With such arguments as `["--maxmemory", "8mb"]`.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        // Somebody else may have taken the port by then.
        for _ in 0..20 {
            let port = free_port();
            let process = spawn(port, &folder, &arguments);
            let mut server = Self { port, folder: folder.clone(), arguments: arguments.clone(), process };
            if server.is_there() {
                return server;
            }
        }
        panic!("redis-server does not start with {arguments:?}");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Whether it answers, with whatever; `false` where it has ended.
    fn is_there(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if self.is_ours() && self.has_loaded() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("redis-server does not answer");
    }

    /// Not another test's, which was quicker to take the port.
    fn is_ours(&self) -> bool {
        fs::read_to_string(self.folder.join("pid")).is_ok_and(|pid| pid.trim() == self.process.id().to_string())
            && std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn has_loaded(&self) -> bool {
        self.try_ask::<String>(&["INFO", "persistence"]).is_ok_and(|info| info.contains("\r\nloading:0\r\n"))
    }

    pub(crate) fn connection(&self) -> Connection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_connection_with_timeout(PATIENCE).unwrap()
    }

    /// What it says to a command, such as `["GET", "key"]`.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap()
    }

    pub(crate) fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let mut call = redis::Cmd::new();
        for part in command {
            call.arg(*part);
        }
        let client = redis::Client::open(self.url())?;
        call.query(&mut client.get_connection_with_timeout(PATIENCE)?)
    }

    pub(crate) fn run(&self, command: &[&str]) {
        self.ask::<redis::Value>(command);
    }

    pub(crate) fn info(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} is no number"))
    }

    /// What INFO says of something.
    pub(crate) fn text(&self, name: &str) -> String {
        let info: String = self.ask(&["INFO", "all"]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no {name}")).to_owned()
    }

    /// At once, and without saving anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// On the same port, with what it has saved, if anything.
    pub(crate) fn start_again(&mut self) {
        let arguments = self.arguments.clone();
        self.start_again_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }

    pub(crate) fn start_again_with(&mut self, arguments: &[&str]) {
        self.spawn_again_with(arguments);
        assert!(self.is_there(), "redis-server does not start again");
    }

    /// Without waiting until it is there.
    pub(crate) fn spawn_again_with(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.process = spawn(self.port, &self.folder, &self.arguments);
    }

    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Also one that is paused, or has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, folder: &Path, arguments: &[String]) -> Child {
    let _ = fs::remove_file(folder.join("pid"));
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--daemonize", "no", "--pidfile", &folder.join("pid").display().to_string()])
        .args(["--dir", &folder.display().to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "redis-server cannot be started ({error}): these tests run on a real one, of Redis 6.2 or newer; \
                 install it, such as by `apt-get install redis-server`"
            )
        })
}
