//! Refusals in a form of the application's own: what `--custom-errors` turns on.

use actix_web::body::BoxBody;
use actix_web::error::InternalError;
use actix_web::{HttpRequest, ResponseError};
use rampart_actix::AuthRejection;
use task_api_shared::custom_error;

/// For `RampartConfig::error_handler`, which hears of the refusals of guards and of middleware. Of the usual answer, the body alone is
/// changed: the challenge must stay (RFC 9110 section 15.5.2).
pub fn custom_errors(rejection: AuthRejection, _: &HttpRequest) -> actix_web::Error {
    match custom_error(rejection.error()) {
        Some(body) => {
            let answer = rejection.error_response().set_body(BoxBody::new(body));
            InternalError::from_response(rejection, answer).into()
        }
        None => rejection.into(),
    }
}
