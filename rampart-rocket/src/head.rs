//! A request as the core reads it.

use std::net::IpAddr;

use rampart_core::adapter::RequestHead;
use rocket::Request;
use rocket::http::Method;

/// Borrows a request.
pub(crate) struct Head<'r, 'l>(pub(crate) &'r Request<'l>);

impl RequestHead for Head<'_, '_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.headers().get(name).map(str::as_bytes)
    }

    fn method(&self) -> &str {
        Sent::method(self.0).as_str()
    }

    /// What a fairing has put in its place, where one has.
    fn path(&self) -> &str {
        self.0.uri().path().as_str()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.remote().map(|address| address.ip())
    }
}

/// The method as it was when somebody looked first.
///
/// Rocket makes a `GET` of a `HEAD` for which there is no route, before the guards of that route run. The `_method` of a form
/// counts: it decides what runs, and nobody sees the method that was sent instead.
pub(crate) struct Sent(Method);

impl Sent {
    /// Looks before Rocket changes it.
    pub(crate) fn remember(request: &Request<'_>) {
        // Nothing is kept for most requests.
        if request.method() == Method::Head {
            Self::method(request);
        }
    }

    fn method(request: &Request<'_>) -> Method {
        request.local_cache(|| Self(request.method())).0
    }
}

#[cfg(test)]
mod tests {
    use rampart_core::RampartAuth;
    use rocket::http::{ContentType, Header};
    use rocket::local::asynchronous::Client;
    use rocket::request::{FromRequest, Outcome};
    use rocket::{get, put, routes};

    use super::*;
    use crate::Rampart;

    /// What the core is shown: method and path.
    struct Seen(String);

    #[rocket::async_trait]
    impl<'r> FromRequest<'r> for Seen {
        type Error = ();

        async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
            let head = Head(request);
            Outcome::Success(Self(format!("{} {}", head.method(), head.path())))
        }
    }

    /// In a header: an answer to `HEAD` has no body.
    #[derive(rocket::Responder)]
    struct Told((), Header<'static>);

    impl From<Seen> for Told {
        fn from(seen: Seen) -> Self {
            Self((), Header::new("x-seen", seen.0))
        }
    }

    #[get("/tasks/<_>")]
    fn tasks(seen: Seen) -> Told {
        seen.into()
    }

    #[put("/tasks/<_>")]
    fn change(seen: Seen) -> Told {
        seen.into()
    }

    async fn client() -> Client {
        let auth = RampartAuth::new("https://auth.example.com", "my-api").unwrap();
        let rocket = rocket::build().attach(Rampart::fairing(auth)).mount("/api", routes![tasks, change]);
        Client::untracked(rocket).await.unwrap()
    }

    #[tokio::test]
    async fn method_and_path_are_those_that_the_client_sent() {
        let client = client().await;
        for (method, expected) in [(Method::Get, "GET"), (Method::Head, "HEAD"), (Method::Put, "PUT")] {
            let answer = client.req(method, "/api/tasks/%61?b=c").dispatch().await;
            assert_eq!(answer.headers().get_one("x-seen"), Some(&*format!("{expected} /api/tasks/%61")));
        }
    }

    #[tokio::test]
    async fn method_that_a_form_asks_for_is_the_one_that_runs() {
        let client = client().await;
        let answer = client.post("/api/tasks/1").header(ContentType::Form).body("_method=put").dispatch().await;
        assert_eq!(answer.headers().get_one("x-seen"), Some("PUT /api/tasks/1"));
    }
}
