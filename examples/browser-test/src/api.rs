//! The example, built and run as a user would.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

/// The program, once it is built.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let build = ["build", "--locked", "--bin", "task-api-axum", "--message-format", "json"];
    let built = Command::new(cargo).args(build).current_dir(workspace).stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the example cannot be built");
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next().unwrap()
});

/// The running example; it ends with this value.
pub struct Api {
    child: Child,
    origin: String,
    /// What it prints has somewhere to go.
    _printed: BufReader<ChildStdout>,
}

impl Api {
    /// Starts it on a free port, with its local issuer.
    pub fn start() -> Self {
        let mut command = Command::new(&*PROGRAM);
        command.env("PORT", "0").env("RUST_LOG", "off").env_remove("RAMPART_URL").env_remove("RAMPART_CLIENT_ID");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        printed.read_line(&mut first).unwrap();
        let origin = first.trim().strip_prefix("Task API on axum: ").expect(&first).to_owned();
        Self { child, origin, _printed: printed }
    }

    /// `http://127.0.0.1:` and the port.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
