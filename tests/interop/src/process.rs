//! A program as a process: installed, started, waited for, and ended by its own ID.

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

/// How many lines of what a program printed are shown where a test fails.
const SHOWN: usize = 40;

/// Ports are handed out from here on, below those that the system gives to connections, so that none is taken before its server listens.
const PORTS: std::ops::Range<u32> = 15_000..32_000;

/// Runs a command, and ends it once the standard input is closed: by us, or because we are gone.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3; kill -TERM $server) >/dev/null 2>&1 &
watch=$!
wait $server
kill $watch 2>/dev/null
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

/// A new folder for a program that this process runs, which outlives it no longer than until the next one.
pub fn own_folder(program: &str) -> PathBuf {
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
    let own = running.join(format!("{program}-{number}.{}", std::process::id()));
    fs::create_dir(&own).unwrap();
    own
}

/// A port that is free now, and that this process gives to nobody else.
///
/// # Panics
/// Where there is none.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Another process that runs these tests begins elsewhere.
    let first = std::process::id().wrapping_mul(997);
    let ports = (0..count).map(|_| PORTS.start + first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % count);
    let mut ports = ports.filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("no port is free")
}

/// A server that can be stopped and started again, at the same address and with all that it has written down.
#[derive(Debug)]
pub struct Service {
    command: Command,
    log: PathBuf,
    url: String,
    running: Option<Process>,
}

impl Service {
    /// Starts it, and waits until it answers at `url`. What it prints is added to the file `log`.
    pub fn start(command: Command, log: PathBuf, url: String) -> Self {
        let mut service = Self { command, log, url, running: None };
        service.start_again();
        service
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it after a stop.
    pub fn start_again(&mut self) {
        let mut process = Process::spawn(&self.command, &self.log);
        process.wait_for(&self.url);
        self.running = Some(process);
    }
}

/// A running program; it ends with this value, and with this process. Where a test has failed meanwhile, what it printed is shown.
#[derive(Debug)]
pub struct Process {
    keeper: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it. What it prints is added to the file `log`.
    pub fn spawn(program: &Command, log: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let out = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::piped()).stdout(out.try_clone().unwrap()).stderr(out).process_group(0);
        Self { keeper: command.spawn().unwrap(), log: log.to_owned() }
    }

    /// Waits until it answers at `url` that all is well.
    ///
    /// # Panics
    /// Where it ends before that, or takes too long.
    pub fn wait_for(&mut self, url: &str) {
        let end = Instant::now() + PATIENCE;
        while !CLIENT.get(url).send().is_ok_and(|response| response.status().is_success()) {
            assert!(self.keeper.try_wait().unwrap().is_none(), "{} has ended before it answered", self.name());
            assert!(Instant::now() < end, "{} does not answer at {url}", self.name());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Tells it to end, and waits for nothing.
    pub fn tell_to_end(&mut self) {
        drop(self.keeper.stdin.take());
    }

    fn name(&self) -> std::path::Display<'_> {
        self.log.display()
    }

    /// Ends it, and waits until it is gone.
    fn end(&mut self) -> io::Result<()> {
        self.tell_to_end();
        let end = Instant::now() + Duration::from_secs(30);
        while self.keeper.try_wait()?.is_none() {
            if Instant::now() > end {
                // All of its group, which it leads.
                Command::new("kill").args(["-KILL", "--", &format!("-{}", self.keeper.id())]).status()?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.said();
            let last = said.lines().count().saturating_sub(SHOWN);
            let last: Vec<_> = said.lines().skip(last).collect();
            eprintln!("---- the end of {}\n{}", self.name(), last.join("\n"));
        }
        let _ = self.end();
    }
}
