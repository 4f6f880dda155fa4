//! The layer under tonic, over a real connection: a client of gRPC learns by the status why it was refused.
#![cfg(test)]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::uri::PathAndQuery;
use axum::http::{Request, Response, StatusCode};
use rampart_axum::{AuthError, Claims, RampartAuth, RampartAuthExt};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use tower::Service;

/// What generated code is: a service with a name. It tells by a status who calls.
#[derive(Clone)]
struct WhoAmI;

impl NamedService for WhoAmI {
    const NAME: &'static str = "test.WhoAmI";
}

impl Service<Request<Body>> for WhoAmI {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let claims = request.extensions().get::<Arc<Claims>>().unwrap();
        let status = Status::already_exists(claims.sub.clone());
        Box::pin(async { Ok(status.into_http()) })
    }
}

/// Messages without content.
#[derive(Clone, Default)]
struct Empty;

impl Codec for Empty {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Empty {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for Empty {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, _: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        Ok(Some(()))
    }
}

async fn call(channel: &Channel, token: Option<&str>) -> Status {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(());
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let path = PathAndQuery::from_static("/test.WhoAmI/Ask");
    client.unary::<(), (), Empty>(request, path, Empty).await.unwrap_err()
}

async fn serve(auth: &RampartAuth) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().layer(auth.require_roles(["admin"])).add_service(WhoAmI);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Channel::from_shared(url).unwrap().connect().await.unwrap()
}

fn metadata(status: &Status, name: &str) -> Option<String> {
    status.metadata().get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn refused_call_has_a_status_of_grpc_and_the_challenge_as_metadata() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    let channel = serve(&RampartAuth::new(issuer.url(), issuer.audience()).unwrap()).await;
    let sign = |roles: &[&str], at: Option<u64>| {
        let token = issuer.token().sub("ada").roles(roles);
        at.map_or_else(|| token.clone(), |at| token.clone().at(at)).sign().unwrap()
    };

    // The first one waits for the keys.
    let admin = call(&channel, Some(&sign(&["admin"], None))).await;
    assert_eq!((admin.code(), admin.message()), (Code::AlreadyExists, "ada"));

    let (user, expired) = (sign(&["user"], None), sign(&["admin"], Some(1_700_000_000)));
    let cases = [
        (None, Code::Unauthenticated, AuthError::MissingToken, r#"Bearer realm="default""#),
        (Some("bad"), Code::Unauthenticated, AuthError::InvalidToken, r#"error="invalid_token""#),
        (Some(&*expired), Code::Unauthenticated, AuthError::TokenExpired, "The access token expired"),
        (
            Some(&*user),
            Code::PermissionDenied,
            AuthError::insufficient_role(["admin"]),
            r#"error="insufficient_scope""#,
        ),
    ];
    for (token, code, error, challenge) in cases {
        let status = call(&channel, token).await;
        assert_eq!((status.code(), status.message()), (code, &*error.to_string()));
        assert!(metadata(&status, "www-authenticate").unwrap().contains(challenge), "{status:?}");
    }
}

#[tokio::test]
async fn call_without_keys_to_check_it_is_unavailable() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    issuer.inject(Endpoint::Jwks, Fault::status(500));
    let channel = serve(&RampartAuth::new(issuer.url(), issuer.audience()).unwrap()).await;
    for _ in ["after waiting", "at once, in the back-off"] {
        let status = call(&channel, Some(&issuer.token().sign().unwrap())).await;
        assert_eq!((status.code(), metadata(&status, "retry-after").as_deref()), (Code::Unavailable, Some("1")));
    }
}

#[tokio::test]
async fn refusal_stays_a_refusal_of_http_whatever_content_type_the_caller_names() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let answer = |content_type: &'static str| {
        let service = tower::service_fn(|_: Request<axum::body::Body>| async {
            Ok::<_, Infallible>(Response::new(axum::body::Body::from("in")))
        });
        let request = Request::get("/").header("content-type", content_type).body(axum::body::Body::empty()).unwrap();
        tower::ServiceExt::oneshot(tower::Layer::layer(&auth.require_auth(), service), request)
    };
    let (plain, grpc) = (answer("text/plain").await.unwrap(), answer("application/grpc+proto").await.unwrap());
    assert_eq!((plain.status(), grpc.status()), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    let mut headers = grpc.headers().clone();
    assert_eq!(headers.remove("grpc-status").unwrap(), "16");
    assert_eq!(headers.remove("grpc-message").unwrap(), AuthError::MissingToken.to_string());
    assert_eq!(headers.insert("content-type", "application/json".parse().unwrap()).unwrap(), "application/grpc");
    assert_eq!(headers, *plain.headers());
    let body = |response: Response<axum::body::Body>| axum::body::to_bytes(response.into_body(), 1024);
    assert_eq!(body(grpc).await.unwrap(), "");
    assert_eq!(body(plain).await.unwrap(), auth.rejection(AuthError::MissingToken).body());
    // Not a call of gRPC, whatever it looks like: gRPC-Web has its own rules, and no others begin so.
    for other in ["application/grpc-web", "application/grpc-web+proto", "application/grpcx", "application/json"] {
        assert_eq!(answer(other).await.unwrap().headers()["content-type"], "application/json", "{other}");
    }
    for call in ["application/grpc", "application/grpc;charset=utf-8", "application/grpc+json"] {
        assert_eq!(answer(call).await.unwrap().headers()["content-type"], "application/grpc", "{call}");
    }
}
