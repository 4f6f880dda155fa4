//! Keeps a real Redis, on a free port and in a folder of its own, and does to it what it is told, line by line.
//!
//! It is a process between the soak and Redis so that neither Redis nor the folder is left behind, however the soak ends: when its
//! standard input closes, it takes both away.

use std::fs;
use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::redis::call;

const PATIENCE: Duration = Duration::from_secs(20);

struct Keeper {
    port: u16,
    folder: PathBuf,
    redis: Child,
}

/// Prints the port, and then a line for each that was done.
pub(crate) fn keep() -> ExitCode {
    let mut keeper = Keeper::start();
    println!("{}", keeper.port);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match &*line {
            "kill" => keeper.kill(),
            "start" => keeper.start_again(),
            "pause" => keeper.signal("-STOP"),
            "resume" => keeper.signal("-CONT"),
            _ => return ExitCode::from(2),
        }
        let mut out = std::io::stdout();
        if writeln!(out, "done").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

impl Keeper {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("rampart-soak-{}", std::process::id()));
        // Somebody else may have taken the port by then.
        for _ in 0..20 {
            fs::create_dir_all(&folder).unwrap();
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let mut keeper = Self { port, redis: spawn(port, &folder), folder: folder.clone() };
            if keeper.is_there() {
                return keeper;
            }
        }
        panic!("redis-server does not start");
    }

    /// Whether it answers; `false` where it has ended.
    fn is_there(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.redis.try_wait().unwrap().is_some() {
                return false;
            }
            // Not another one, which was quicker to take the port.
            let pid = fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
            if pid.trim() == self.redis.id().to_string() && call(self.port, "PING").is_ok_and(|said| said == "+PONG") {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("redis-server does not answer");
    }

    fn kill(&mut self) {
        // Also one that is paused, or has ended.
        let _ = self.redis.kill();
        let _ = self.redis.wait();
    }

    /// On the same port, and empty: nothing was saved.
    fn start_again(&mut self) {
        self.redis = spawn(self.port, &self.folder);
        assert!(self.is_there(), "redis-server does not start again");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.redis.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(port: u16, folder: &Path) -> Child {
    let _ = fs::remove_file(folder.join("pid"));
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--daemonize", "no", "--pidfile", &folder.join("pid").display().to_string()])
        .args(["--dir", &folder.display().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            let _ = fs::remove_dir_all(folder);
            panic!(
                "redis-server cannot be started ({error}): the soak runs on a real one, of Redis 6.2 or newer; install it, such as by \
                 `apt-get install redis-server`"
            )
        })
}
