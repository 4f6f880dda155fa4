//! The application on Rocket, whose requests nothing changes between two guards.
#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards over by value")]

use std::convert::Infallible;
use std::net::SocketAddr;

use rampart_conformance::apps::rocket::{empty, launch_on_free_port};
use rampart_rocket::{Policy, Rampart, RampartAuth, RampartAuthExt, Refused, RequireAuth};
use rocket::http::{Header, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::stream::TextStream;
use rocket::response::{Responder, Response};
use rocket::{Request, get, routes};

use crate::answers;

pub(crate) fn start(auth: &RampartAuth, other: &RampartAuth) -> SocketAddr {
    let within = auth.optional_auth().routes(routes![both]);
    launch_on_free_port(
        empty()
            .attach(Rampart::fairing(auth.clone()))
            .mount("/", routes![public, guard, first, second, third])
            .mount("/layer", auth.require_auth().routes(routes![layer]))
            .mount("/both", auth.require_auth().routes(within))
            .mount("/objects", other.require_auth().routes(routes![guarded])),
    )
}

/// Forwards to the route of the next rank.
struct Elsewhere;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Elsewhere {
    type Error = Infallible;

    async fn from_request(_: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Forward(Status::NotFound)
    }
}

struct Answer<'r>(&'r str);

impl<'r> Responder<'r, 'r> for Answer<'r> {
    fn respond_to(self, request: &'r Request<'_>) -> rocket::response::Result<'r> {
        let (status, cache_control) = answers::answer(self.0);
        let mut response = Response::build();
        if self.0 == "stream" {
            response.merge(TextStream(rocket::futures::stream::iter(["a", "b"])).respond_to(request)?);
        }
        response.status(Status::new(status));
        if let Some(value) = cache_control {
            response.header(Header::new("cache-control", value));
        }
        response.ok()
    }
}

#[get("/public")]
fn public() -> &'static str {
    "public"
}

#[get("/<what>")]
fn layer(what: &str) -> Answer<'_> {
    Answer(what)
}

#[get("/guard/<what>")]
fn guard(_user: RequireAuth, what: &str) -> Answer<'_> {
    Answer(what)
}

#[get("/<what>")]
fn both(user: RequireAuth, what: &str) -> Result<Answer<'_>, Refused> {
    user.require(&Policy::roles(["user"]))?;
    Ok(Answer(what))
}

#[get("/")]
fn guarded(user: RequireAuth) -> String {
    user.sub.clone()
}

#[get("/elsewhere/<_>", rank = 1)]
fn first(user: RequireAuth, _elsewhere: Elsewhere) -> String {
    user.sub.clone()
}

#[get("/elsewhere/<_>", rank = 2)]
fn second(user: RequireAuth, _elsewhere: Elsewhere) -> String {
    user.sub.clone()
}

#[get("/elsewhere/<_>", rank = 3)]
fn third(user: RequireAuth) -> String {
    user.sub.clone()
}
