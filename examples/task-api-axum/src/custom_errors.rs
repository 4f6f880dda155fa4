//! Refusals in a form of the application's own: what `--custom-errors` turns on.

use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use rampart_axum::AuthRejection;
use task_api_shared::custom_error;

/// For `Router::layer(map_response(custom_errors))`. A refusal brings its [`AuthRejection`] along in the extensions of the response,
/// from an extractor as from a layer; of its answer, the body alone is changed: the challenge must stay (RFC 9110 section 15.5.2).
pub async fn custom_errors(response: Response) -> Response {
    let rejection = response.extensions().get::<AuthRejection>();
    let Some(body) = rejection.and_then(|rejection| custom_error(rejection.error())) else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}
