//! What other issuers say otherwise: claims that are missing, or stand elsewhere. Each is allowed by a setting of its own, and no other way.

use rampart_core::AuthError;

use crate::common::{AUTH, Auth, Draft, NOW, quoted};

#[test]
fn token_without_iat_is_accepted_where_it_is_optional() {
    let auth = Auth::new(|builder| builder.issued_at_optional(true));
    let absent = [("absent", Draft::good().without("iat")), ("null", Draft::good().claim("iat", "null"))];
    for (id, draft) in &absent {
        assert_eq!(auth.accepts(id, &draft.sign()).iat, None, "{id}");
        AUTH.answers(id, &draft.sign(), &AuthError::missing_claim("iat"), "V6b");
    }
    assert_eq!(auth.accepts("there", &Draft::good().sign()).iat, Some(NOW - 60));
    for iat in [&quoted("1"), "true", "[]", "-1", "253402300800", &(NOW + 6).to_string()] {
        auth.refuses(&format!("iat {iat}"), &Draft::good().claim("iat", iat).sign(), "V9");
    }
    auth.refuses("nbf has not come", &absent[0].1.clone().claim("nbf", &(NOW + 6).to_string()).sign(), "V9");
    let required = Auth::new(|builder| builder.issued_at_optional(true).required_claims(["iat"]));
    for (id, draft) in &absent {
        required.answers(id, &draft.sign(), &AuthError::missing_claim("iat"), "V10");
    }
    required.accepts("required and there", &Draft::good().sign());
}
