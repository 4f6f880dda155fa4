//! One request by curl, with a token that is bound to a new key, and a proof of that key.

use std::ffi::OsString;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rampart_issuer::{DpopKey, ProofBuilder};
use serde_json::Value;
use tokio::net::TcpStream;
use url::{Host, Url, form_urlencoded};

use crate::variable;

const DEFAULT_ISSUER: &str = "http://127.0.0.1:9000";

/// `service:service-secret`, the client that every local issuer has.
const CREDENTIALS: &str = "Basic c2VydmljZTpzZXJ2aWNlLXNlY3JldA==";

const PATIENCE: Duration = Duration::from_secs(5);

/// The line for these arguments: the method, the URL, and the scopes of the token.
pub(crate) async fn curl_line(arguments: &[OsString]) -> Result<String, String> {
    let arguments: Option<Vec<&str>> = arguments.iter().map(|argument| argument.to_str()).collect();
    let Some([method, url, scopes @ ..]) = arguments.as_deref() else {
        return Err("dpop takes a method and a URL, such as: dpop GET http://127.0.0.1:8000/api/profile".to_owned());
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is no method of HTTP"))?;
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("the URL must be a whole one, such as http://127.0.0.1:8000/api/profile")?;
    let key = DpopKey::generate().map_err(|error| error.to_string())?;
    let token = bound_token(&key, &scopes.join(" ")).await?;
    let proof = signed(&key.proof(method.as_str(), url.as_str()).access_token(&token))?;
    let how = match method {
        Method::GET => String::new(),
        // With -X, curl waits for a body.
        Method::HEAD => " --head".to_owned(),
        _ => format!(" -X {}", quoted(method.as_str())),
    };
    let [url, token, proof] = [url.into(), format!("Authorization: DPoP {token}"), format!("DPoP: {proof}")];
    Ok(format!("curl -i{how} {} -H {} -H {}", quoted(&url), quoted(&token), quoted(&proof)))
}

fn signed(proof: &ProofBuilder) -> Result<String, String> {
    proof.sign().map_err(|error| error.to_string())
}

/// A token of the issuer that runs, for the client that it always has.
async fn bound_token(key: &DpopKey, scope: &str) -> Result<String, String> {
    let issuer = variable("RAMPART_URL", DEFAULT_ISSUER)?;
    let issuer = issuer.trim_end_matches('/');
    let address = local_address(issuer).ok_or(format!(
        "RAMPART_URL is {issuer:?}, but this is for a local issuer alone, such as {DEFAULT_ISSUER}, whose client `service` everybody knows"
    ))?;
    let token_url = format!("{issuer}/oauth/token");
    let proof = signed(&key.proof("POST", &token_url))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("scope", scope)
        .finish();
    let request = Request::post("/oauth/token")
        .header(HOST, &address)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, CREDENTIALS)
        .header("dpop", proof)
        .body(Full::from(form))
        .map_err(|error| error.to_string())?;
    let answer = tokio::time::timeout(PATIENCE, exchange(&address, request)).await;
    let (status, body) = answer.unwrap_or_else(|_| Err("it does not answer".into())).map_err(|error| {
        format!("no issuer at {issuer}: {error}; start one with `cargo run -p rampart-issuer`, or set RAMPART_URL to that of another")
    })?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let member = |name| body.get(name).and_then(Value::as_str);
    if member("token_type") == Some("DPoP")
        && let Some(token) = member("access_token")
    {
        return Ok(token.to_owned());
    }
    let said = member("error_description").unwrap_or("it is no local issuer");
    Err(format!("{issuer} gives no bound token: status {}, {said}", status.as_u16()))
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

/// One word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
