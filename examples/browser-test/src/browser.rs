//! Chromium, driven by chromedriver on a free port, with a profile of its own.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

/// The name of another site that has come to resolve to this machine (DNS rebinding).
pub const REBOUND: &str = "rebound.example";

const STARTED: &str = "started successfully on port ";

struct Driver {
    child: Child,
    url: String,
    _printed: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
        let mut command = Command::new(&program);
        // A process group of its own, so that the browser ends with it whatever happens.
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; on Debian: apt-get install chromium chromium-driver"));
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(printed.read_line(&mut line).unwrap(), 0, "{program} ended before it listened");
            if let Some((_, port)) = line.trim_end().trim_end_matches('.').split_once(STARTED) {
                break port.to_owned();
            }
        };
        Self { child, url: format!("http://127.0.0.1:{port}"), _printed: printed }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        // Also where there is no `kill` to run: without this, the wait would have no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn session(driver: &Driver, profile: &TempDir, dark: bool) -> Client {
    let mut arguments: Vec<String> = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1140,1160",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--host-resolver-rules=MAP {REBOUND} 127.0.0.1"));
    // A proxy of the environment would be asked for that name.
    arguments.push("--no-proxy-server".into());
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    if dark {
        arguments.push("--force-dark-mode".into());
    }
    let mut options = json!({ "args": arguments });
    if let Ok(binary) = std::env::var("CHROMIUM") {
        options["binary"] = binary.into();
    }
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".into(), options);
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities);
    builder.connect(&driver.url).await.expect("Chromium starts")
}

/// Runs `test` with a browser, and ends the browser also where the test fails.
pub async fn with_browser<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Client) -> F) {
    with_browser_in(false, test).await;
}

/// The same, with the colours that the user prefers: dark ones, or light ones.
pub async fn with_browser_in<F: Future<Output = ()> + Send + 'static>(dark: bool, test: impl FnOnce(Client) -> F) {
    let profile = TempDir::new().unwrap();
    let driver = Driver::start();
    let client = session(&driver, &profile, dark).await;
    let outcome = tokio::spawn(test(client.clone())).await;
    // Where that fails, the driver and its group are killed below.
    let _ = client.close().await;
    drop(driver);
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}
