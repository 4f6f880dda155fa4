//! The application on actix-web, whose workers have a thread each, so that their time can be stopped.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, ServiceConfig, get, resource, scope};
use actix_web::{HttpRequest, HttpResponse};
use rampart_actix::{AuthRejection, OptionalAuth, Policy, RampartAuthExt, RequireAuth, backchannel_logout};
use rampart_conformance::apps::actix::{Layers, serve_on_free_port};
use tokio::time::{Instant, pause};

use crate::world::{Gate, LOGOUT, Parts};

pub(crate) fn start(parts: &Parts) -> SocketAddr {
    let Parts { auth, other, gate } = parts;
    let (auth, other, gate) = (auth.clone(), other.clone(), Arc::clone(gate));
    serve_on_free_port(Layers::default(), move |config: &mut ServiceConfig| {
        let within = resource("/deeper").route(backchannel_logout(&auth));
        config
            .app_data(Data::new(auth.clone()))
            .app_data(Data::from(Arc::clone(&gate)))
            .service(resource("/me").route(get().to(guarded)))
            .service(resource("/layer").wrap(auth.require_auth()).route(get().to(guarded)))
            .service(resource("/optional").route(get().to(optional)))
            .service(resource("/slow").route(get().to(slow)))
            .service(resource("/slow-to-ask").route(get().to(slow_to_ask)))
            .service(resource("/objects").wrap(other.require_auth()).route(get().to(guarded)))
            .service(resource(LOGOUT).wrap(from_fn(pausing)).route(backchannel_logout(&auth)))
            .service(scope("/auth").route(LOGOUT, backchannel_logout(&auth)).service(scope("/within").service(within)));
    })
}

async fn guarded(user: RequireAuth) -> String {
    user.sub.clone()
}

async fn optional(user: OptionalAuth) -> String {
    user.as_ref().map_or_else(|| "anonymous".to_owned(), |user| user.sub.clone())
}

async fn slow(user: RequireAuth, gate: Data<Gate>) -> HttpResponse {
    gate.pass().await;
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(user.sub.clone())
}

async fn slow_to_ask(request: HttpRequest, user: RequireAuth, gate: Data<Gate>) -> Result<HttpResponse, AuthRejection> {
    gate.pass().await;
    user.require(&Policy::roles(["admin"]), &request)?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(user.sub.clone()))
}

/// Where a request asks for it, time goes by from now on as soon as everybody waits; the answer says how much did.
async fn pausing(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !request.headers().contains_key("x-pause") {
        return next.call(request).await;
    }
    pause();
    let begun = Instant::now();
    let mut response = next.call(request).await?;
    let took = HeaderValue::from(begun.elapsed().as_secs());
    response.headers_mut().insert(HeaderName::from_static("x-took"), took);
    Ok(response)
}
