//! A request as the core reads it.

use axum::extract::OriginalUri;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Uri};
use rampart_core::adapter::RequestHead;

pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Borrows from a request.
pub(crate) struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r Extensions,
}

impl<'r> Head<'r> {
    pub(crate) fn of_parts(parts: &'r Parts) -> Self {
        Self { method: &parts.method, uri: &parts.uri, headers: &parts.headers, extensions: &parts.extensions }
    }

    pub(crate) fn of_request<B>(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl RequestHead for Head<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        // A constant is found faster than a name that must be read first.
        let values = match name {
            "authorization" => Some(self.headers.get_all(AUTHORIZATION)),
            "dpop" => Some(self.headers.get_all(DPOP)),
            other => other.parse::<HeaderName>().ok().map(|name| self.headers.get_all(name)),
        };
        values.into_iter().flatten().map(http::HeaderValue::as_bytes)
    }

    fn method(&self) -> &str {
        self.method.as_str()
    }

    /// What a layer around the whole `Router` has put in its place, where one has: the first `Router` keeps what it is given.
    fn path(&self) -> &str {
        // What nesting has left of the path is not what the client sent. Around a whole `Router` there is no nesting yet.
        self.extensions.get::<OriginalUri>().map_or(self.uri, |original| &original.0).path()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::map_request;
    use axum::routing::any;
    use tower::ServiceExt;

    use super::*;

    async fn seen(parts: Parts) -> ([(&'static str, String); 1], ()) {
        let head = Head::of_parts(&parts);
        ([("x-seen", format!("{} {}", head.method(), head.path()))], ())
    }

    async fn ask(router: Router, method: &str, target: &str) -> String {
        let request = Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let seen = response.headers()["x-seen"].to_str().unwrap().to_owned();
        assert!(to_bytes(response.into_body(), 0).await.unwrap().is_empty());
        seen
    }

    #[tokio::test]
    async fn method_and_path_are_those_that_the_client_sent() {
        let tasks =
            || Router::new().nest("/api", Router::new().nest("/tasks", Router::new().route("/{id}", any(seen))));
        let shortened = || {
            tasks().layer(map_request(|mut request: Request<Body>| async {
                *request.uri_mut() = Uri::from_static("/api/tasks/2");
                request
            }))
        };
        for method in ["GET", "HEAD", "PUT"] {
            assert_eq!(ask(tasks(), method, "/api/tasks/%61?b=c").await, format!("{method} /api/tasks/%61"));
            // Within the router, what a layer makes of the path has no part in it.
            assert_eq!(ask(shortened(), method, "/api/tasks/1").await, format!("{method} /api/tasks/1"));
        }
    }
}
