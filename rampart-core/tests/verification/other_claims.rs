//! What other issuers say otherwise: claims that are missing, or stand elsewhere. Each is allowed by a setting of its own, and no other way.

use rampart_core::AuthError;

use crate::common::{AUDIENCE, AUTH, Auth, Draft, NOW, quoted};

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

#[test]
fn cl03_other_claim_stands_in_for_aud_only_where_that_is_absent() {
    let auth = Auth::new(|builder| builder.audience_claim("/azp"));
    let asked_by = |azp: &str| Draft::good().claim("azp", azp);
    let ours = || asked_by(&quoted(AUDIENCE));
    for (id, draft) in [("absent", ours().without("aud")), ("null", ours().claim("aud", "null"))] {
        let claims = auth.accepts(id, &draft.sign());
        assert!(claims.aud.iter().eq([AUDIENCE]), "{id}");
        AUTH.answers(id, &draft.sign(), &AuthError::missing_claim("aud"), "V6b");
    }
    let several = asked_by(&format!(r#"["other",{}]"#, quoted(AUDIENCE))).without("aud");
    assert!(auth.accepts("several", &several.sign()).aud.iter().eq(["other", AUDIENCE]));
    for aud in [r#""other""#, r#"["other"]"#, "[]", "1", "true", "{}", r#""""#] {
        auth.refuses(&format!("aud {aud}"), &ours().claim("aud", aud).sign(), "V8");
    }
    auth.accepts("aud decides alone", &asked_by(r#""other""#).sign());
    auth.accepts("nothing stands in", &Draft::good().sign());
    let silent = || Draft::good().without("aud");
    for azp in [r#""other""#, r#""""#, "[]", "1", "{}", r#"["other"]"#] {
        auth.refuses(&format!("azp {azp}"), &silent().claim("azp", azp).sign(), "V8");
    }
    for (id, draft) in [("neither", silent()), ("both null", silent().claim("azp", "null").claim("aud", "null"))] {
        auth.answers(id, &draft.sign(), &AuthError::missing_claim("aud"), "V6b");
    }
    let below = Auth::new(|builder| builder.audience_claim("/client/id"));
    below.accepts("below", &silent().claim("client", &format!(r#"{{"id":{}}}"#, quoted(AUDIENCE))).sign());
    below.answers("no way", &silent().claim("client", "1").sign(), &AuthError::missing_claim("aud"), "V6b");
    let required = Auth::new(|builder| builder.audience_claim("/azp").required_claims(["aud"]));
    required.answers("aud itself is required", &ours().without("aud").sign(), &AuthError::missing_claim("aud"), "V10");
}
