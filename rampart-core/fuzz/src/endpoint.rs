//! A token endpoint on a real socket that answers with whatever it is told to, and a client of it.

use std::sync::Arc;
use std::sync::Mutex;

use rampart_client::{AccessToken, ClientError, RampartClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// What no answer holds, so that it must not stand in any error.
pub const SECRET: &str = "a-secret-that-no-answer-holds";

/// Server and client, on one thread.
#[derive(Debug)]
pub struct Endpoint {
    runtime: Runtime,
    answer: Arc<Mutex<Vec<u8>>>,
    client: RampartClient,
    rounds: u64,
}

impl Endpoint {
    /// On a free port of 127.0.0.1.
    pub fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let client = RampartClient::builder(url, "service", SECRET).build().expect("the settings are good");
        let answer = Arc::<Mutex<Vec<u8>>>::default();
        let shared = Arc::clone(&answer);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = shared.lock().expect("one thread").clone();
                let _ = respond(stream, &answer).await;
            }
        });
        Self { runtime, answer, client, rounds: 0 }
    }

    /// What the client makes of an answer: asked for a set of scopes that nobody has asked for yet, so that no token and no
    /// back-off of an earlier round counts.
    pub fn ask(&mut self, answer: Vec<u8>) -> Result<AccessToken, ClientError> {
        *self.answer.lock().expect("one thread") = answer;
        self.rounds += 1;
        let scope = format!("round-{}", self.rounds);
        self.runtime.block_on(self.client.client_credentials_token(&[&*scope]))
    }
}

/// Reads one request to its end, answers, and closes.
async fn respond(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut buffer).await? {
            0 => break,
            length => request.extend_from_slice(&buffer[..length]),
        }
    }
    stream.write_all(answer).await?;
    stream.shutdown().await
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, length)| length.trim().parse().ok()).is_none_or(|length: usize| body.len() >= length)
}
