//! Any bytes as the payload of a genuinely signed token: what is accepted is what the claims then say.

use proptest::collection::vec;
use proptest::prelude::*;
use rampart_core::AuthError;
use serde_json::Value;

use super::common::{self, AUDIENCE, Draft, ISSUER, NOW, base64url, quoted, sign_text};
use super::{AUTH, cases, cheap_algorithm, is_short, json_text, key_of, object};

/// A claim by a name that means something, or by any other.
fn claim() -> impl Strategy<Value = (String, String)> {
    let names = &[
        "iss",
        "aud",
        "exp",
        "iat",
        "nbf",
        "sub",
        "email",
        "email_verified",
        "name",
        "preferred_username",
        "given_name",
        "family_name",
        "org_id",
        "token_type",
        "type",
        "roles",
        "scope",
        "scp",
        "typ",
        "token_use",
        "at_hash",
        "c_hash",
        "events",
        "nonce",
        "cnf",
    ];
    let name = prop_oneof![5 => prop::sample::select(&names[..]).prop_map(str::to_owned), 1 => any::<String>()];
    let near =
        (NOW - 10..NOW + 10, 0_u32..1000).prop_map(|(seconds, milliseconds)| format!("{seconds}.{milliseconds:03}"));
    let value = prop_oneof![
        3 => json_text(),
        2 => near,
        2 => vec("[ -~]{0,9}", 0..4).prop_map(|list| Value::from(list).to_string()),
        1 => prop::sample::select(&["admin", "a b", " a  b ", "access", "Bearer", "ID", "", "a\tb"][..]).prop_map(quoted),
        1 => Just(format!(r#"["x","{AUDIENCE}"]"#)),
    ];
    (name, value)
}

/// The payload of a good token with up to three claims set, and seldom one of them twice.
fn nearly_good() -> impl Strategy<Value = String> {
    (vec(claim(), 0..4), prop::option::weighted(0.1, claim())).prop_map(|(claims, twice)| {
        let draft = claims.into_iter().fold(Draft::good(), |draft, (name, json)| {
            let name = quoted(&name);
            draft.claim(&name[1..name.len() - 1], &json)
        });
        let draft = twice.into_iter().fold(draft, |draft, (name, json)| {
            let name = quoted(&name);
            draft.also(&name[1..name.len() - 1], &json)
        });
        draft.payload.to_json()
    })
}

fn signed(algorithm: common::SignWith, payload: impl AsRef<[u8]>) -> String {
    let key = key_of(algorithm);
    let header = Draft::by(key).with(algorithm).header.to_json();
    sign_text(&format!("{}.{}", base64url(header), base64url(payload)), key, algorithm)
}

/// Members of the outermost object in the order of the text, read by another parser than the library's.
fn strings(value: Option<&Value>, split: bool) -> Vec<String> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if split => {
            text.split(' ').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list.iter().map(|element| element.as_str().unwrap().to_owned()).collect(),
        Some(other) => panic!("accepted: {other}"),
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn any_bytes_are_refused(algorithm in cheap_algorithm(), bytes in vec(any::<u8>(), 1..400)) {
        let (outcome, rule) = AUTH.ask("payload", &signed(algorithm, &bytes));
        prop_assert_eq!(outcome.err(), Some(AuthError::InvalidToken));
        prop_assert_eq!(rule.as_deref(), Some("V6"));
    }

    #[test]
    fn any_json_is_refused(
        algorithm in cheap_algorithm(),
        json in prop_oneof![json_text(), vec(claim(), 0..40).prop_map(|members| object(&members))],
    ) {
        let (outcome, _) = AUTH.ask("payload", &signed(algorithm, json));
        let error = outcome.err();
        prop_assert!(error.as_ref().is_some_and(is_short), "{error:?}");
    }

    /// Accepted only where an independent reading finds every claim as it must be, and the claims say the same.
    #[test]
    fn accepted_claims_are_those_of_the_payload(algorithm in cheap_algorithm(), payload in nearly_good()) {
        let (outcome, rule) = AUTH.ask("payload", &signed(algorithm, &payload));
        let claims = match outcome {
            Ok(claims) => claims,
            Err(error) => {
                prop_assert!(is_short(&error));
                let claim_rules = ["V6", "V6b", "V7", "V8", "V9", "V10", "V11", "V12"];
                prop_assert!(rule.is_some_and(|rule| claim_rules.contains(&&*rule)));
                return Ok(());
            }
        };
        let value: Value = serde_json::from_str(&payload).unwrap();
        let number = |name: &str| value.get(name).map(|value| value.as_f64().unwrap());
        #[allow(clippy::cast_precision_loss, reason = "of this century")]
        let now = NOW as f64;
        prop_assert_eq!(&value["iss"], ISSUER);
        prop_assert!(strings(value.get("aud"), false).iter().any(|audience| audience == AUDIENCE));
        prop_assert!(number("exp").unwrap() > now - 5.0 && number("iat").unwrap() <= now + 5.0);
        prop_assert!(number("nbf").is_none_or(|nbf| nbf <= now + 5.0));
        prop_assert_eq!(value["sub"].as_str(), Some(&*claims.sub));
        prop_assert!(!claims.sub.is_empty());
        prop_assert_eq!(&claims.roles, &strings(value.get("roles"), false));
        let scopes: Vec<_> = claims.scopes().map(str::to_owned).collect();
        let scope = value.get("scope").filter(|scope| !scope.is_null()).or(value.get("scp"));
        prop_assert_eq!(scopes, strings(scope, true));
        let texts = [
            ("email", &claims.email),
            ("name", &claims.name),
            ("preferred_username", &claims.preferred_username),
            ("given_name", &claims.given_name),
            ("family_name", &claims.family_name),
            ("org_id", &claims.org_id),
        ];
        for (name, claim) in texts {
            prop_assert_eq!(value.get(name).and_then(Value::as_str), claim.as_deref());
        }
        for kind in ["at_hash", "c_hash", "cnf"] {
            prop_assert!(value.get(kind).is_none_or(Value::is_null), "{}", kind);
        }
        prop_assert!(value.get("events").is_none_or(|events| !events.is_object()));
        // Nothing is lost: every claim is there, and the whole payload.
        prop_assert_eq!(claims.email_verified, value.get("email_verified").and_then(Value::as_bool));
        prop_assert_eq!(&claims.deserialize::<Value>().unwrap(), &value);
        prop_assert_eq!(&claims.to_json(), &value);
        for (name, one) in value.as_object().unwrap() {
            prop_assert_eq!(claims.get::<Value>(name).unwrap(), Some(one.clone()).filter(|one| !one.is_null()));
        }
    }
}
