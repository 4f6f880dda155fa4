//! Refusals in a form of the application's own: what `--custom-errors` turns on.

use rampart_rocket::AuthRejection;
use rocket::http::Status;
use rocket::{Either, Request, catch};
use task_api_shared::{Answer, custom_error};

use crate::{Json, unhandled};

/// For `Rocket::register("/", catchers![unauthorized])`. The fairing adds the challenge, which must stay (RFC 9110 section 15.5.2).
#[catch(401)]
pub fn unauthorized(status: Status, request: &Request<'_>) -> Either<AuthRejection, Json> {
    let rejection = AuthRejection::from_request(request);
    match rejection.and_then(|rejection| custom_error(rejection.error())) {
        Some(body) => Either::Right(Json(Answer { status: status.code, retry_after: None, body })),
        None => unhandled(status, request),
    }
}
