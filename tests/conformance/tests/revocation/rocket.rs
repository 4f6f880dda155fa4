//! The application on Rocket.
#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards over by value")]

use std::net::SocketAddr;
use std::sync::Arc;

use rampart_conformance::apps::rocket::{empty, launch_by};
use rampart_rocket::{OptionalAuth, Policy, Rampart, RampartAuthExt, Refused, RequireAuth, backchannel_logout};
use rocket::fairing::AdHoc;
use rocket::http::Header;
use rocket::{State, get, routes};
use tokio::runtime::Builder;
use tokio::time::{Instant, pause};

use crate::world::{Gate, LOGOUT, Parts};

pub(crate) fn start(parts: &Parts) -> SocketAddr {
    let Parts { auth, other, gate } = parts;
    // Where a request asks for it, time goes by from now on as soon as everybody waits; the answer says how much did.
    let pausing = AdHoc::on_request("pause", |request, _| {
        Box::pin(async move {
            if request.headers().contains("x-pause") {
                pause();
                request.local_cache(|| Some(Instant::now()));
            }
        })
    });
    let taking = AdHoc::on_response("took", |request, response| {
        Box::pin(async move {
            if let Some(begun) = request.local_cache(|| None::<Instant>) {
                response.set_header(Header::new("x-took", begun.elapsed().as_secs().to_string()));
            }
        })
    });
    let rocket = empty()
        .attach(Rampart::fairing(auth.clone()))
        .attach(pausing)
        .attach(taking)
        .manage(Arc::clone(gate))
        .mount("/", routes![me, optional, slow, slow_to_ask])
        .mount("/layer", auth.require_auth().routes(routes![guarded]))
        .mount("/objects", other.require_auth().routes(routes![guarded]))
        .mount(LOGOUT, backchannel_logout(auth))
        .mount(format!("/auth{LOGOUT}"), backchannel_logout(auth))
        .mount("/with-a-slash/", backchannel_logout(auth));
    // Of one thread, so that its time can be stopped.
    launch_by(&mut Builder::new_current_thread(), rocket)
}

#[get("/me")]
fn me(user: RequireAuth) -> String {
    user.sub.clone()
}

#[get("/")]
fn guarded(user: RequireAuth) -> String {
    user.sub.clone()
}

#[get("/optional")]
fn optional(user: OptionalAuth) -> String {
    user.as_ref().map_or_else(|| "anonymous".to_owned(), |user| user.sub.clone())
}

#[get("/slow")]
async fn slow(user: RequireAuth, gate: &State<Arc<Gate>>) -> String {
    gate.pass().await;
    user.sub.clone()
}

#[get("/slow-to-ask")]
async fn slow_to_ask(user: RequireAuth, gate: &State<Arc<Gate>>) -> Result<String, Refused> {
    gate.pass().await;
    user.require(&Policy::roles(["admin"]))?;
    Ok(user.sub.clone())
}
