//! What clients of gRPC other than tonic make of a refused call. They look at different things first, so the answer is tried by
//! the rules of each, as their sources have them, on the bytes of a real connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::http::{HeaderMap, Request, Response};
use rampart_axum::{AuthError, Policy, RampartAuthExt};
use rampart_issuer::{Endpoint, Fault};
use support::{auth, bearer, issuer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::{Channel, Server};
use tower::{Layer, Service, ServiceExt, service_fn};

/// A service behind a layer: it answers as no refusal does.
#[derive(Clone)]
struct Named<S>(S);

impl<S> NamedService for Named<S> {
    const NAME: &'static str = "test.Service";
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Named<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.0.call(request)
    }
}

async fn serve(layer: rampart_axum::AuthLayer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(|_: Request<axum::body::Body>| async {
        Ok::<_, Infallible>(Response::new(axum::body::Body::from("in")))
    });
    let service = layer.layer(service);
    let service = service.map_request(|request: Request<Body>| request.map(axum::body::Body::new));
    let service = Named(service.map_response(|response: Response<axum::body::Body>| response.map(Body::new)));
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

/// An answer, as a client of HTTP/2 sees it.
#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    /// Whether the headers were all: END_STREAM.
    is_trailers_only: bool,
}

async fn call(address: SocketAddr, authorization: &[&str]) -> Seen {
    use http_body::Body as _;
    let mut channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut request = Request::post(format!("http://{address}/test.Service/Ask"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for value in authorization {
        request = request.header("authorization", *value);
    }
    let response = channel.ready().await.unwrap().call(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let mut headers = head.headers;
    headers.remove("date");
    Seen { status: head.status.as_u16(), headers, is_trailers_only: body.is_end_stream() }
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn is_of_grpc(&self) -> bool {
        let rest = self.header("content-type").and_then(|value| value.strip_prefix("application/grpc"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
    }

    /// The code of gRPC for a status of HTTP: http-grpc-status-mapping, and what they all do.
    fn mapped(&self) -> u16 {
        match self.status {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502..=504 => 14,
            _ => 2,
        }
    }

    fn own(&self) -> Option<(u16, String)> {
        let code = self.header("grpc-status")?.parse().unwrap();
        Some((code, percent_decoded(self.header("grpc-message").unwrap_or_default())))
    }

    /// grpc-java (`Http2ClientStreamTransportState`): another type is told as one with the status of HTTP; else, of headers that
    /// end the stream, the status in them.
    fn by_java(&self) -> Option<(u16, String)> {
        assert!(self.is_of_grpc(), "invalid content-type, UNKNOWN or worse: {self:?}");
        assert!(self.is_trailers_only, "INTERNAL: Received unexpected EOS on DATA frame from server");
        self.own()
    }

    /// The C core, beneath Python, C++, Ruby and PHP (`http_client_filter`): with a status of gRPC that of HTTP does not matter,
    /// but what follows the headers must be messages of gRPC.
    fn by_core(&self) -> Option<(u16, String)> {
        assert!(self.is_trailers_only, "INTERNAL: Bad GRPC frame type");
        self.own()
    }

    /// grpc-js (`subchannel-call`): the status in headers that end the stream, or that of HTTP where a body is no message.
    fn by_js(&self) -> Option<(u16, String)> {
        if self.is_trailers_only { self.own() } else { Some((self.mapped(), String::new())) }
    }

    /// grpc-dotnet (`ValidateHeaders`): a status in the headers has priority over all else.
    fn by_dotnet(&self) -> Option<(u16, String)> {
        self.own()
    }

    /// grpc-go (`operateHeaders`) since its change 8548: the status of HTTP counts where the type is another.
    fn by_go(&self) -> Option<(u16, String)> {
        if self.is_of_grpc() && self.is_trailers_only { self.own() } else { Some((self.mapped(), String::new())) }
    }

    /// grpc-go before, and connect-go: any status of HTTP but 200 decides.
    fn by_status(&self) -> u16 {
        assert_ne!(self.status, 200);
        self.mapped()
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, mut after)) = rest.split_first() {
        if first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            after = &after[2..];
        } else {
            assert!((0x20..=0x7e).contains(&first), "{text:?}");
            bytes.push(first);
        }
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}

/// All that read the status of gRPC get it with its message, and find the challenge as metadata; those that go by the status of HTTP
/// come to the same code.
fn is_understood(seen: &Seen, status: u16, code: u16, error: &AuthError) {
    assert_eq!(seen.status, status, "{seen:?}");
    let told = Some((code, error.to_string()));
    for (client, makes) in [
        ("java", seen.by_java()),
        ("core", seen.by_core()),
        ("js", seen.by_js()),
        ("dotnet", seen.by_dotnet()),
        ("go", seen.by_go()),
    ] {
        assert_eq!(makes, told, "{client}: {seen:?}");
    }
    // 400 alone is another code there: INTERNAL.
    assert_eq!(seen.by_status(), if status == 400 { 13 } else { code });
}

#[tokio::test]
async fn every_client_understands_every_refusal() {
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let address = serve(auth.require_roles(["admin"])).await;
    let (user, expired) = (bearer(&issuer.token().roles(["user"])), bearer(&issuer.token().at(1_700_000_000)));
    let cases: [(&[&str], u16, u16, AuthError); 5] = [
        // The first that needs keys waits for them.
        (&[&user], 403, 7, AuthError::insufficient_role(["admin"])),
        (&[], 401, 16, AuthError::MissingToken),
        (&["Bearer forged"], 401, 16, AuthError::InvalidToken),
        (&[&expired], 401, 16, AuthError::TokenExpired),
        (&[&user, &user], 400, 3, AuthError::InvalidRequest),
    ];
    for (authorization, status, code, error) in cases {
        let seen = call(address, authorization).await;
        is_understood(&seen, status, code, &error);
        // Nothing else stands in it.
        let rejection = auth.rejection(error.clone());
        let mut expected: Vec<_> = rejection.headers().filter(|(name, _)| *name != "content-type").collect();
        let code = code.to_string();
        let message = error.to_string();
        expected.extend([("content-type", "application/grpc"), ("grpc-status", &code), ("grpc-message", &message)]);
        expected.sort_unstable();
        let mut headers: Vec<_> =
            seen.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        headers.sort_unstable();
        assert_eq!(headers, expected);
    }
    let good = call(address, &[&bearer(&issuer.token().roles(["admin"]))]).await;
    assert_eq!((good.status, good.header("grpc-status"), good.is_trailers_only), (200, None, false), "control");
}

#[tokio::test]
async fn every_client_understands_that_there_are_no_keys() {
    let issuer = issuer().await;
    issuer.inject(Endpoint::Jwks, Fault::status(500));
    let address = serve(auth(&issuer).require_auth()).await;
    for _ in ["after waiting", "at once, in the back-off"] {
        let seen = call(address, &[&bearer(&issuer.token())]).await;
        let retry_after: u64 = seen.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(seen.header("www-authenticate"), None);
        let retry_after = std::time::Duration::from_secs(retry_after);
        is_understood(&seen, 503, 14, &AuthError::keys_unavailable(retry_after));
    }
}

#[tokio::test]
async fn message_in_any_language_arrives_whole() {
    let issuer = issuer().await;
    let roles = ["grüß 100% 😀 ~"];
    let address = serve(auth(&issuer).require(Policy::roles(roles))).await;
    let seen = call(address, &[&bearer(&issuer.token())]).await;
    is_understood(&seen, 403, 7, &AuthError::insufficient_role(roles));
    let message = "the access token lacks a required role: gr%C3%BC%C3%9F 100%25 %F0%9F%98%80 ~";
    assert_eq!(seen.header("grpc-message"), Some(message));
}

/// The frames themselves: one of headers that ends the stream, and none of data.
#[tokio::test]
async fn answer_is_one_frame_of_headers() {
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let issuer = issuer().await;
    let address = serve(auth(&issuer).require_auth()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    // HPACK (RFC 7541) without compression: indexed where the static table has the pair, else literal.
    let mut block = vec![0x83, 0x86]; // :method POST, :scheme http
    let mut literal = |name: &[u8], value: &str| {
        block.extend(name);
        block.push(u8::try_from(value.len()).unwrap());
        block.extend(value.as_bytes());
    };
    literal(&[0x04], "/test.Service/Ask"); // :path
    literal(&[0x01], "api.test"); // :authority
    literal(&[0x0f, 31 - 15], "application/grpc"); // content-type
    literal(&[0x00, 2, b't', b'e'], "trailers");
    let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    request.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]); // SETTINGS, empty
    request.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, END_STREAM | END_HEADERS, 0, 0, 0, 1]); // HEADERS
    request.extend(block);
    request.extend([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]); // PING: its answer comes last
    stream.write_all(&request).await.unwrap();

    let mut on_stream = Vec::new();
    let mut is_ponged = false;
    while !is_ponged || on_stream.is_empty() {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let (kind, flags, id) = (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        is_ponged |= (kind, flags) == (6, 1);
        // WINDOW_UPDATE says nothing of the answer.
        if id == 1 && kind != 8 {
            on_stream.push((kind, flags));
        }
    }
    assert_eq!(on_stream, [(1, END_HEADERS | END_STREAM)]);
}
