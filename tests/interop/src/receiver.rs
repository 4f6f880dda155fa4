//! An address to which a server sends something that a test wants to read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longer than a server takes to send what it has to say.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers each request with 200, and keeps its body.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    bodies: mpsc::Receiver<String>,
}

impl Receiver {
    /// At a port of its own, for as long as this process runs.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, bodies) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever waits for it says that nothing came.
                let Ok(body) = stream.and_then(answer) else { continue };
                if sender.send(body).is_err() {
                    return;
                }
            }
        });
        Self { port, bodies }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The body of the next request.
    pub fn next(&self) -> String {
        self.bodies.recv_timeout(PATIENCE).expect("nothing was sent")
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(&stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().expect("a length");
            }
            Some(_) => {}
            // The first line has none; the last one is empty.
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(String::from_utf8(body).expect("UTF-8"))
}
