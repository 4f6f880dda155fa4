//! A token endpoint that judges each request by its scope, on a thread of its own.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rampart_client::RampartClient;
use tokio::runtime::Handle;
use url::form_urlencoded;

use super::{breathe, until};

/// Everything between the version and the body of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) header: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn token(expires_in: u64) -> Self {
        let body = format!(r#"{{"access_token":"a.token","token_type":"Bearer","expires_in":{expires_in}}}"#);
        Self { status: "200 OK", header: "", body }
    }

    pub(crate) fn refused(error: &str) -> Self {
        Self { status: "401 Unauthorized", header: "", body: format!(r#"{{"error":"{error}"}}"#) }
    }

    pub(crate) fn malformed() -> Self {
        Self { status: "500 Internal Server Error", header: "", body: String::new() }
    }

    pub(crate) fn limited(status: &'static str, header: &'static str) -> Self {
        Self { status, header, body: String::new() }
    }
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    /// The scope of each request, in order.
    asked: Mutex<Vec<String>>,
    open: AtomicUsize,
    is_over: AtomicBool,
}

pub(crate) struct Selective {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Selective {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if own.is_over.load(Ordering::SeqCst) {
                    return;
                }
                own.open.fetch_add(1, Ordering::SeqCst);
                own.serve(stream.unwrap());
                own.open.fetch_sub(1, Ordering::SeqCst);
            }
        });
        Self { shared, address, thread: Some(thread) }
    }

    pub(crate) fn client(&self) -> RampartClient {
        let url = format!("http://{}", self.address);
        let builder = RampartClient::builder(&url, "service", "service-secret");
        builder.token_url(format!("{url}/oauth/token")).build().unwrap()
    }

    /// From now on requests for this scope get this answer; those that nobody has judged get a token of 15 minutes.
    pub(crate) fn answer(&self, scope: &str, answer: Answer) {
        self.shared.answers.lock().insert(scope.to_owned(), answer);
    }

    /// The scope of every request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().clone()
    }

    pub(crate) fn asked_for(&self, scope: &str) -> usize {
        self.shared.asked.lock().iter().filter(|asked| *asked == scope).count()
    }

    /// Waits until nothing is under way but what waits for its time.
    pub(crate) async fn calm(&self) {
        let runtime = Handle::current().metrics();
        if runtime.num_alive_tasks() == 0 {
            return;
        }
        let mut quiet = 0;
        until("calm", || {
            quiet = if self.shared.open.load(Ordering::SeqCst) == 0 { quiet + 1 } else { 0 };
            runtime.num_alive_tasks() == 0 || quiet > 4
        })
        .await;
        breathe().await;
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let (mut text, mut chunk) = (String::new(), [0; 4096]);
        let body = loop {
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    break body.to_owned();
                }
            }
            match stream.read(&mut chunk) {
                Ok(read) if read > 0 => text.push_str(std::str::from_utf8(&chunk[..read]).unwrap()),
                _ => return,
            }
        };
        let scope = form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "scope");
        let scope = scope.map(|(_, value)| value.into_owned()).unwrap_or_default();
        self.asked.lock().push(scope.clone());
        let Answer { status, header, body } =
            self.answers.lock().get(&scope).cloned().unwrap_or_else(|| Answer::token(900));
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
        drop(stream.write_all(answer.as_bytes()));
    }
}

impl Drop for Selective {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
