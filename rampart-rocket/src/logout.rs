//! Where the issuer says that somebody has signed out.

use std::io::Cursor;

use rampart_core::RampartAuth;
use rampart_core::adapter::LogoutReply;
use rocket::data::ToByteUnit;
use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome};
use rocket::{Data, Request, Response, Route, async_trait};

/// Back-channel logout (OpenID Connect Back-Channel Logout 1.0): what the issuer calls when somebody signs out there. The tokens of that session are
/// then refused, and with [`Revocations`](rampart_core::Revocations) that replicas share, on each of them.
///
/// The logout token must be one of the object's issuers', for one of the
/// [`logout_clients`](rampart_core::Issuer::logout_clients). The answer is 200 once the revocation is kept, 400 for a token that is not good,
/// and 503 while that cannot be decided or kept, so that the issuer comes again. It needs
/// [`revocations`](rampart_core::RampartAuthBuilder::revocations), and belongs outside of every guard: the issuer has no access token.
///
/// A form whose first field is `_method` is taken by Rocket for a request of that method, which is then no logout; and Rocket looks at the first 14
/// bytes of a body before the handler does, for however long they take. A method that Rocket does not know it answers itself, by 400, and a header field
/// that is not UTF-8 it leaves out.
///
/// ```
/// use rampart_rocket::{Rampart, RampartAuth, backchannel_logout};
/// use rocket::{Build, Rocket};
///
/// fn app(auth: RampartAuth) -> Rocket<Build> {
///     rocket::build().mount("/backchannel-logout", backchannel_logout(&auth)).attach(Rampart::fairing(auth))
/// }
/// ```
pub fn backchannel_logout(auth: &RampartAuth) -> Vec<Route> {
    use Method::{Connect, Delete, Get, Head, Options, Patch, Post, Put, Trace};
    let route = |method| {
        let mut route = Route::new(method, "/", Logout(auth.clone()));
        route.name = Some("backchannel_logout".into());
        route
    };
    [Post, Get, Head, Put, Patch, Delete, Options, Trace, Connect].into_iter().map(route).collect()
}

#[derive(Clone)]
struct Logout(RampartAuth);

#[async_trait]
impl Handler for Logout {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let reply = self.reply(request, data).await.unwrap_or_else(|refused| refused);
        let mut response = Response::new();
        response.set_status(Status::new(reply.status()));
        for (name, value) in reply.headers() {
            response.adjoin_raw_header(name, value.to_owned());
        }
        let body = reply.into_body();
        response.set_sized_body(body.len(), Cursor::new(body));
        Outcome::Success(response)
    }
}

impl Logout {
    async fn reply(&self, request: &Request<'_>, data: Data<'_>) -> Result<LogoutReply, LogoutReply> {
        if request.method() != Method::Post {
            return Err(LogoutReply::not_post());
        }
        LogoutReply::check_length(request.headers().get_one("content-length").map(str::as_bytes))?;
        let body = LogoutReply::in_time(data.open(LogoutReply::LONGEST_BODY.bytes()).into_bytes()).await?;
        let body = body.map_err(|_| LogoutReply::unreadable())?;
        let body = body.is_complete().then(|| body.into_inner());
        Ok(self.0.backchannel_logout(request.headers().get("content-type"), body.as_deref()).await)
    }
}
