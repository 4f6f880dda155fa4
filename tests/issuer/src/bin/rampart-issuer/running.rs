//! The issuer that runs on this machine, as the client asks it that it always has.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use url::{Host, Url, form_urlencoded};

use crate::variable;

const DEFAULT_ISSUER: &str = "http://127.0.0.1:9000";

/// `service:service-secret`, the client that every local issuer has.
const CREDENTIALS: &str = "Basic c2VydmljZTpzZXJ2aWNlLXNlY3JldA==";

const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Running {
    url: String,
    address: String,
}

/// What it has answered, JSON or not.
pub(crate) struct Answered {
    status: StatusCode,
    body: Value,
}

impl Running {
    pub(crate) fn find() -> Result<Self, String> {
        let url = variable("RAMPART_URL", DEFAULT_ISSUER)?.trim_end_matches('/').to_owned();
        let address = local_address(&url).ok_or(format!(
            "RAMPART_URL is {url:?}, but this is for a local issuer alone, such as {DEFAULT_ISSUER}, whose client `service` everybody knows"
        ))?;
        Ok(Self { url, address })
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<String>,
    ) -> Result<Answered, String> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path)
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(AUTHORIZATION, CREDENTIALS);
        let request = if let Some(proof) = proof { request.header("dpop", proof) } else { request };
        let request = request.body(Full::from(form)).map_err(|error| error.to_string())?;
        let answer = tokio::time::timeout(PATIENCE, exchange(&self.address, request)).await;
        let (status, body) = answer.unwrap_or_else(|_| Err("it does not answer".into())).map_err(|error| {
            format!(
                "no issuer at {}: {error}; start one with `cargo run -p rampart-issuer`, or set RAMPART_URL to that of another",
                self.url
            )
        })?;
        Ok(Answered { status, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// Why there is none of what was asked for.
    pub(crate) fn gives_no(&self, wanted: &str, answered: &Answered) -> String {
        let said = answered.member("error_description").unwrap_or("it is no local issuer");
        format!("{} gives no {wanted}: status {}, {said}", self.url, answered.status.as_u16())
    }
}

impl Answered {
    /// A text in it.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }
}

/// Host and port of an issuer on this machine.
fn local_address(issuer: &str) -> Option<String> {
    let url = Url::parse(issuer).ok().filter(|url| url.scheme() == "http" && url.path() == "/")?;
    let local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    local.then(|| Some(format!("{}:{}", url.host()?, url.port_or_known_default()?)))?
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(address: &str, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    };
    tokio::select! {
        // While it is driven, the exchange comes to its end.
        answer = exchange => answer,
        Err(error) = connection => Err(error.into()),
    }
}
