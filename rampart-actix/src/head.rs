//! A request as the core reads it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rampart_core::adapter::RequestHead;

pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Borrows a request.
pub(crate) struct Head<'r>(pub(crate) &'r HttpRequest);

impl RequestHead for Head<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        // A constant is found faster than a name that must be read first.
        let values = match name {
            "authorization" => Some(self.0.headers().get_all(AUTHORIZATION)),
            "dpop" => Some(self.0.headers().get_all(DPOP)),
            other => other.parse::<HeaderName>().ok().map(|name| self.0.headers().get_all(name)),
        };
        values.into_iter().flatten().map(HeaderValue::as_bytes)
    }

    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    /// Whole inside scopes too; but what `NormalizePath` or other middleware further out has put in its place, for nothing keeps
    /// what the client sent.
    fn path(&self) -> &str {
        self.0.uri().path()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr().map(|address| address.ip())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::dev::Service;
    use actix_web::http::Method;
    use actix_web::middleware::NormalizePath;
    use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
    use actix_web::{App, web};

    use super::*;

    fn seen(request: &HttpRequest) -> String {
        format!("{} {}", Head(request).method(), Head(request).path())
    }

    async fn handler(request: HttpRequest) -> String {
        seen(&request)
    }

    fn request(method: Method, target: &str) -> TestRequest {
        TestRequest::default().method(method).uri(target)
    }

    #[actix_web::test]
    async fn method_and_path_are_those_that_the_client_sent() {
        let tasks = web::scope("/api").service(web::scope("/tasks").route("/{id}", web::to(handler)));
        let app = init_service(App::new().service(tasks)).await;
        for method in [Method::GET, Method::PUT] {
            let body = call_and_read_body(&app, request(method.clone(), "/api/tasks/%61?b=c").to_request()).await;
            assert_eq!(body, format!("{method} /api/tasks/%61"));
        }
    }

    /// So the middleware of this crate belongs around it.
    #[actix_web::test]
    async fn path_that_was_normalized_is_seen_as_it_was_from_further_out_alone() {
        let app =
            App::new().route("/tasks", web::get().to(handler)).wrap(NormalizePath::trim()).wrap_fn(|request, inner| {
                let outside = seen(request.request());
                let response = inner.call(request);
                async move {
                    let mut response = response.await?;
                    let value = HeaderValue::from_str(&outside).unwrap();
                    response.headers_mut().insert(HeaderName::from_static("x-outside"), value);
                    Ok(response)
                }
            });
        let app = init_service(app).await;
        let response = call_service(&app, request(Method::GET, "//tasks/").to_request()).await;
        assert_eq!(response.headers().get("x-outside").unwrap(), "GET //tasks/");
        assert_eq!(actix_web::test::read_body(response).await, "GET /tasks");
    }
}
