//! The Task API in a process of its own, so that its memory is its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use crate::api::Setup;

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
    pub(crate) fn start(setup: &Setup) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--serve").args(setup.arguments());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert_ne!(printed.read_line(&mut line).unwrap(), 0, "{} does not start", setup.framework);
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
