//! The form of refusals that `--custom-errors` turns on.

use rampart_core::AuthError;
use serde_json::json;

/// The body of a 401 in another form than the usual one: it says apart whether signing in again will do. Refusals of another status
/// are none of the token (403: the user lacks a right; 503: the issuer's keys cannot be had), and keep the usual form.
pub fn custom_error(error: &AuthError) -> Option<String> {
    let body = match error {
        AuthError::TokenExpired => json!({"error": "token_expired", "message": "Session expired."}),
        error if error.status() == 401 => json!({"error": "unauthorized", "message": "Invalid token."}),
        _ => return None,
    };
    Some(body.to_string())
}
