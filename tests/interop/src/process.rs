//! A server as a process: installed, started, waited for, and ended by its own ID.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::http::CLIENT;

/// Far longer than a server takes to start, so that a busy machine fails no test.
const PATIENCE: Duration = Duration::from_secs(240);

/// Runs a command, and ends it once the standard input is closed: by us, or because we are gone.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3; kill -TERM $server) >/dev/null 2>&1 &
watch=$!
wait $server
kill $watch
"#;

/// Where the servers are; see `install.sh`.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("target/interop")
}

/// Brings a server here where it is not here yet, and gives its folder.
///
/// # Panics
/// Where it cannot be had; what is missing has been printed.
pub fn installed(server: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    let output = Command::new(&script).arg(server).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{server} cannot be had, and nothing is skipped: {said}");
    folder().join(server)
}

/// A new folder for a server of this process, which outlives it no longer than until the next one.
pub fn own_folder(server: &str) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let running = folder().join("running");
    fs::create_dir_all(&running).unwrap();
    for left in fs::read_dir(&running).unwrap() {
        let left = left.unwrap().path();
        let process = left.extension().and_then(|id| id.to_str()).unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_dir_all(left);
        }
    }
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let own = running.join(format!("{server}-{number}.{}", std::process::id()));
    fs::create_dir(&own).unwrap();
    own
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A running server; it ends with this value, and with this process.
#[derive(Debug)]
pub struct Process {
    keeper: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the server, and waits until it answers at `url`. What it prints is added to the file `log`.
    pub fn start(server: &Command, log: &Path, url: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(server.get_program()).args(server.get_args());
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = server.get_current_dir() {
            command.current_dir(folder);
        }
        let out = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::piped()).stdout(out.try_clone().unwrap()).stderr(out).process_group(0);
        let mut process = Self { keeper: command.spawn().unwrap(), log: log.to_owned() };
        let end = Instant::now() + PATIENCE;
        while !CLIENT.get(url).send().is_ok_and(|response| response.status().is_success()) {
            assert!(process.keeper.try_wait().unwrap().is_none(), "the server ended: {}", process.said());
            assert!(Instant::now() < end, "{url} does not answer: {}", process.said());
            std::thread::sleep(Duration::from_millis(100));
        }
        process
    }

    /// The end of what the server has printed.
    fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&said[said.len().saturating_sub(4000)..]).into_owned()
    }

    /// Ends it, and waits until it is gone.
    fn end(&mut self) -> io::Result<()> {
        drop(self.keeper.stdin.take());
        let end = Instant::now() + Duration::from_secs(30);
        while self.keeper.try_wait()?.is_none() {
            if Instant::now() > end {
                // All of its group, which it leads.
                Command::new("kill").args(["-KILL", "--", &format!("-{}", self.keeper.id())]).status()?;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
