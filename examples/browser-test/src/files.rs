//! The page's files, served by somebody else than the API: another origin, as in development with a server of the front end's.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The port of the one origin that the API lets in: `http://localhost:5173`.
pub const ALLOWED_PORT: u16 = 5173;

/// Serves the files on this port of 127.0.0.1, or on a free one for 0, until the runtime ends; gives back the port.
pub async fn serve(port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap_or_else(|error| {
        panic!("port {port} must be free, the API allows no other origin than http://localhost:{port}: {error}")
    });
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split([' ', '?']).nth(1).unwrap_or_default();
    let (file, content_type) = match path {
        "/" => ("index.html", "text/html; charset=utf-8"),
        "/app.js" => ("app.js", "text/javascript; charset=utf-8"),
        "/app.css" => ("app.css", "text/css; charset=utf-8"),
        "/icon.svg" => ("icon.svg", "image/svg+xml"),
        _ => {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        }
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../task-api-axum/web");
    let body = std::fs::read(folder.join(file))?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await
}
