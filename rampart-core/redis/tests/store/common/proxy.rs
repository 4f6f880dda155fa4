//! What stands between a store and its server: it can be slow, and it can say what no server says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

pub(crate) struct Proxy {
    pub(crate) port: u16,
    delay: Arc<AtomicU64>,
    garbage: Arc<Notify>,
}

impl Proxy {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (delay, garbage) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let shared = (Arc::clone(&delay), Arc::clone(&garbage));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                tokio::spawn(forward(client, server, Arc::clone(&shared.0), Arc::clone(&shared.1)));
            }
        });
        Self { port, delay, garbage }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Each answer comes so much later.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay.store(delay.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    /// Every open connection says something that is no answer.
    pub(crate) fn say_garbage(&self) {
        self.garbage.notify_waiters();
    }
}

async fn forward(client: TcpStream, server: TcpStream, delay: Arc<AtomicU64>, garbage: Arc<Notify>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    });
    // What comes is passed on in its order, each piece at its own time: slow is not the same as seldom.
    let (pieces, mut due) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut buffer = [0; 16 << 10];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            let at = Instant::now() + Duration::from_millis(delay.load(Ordering::Relaxed));
            if pieces.send((at, buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    loop {
        let piece = tokio::select! {
            piece = due.recv() => piece,
            () = garbage.notified() => Some((Instant::now(), b"HTTP/1.1 400 Bad Request\r\n\r\n<html>".to_vec())),
        };
        let Some((at, piece)) = piece else { return };
        sleep_until(at).await;
        if to_client.write_all(&piece).await.is_err() {
            return;
        }
    }
}
