//! What the tests share: an issuer, and an application that is asked over a real socket.
#![allow(dead_code, unreachable_pub, missing_docs)]

use axum::Router;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use rampart_axum::RampartAuth;
use rampart_issuer::{Algorithm, LocalIssuer, TokenBuilder};

pub async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap()
}

pub fn auth(issuer: &LocalIssuer) -> RampartAuth {
    RampartAuth::new(issuer.url(), issuer.audience()).unwrap()
}

pub fn bearer(token: &TokenBuilder) -> String {
    format!("Bearer {}", token.sign().unwrap())
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn ask(app: &Router, path: &str, authorization: Option<&str>) -> Answer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, app.clone()).into_future());
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{address}{path}"));
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.text().await.unwrap();
    server.abort();
    Answer { status, headers, body }
}
