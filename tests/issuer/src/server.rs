//! The HTTP server, on a thread and a runtime of its own: nothing that a test does to its runtime's clock reaches it.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;

use crate::answer::{Answer, RequestId, json_answer, method_not_allowed};
use crate::client;
use crate::fault::{Endpoint, Fault, FaultyBody};
use crate::flight::{Flight, InFlight};
use crate::introspection;
use crate::oauth;
use crate::proof;
use crate::record::RecordedRequest;
use crate::state::Shared;

const MAX_REQUEST_BODY: usize = 64 * 1024;

/// A running server; dropping it closes the listener and every connection, and waits for the thread.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(listener: TcpListener, shared: Arc<Shared>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("rampart-issuer".into()).spawn(move || {
            let tasks = LocalSet::new();
            tasks.block_on(&runtime, async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, shared) => {}
                }
            });
            // With the tasks go their connections.
            drop(tasks);
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread does nothing that could panic; a panic there has been printed already.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::task::spawn_local(serve(stream, Arc::clone(&shared)))),
            // Out of file descriptors, most likely: the next one may work again.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// How a connection ends before its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Close,
    Reset,
}

async fn serve(stream: tokio::net::TcpStream, shared: Arc<Shared>) {
    // A second handle to the socket, to reset it while the first one is in use.
    let Ok((stream, spare)) = stream.into_std().and_then(|stream| Ok((stream.try_clone()?, stream))) else { return };
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let _ = stream.set_nodelay(true);
    let (cut, mut cuts) = watch::channel(None);
    let cut = Rc::new(cut);
    let service = service_fn(move |request| {
        let (shared, cut) = (Arc::clone(&shared), Rc::clone(&cut));
        async move {
            let flight = shared.shape.endpoint(request.uri().path()).map(|endpoint| Flight::begin(endpoint, &shared));
            let answer = answer(request, &shared, &cut).await;
            Ok::<_, Infallible>(answer.map(|body| InFlight { body, _flight: flight }))
        }
    });
    let connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // Whatever ended the connection, there is nobody left to tell.
        _ = connection => {}
        Ok(how) = cuts.wait_for(Option::is_some) => {
            if *how == Some(Cut::Reset) {
                let _ = SockRef::from(&spare).set_linger(Some(Duration::ZERO));
            }
        }
    }
}

async fn answer(request: Request<Incoming>, shared: &Shared, cut: &watch::Sender<Option<Cut>>) -> Answer {
    let Some(endpoint) = shared.shape.endpoint(request.uri().path()) else {
        return RequestId::of(request.headers()).not_found();
    };
    let (parts, body) = request.into_parts();
    let id = RequestId::of(&parts.headers);
    let body = Limited::new(body, MAX_REQUEST_BODY).collect().await.map(http_body_util::Collected::to_bytes);
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let recorded = RecordedRequest {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.collect(),
        body: body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default(),
    };
    let fault = {
        let mut state = shared.state.lock();
        // In one step, so that a request that is counted can be read.
        state.records.add(endpoint, recorded.clone());
        state.fault(endpoint, &recorded)
    };
    shared.arrivals.send_modify(|arrivals| *arrivals += 1);

    let normal = || match endpoint {
        _ if body.is_err() => {
            id.problem(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The request body is too long")
        }
        Endpoint::Token | Endpoint::Introspection | Endpoint::Revocation | Endpoint::LogoutToken
            if parts.method != Method::POST =>
        {
            method_not_allowed("POST")
        }
        Endpoint::Token => oauth::token(&recorded, shared, &id),
        Endpoint::Introspection => introspection::introspect(&recorded, shared, &id),
        Endpoint::Revocation => introspection::revoke(&recorded, shared, &id),
        Endpoint::LogoutToken => oauth::logout_token(&recorded, shared, &id),
        _ if parts.method != Method::GET => method_not_allowed("GET"),
        Endpoint::Jwks => jwks(&recorded, shared),
        // The one document serves both standards, as they define the same members.
        Endpoint::Discovery | Endpoint::OAuthMetadata => metadata(shared),
    };
    let normal = || id.mark(normal());
    match fault {
        None => normal(),
        Some(fault) => faulty(fault, normal, cut).await,
    }
}

async fn faulty(fault: Fault, normal: impl Fn() -> Answer, cut: &watch::Sender<Option<Cut>>) -> Answer {
    let ok = |body: FaultyBody| {
        let mut answer = Response::new(body);
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    };
    let with_length = |body, length: &'static str| {
        let mut answer = ok(body);
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static(length));
        answer
    };
    match fault {
        Fault::Respond { status, headers, body } => {
            let mut answer = Response::new(FaultyBody::whole(body));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
                    answer.headers_mut().append(name, value);
                }
            }
            answer
        }
        Fault::Delay(delay) => {
            tokio::time::sleep(delay).await;
            normal()
        }
        Fault::Hang => std::future::pending().await,
        Fault::HeadersThenHang => ok(FaultyBody::Silent),
        Fault::Drip(interval) => {
            let (parts, body) = normal().into_parts();
            let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Response::from_parts(parts, FaultyBody::drip(bytes, interval))
        }
        Fault::Endless => ok(FaultyBody::endless()),
        Fault::Oversize(bytes) => ok(FaultyBody::whole(vec![b' '; bytes])),
        Fault::Garbage => ok(FaultyBody::whole(Bytes::from_static(b"\x00\xff\xfe<html>\x80 this is no JSON"))),
        Fault::Reset | Fault::CloseEarly => {
            let how = if matches!(fault, Fault::Reset) { Cut::Reset } else { Cut::Close };
            cut.send_replace(Some(how));
            std::future::pending().await
        }
        Fault::ShortBody => with_length(FaultyBody::drip(Bytes::from_static(b"{\"keys\":["), Duration::ZERO), "4096"),
        Fault::HugeContentLength => with_length(FaultyBody::Silent, "10737418240"),
        Fault::ContentEncoding(encoding) => {
            let mut answer = normal();
            if let Ok(encoding) = HeaderValue::from_str(&encoding) {
                answer.headers_mut().insert(header::CONTENT_ENCODING, encoding);
            }
            answer
        }
    }
}

fn jwks(request: &RecordedRequest, shared: &Shared) -> Answer {
    let (body, etags, cache_control) = {
        let state = shared.state.lock();
        (state.jwks(), state.etags, state.cache_control.clone())
    };
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
    let etag = format!("\"{}\"", crate::encoding::base64url(digest.as_ref()));
    let mut answer = if etags && request.header("if-none-match") == Some(&*etag) {
        let mut answer = Response::new(FaultyBody::whole(Bytes::new()));
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        json_answer(StatusCode::OK, body)
    };
    if let (true, Ok(etag)) = (etags, HeaderValue::from_str(&etag)) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    if let Some(Ok(value)) = cache_control.map(|value| HeaderValue::from_str(&value)) {
        answer.headers_mut().insert(header::CACHE_CONTROL, value);
    }
    answer
}

fn metadata(shared: &Shared) -> Answer {
    let body = shared.state.lock().discovery_body.clone();
    let metadata = || {
        let mut metadata = json!({
            "issuer": shared.name(),
            "jwks_uri": shared.address(Endpoint::Jwks),
            "token_endpoint": shared.address(Endpoint::Token),
        });
        let own = || {
            let ways = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
            json!({
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ways,
                "token_endpoint_auth_signing_alg_values_supported": client::ASSERTION_ALGORITHMS,
                "introspection_endpoint": shared.address(Endpoint::Introspection),
                "introspection_endpoint_auth_methods_supported": ways,
                "introspection_endpoint_auth_signing_alg_values_supported": client::ASSERTION_ALGORITHMS,
                "introspection_signing_alg_values_supported": [shared.signing_algorithm()],
                "revocation_endpoint": shared.address(Endpoint::Revocation),
                "revocation_endpoint_auth_methods_supported": ways,
                "revocation_endpoint_auth_signing_alg_values_supported": client::ASSERTION_ALGORITHMS,
                "dpop_signing_alg_values_supported": proof::ALGORITHMS,
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
            })
        };
        let others = shared.shape.metadata(&shared.url).unwrap_or_else(own);
        if let (Value::Object(metadata), Value::Object(others)) = (&mut metadata, others) {
            metadata.extend(others);
        }
        metadata.to_string()
    };
    json_answer(StatusCode::OK, body.unwrap_or_else(metadata))
}
