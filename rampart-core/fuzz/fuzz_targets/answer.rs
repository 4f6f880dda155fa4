//! I2, I3 and the rules for claims: the input is what the issuer answers about an opaque token, as JSON, and as what a signed answer holds.
#![no_main]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use libfuzzer_sys::fuzz_target;
use parking_lot::Mutex;
use rampart_core::{AnswerFormat, Introspecting, Introspection, Question, RampartAuth, TokenIntrospector};
use rampart_core_fuzz::{AUDIENCE, ISSUER, NOW, builder, sign};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const CLIENT: &str = "api-client";

/// What the issuer answers next.
static ANSWER: Mutex<String> = Mutex::new(String::new());

#[derive(Debug)]
struct Issuer;

impl TokenIntrospector for Issuer {
    fn introspect<'a>(&'a self, question: Question<'a>) -> Introspecting<'a> {
        let answer = ANSWER.lock().clone();
        let signed = |answer: &str| {
            let payload =
                format!(r#"{{"iss":"{ISSUER}","aud":"{CLIENT}","iat":{NOW},"token_introspection":{answer}}}"#);
            sign(br#"{"alg":"EdDSA","typ":"token-introspection+jwt","kid":"ed-1"}"#, payload.as_bytes())
        };
        let text = if question.format == AnswerFormat::Jwt { signed(&answer) } else { answer };
        Box::pin(async move { Ok(text) })
    }

    fn client_id(&self) -> &str {
        CLIENT
    }
}

fn auth(introspection: Introspection) -> RampartAuth {
    // As small as it can be: what was asked about once is asked about no more.
    builder().introspection(introspection.cache_bytes(1)).__apart_from_others().build().expect("the settings are good")
}

static PLAIN: LazyLock<RampartAuth> = LazyLock::new(|| auth(Introspection::of(Issuer)));
static SIGNED: LazyLock<RampartAuth> = LazyLock::new(|| auth(Introspection::of(Issuer).signed()));
static CHECKED: LazyLock<RampartAuth> =
    LazyLock::new(|| auth(Introspection::of(Issuer).audience_is_checked_by_issuer()));

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
}
static TOKENS: AtomicU64 = AtomicU64::new(0);

/// Whether a token passes about which this is said.
fn passes(auth: &RampartAuth) -> bool {
    let token = format!("opaque-{}", TOKENS.fetch_add(1, Ordering::Relaxed));
    RUNTIME.with(|runtime| runtime.block_on(auth.verify(&token))).is_ok()
}

/// An independent reading of what has passed.
fn check(answer: &Value, is_audience_checked: bool) {
    let members = answer.as_object().expect("an object");
    assert_eq!(members.get("active"), Some(&Value::Bool(true)));
    let there = |name: &str| members.get(name).filter(|value| !value.is_null());
    assert!(there("iss").is_none_or(|iss| iss == ISSUER));
    let holds =
        |aud: &Value| *aud == json!(AUDIENCE) || aud.as_array().is_some_and(|all| all.contains(&json!(AUDIENCE)));
    assert!(there("aud").map_or(is_audience_checked, holds));
    assert!(there("sub").and_then(Value::as_str).is_some_and(|sub| !sub.is_empty()));
    let time = |name: &str| there(name).map(|time| time.as_f64().expect("a number"));
    let now = NOW as f64;
    assert!(time("exp").is_none_or(|exp| exp > now - 5.0 && exp >= 0.0));
    assert!(["iat", "nbf"].into_iter().all(|name| time(name).is_none_or(|time| time <= now + 5.0)));
    let says = |name: &str, known: &[&str]| {
        there(name).and_then(Value::as_str).is_some_and(|own| known.iter().any(|known| own.eq_ignore_ascii_case(known)))
    };
    assert!(there("token_type").is_none() || says("token_type", &["Bearer", "DPoP"]));
    let is_access = says("token_type", &["Bearer", "DPoP"]) || says("token_use", &["access", "access_token"]);
    assert!(is_access || says("typ", &["Bearer", "DPoP"]) || there("aud").is_some());
    assert!(there("cnf").is_none() && there("at_hash").is_none() && there("c_hash").is_none());
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    text.clone_into(&mut ANSWER.lock());
    let read = || serde_json::from_str::<Value>(text).expect("what passes is JSON");
    let plain = passes(&PLAIN);
    if plain {
        check(&read(), false);
    }
    if passes(&CHECKED) {
        check(&read(), true);
    } else {
        assert!(!plain, "what it needs less for");
    }
    // What stands behind the answer could end it early; an object by itself says in a signed answer nothing that it does not say bare.
    if serde_json::from_str::<Value>(text).is_ok_and(|answer| answer.is_object()) {
        assert!(plain || !passes(&SIGNED));
    }
});
