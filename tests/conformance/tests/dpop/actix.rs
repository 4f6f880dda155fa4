//! The application on actix-web.

use std::net::SocketAddr;

use actix_web::dev::{Service, ServiceRequest};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, Bytes, Data, get, resource, scope};
use actix_web::{HttpRequest, HttpResponse};
use rampart_actix::{AuthRejection, Policy, RampartAuth, RampartAuthExt, RequireAuth};
use rampart_conformance::apps::actix::{Layers, serve_on_free_port};

use crate::answers::{self, REPLACEMENTS};

pub(crate) fn start(auth: &RampartAuth, other: &RampartAuth) -> SocketAddr {
    let (auth, other) = (auth.clone(), other.clone());
    serve_on_free_port(Layers { responses: true, ..Layers::default() }, move |config| {
        let replaced = resource("/replaced")
            .wrap_fn(|request, inner| inner.call(replace(request)))
            .wrap(auth.require_auth())
            .route(get().to(guarded));
        let both = resource("/both/{what}").wrap(auth.optional_auth()).wrap(auth.require_auth()).route(get().to(both));
        config
            .app_data(Data::new(auth.clone()))
            .service(resource("/public").route(get().to(async || "public")))
            .service(resource("/layer/{what}").wrap(auth.require_auth()).route(get().to(answer)))
            .service(
                resource("/guard/{what}")
                    .route(get().to(async |_: RequireAuth, path: web::Path<String>| answer(path).await)),
            )
            .service(both)
            .service(resource("/objects").wrap(other.require_auth()).route(get().to(guarded)))
            .service(replaced)
            .service(scope("/elsewhere").wrap(auth.require_auth()).default_service(web::to(guarded)));
    })
}

async fn guarded(user: RequireAuth) -> String {
    user.sub.clone()
}

async fn both(user: RequireAuth, path: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, AuthRejection> {
    user.require(&Policy::roles(["user"]), &request)?;
    Ok(answer(path).await)
}

async fn answer(what: web::Path<String>) -> HttpResponse {
    let (status, cache_control) = answers::answer(&what);
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(value) = cache_control {
        response.insert_header(("cache-control", value));
    }
    if *what == "stream" {
        let pieces = ["a", "b"].map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
        return response.streaming(rocket::futures::stream::iter(pieces));
    }
    response.finish()
}

fn replace(mut request: ServiceRequest) -> ServiceRequest {
    for (new, field) in REPLACEMENTS {
        let value = request.headers_mut().remove(new).next();
        if let Some(value) = value {
            if value.is_empty() {
                request.headers_mut().remove(field);
            } else {
                request.headers_mut().insert(HeaderName::from_static(field), value);
            }
        }
    }
    request
}
