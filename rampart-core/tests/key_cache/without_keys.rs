//! While there are no keys: what no key could make good is refused at once, and only a token that could pass waits.

use std::sync::{Arc, Mutex};

use crate::support::{
    MAX_STALE, Request, TICK, TTL, World, at_once, key_named, lasting, outliving, quiet, refused, seconds, unavailable,
};
use rampart_core::{AuthError, Claims, Event, RampartAuth, Rule};
use rampart_issuer::{Endpoint, Fault, TokenBuilder};
use serde_json::json;
use tracing::Level;

/// Tokens that no key could make good, and the rule that says so.
fn hopeless(world: &World) -> Vec<(TokenBuilder, &'static str)> {
    let base = || world.issuer.token().expires_in(1_000_000);
    let now = world.time.unix();
    vec![
        (base().header("alg", "none").issuer("https://evil.example"), "V3"),
        (base().header("crit", json!(["exp"])), "V3"),
        (base().claim("x", "x".repeat(16 * 1024)), "V2"),
        (base().raw_payload("not JSON"), "V6"),
        (base().raw_payload("[]"), "V6"),
        (base().raw_payload([0xff]), "V6"),
        (base().without("aud"), "V6b"),
        (base().without("exp"), "V6b"),
        (base().without("iat"), "V6b"),
        (base().without("sub"), "V6b"),
        (base().claim("exp", json!(null)), "V6b"),
        (base().without("iss"), "V7"),
        (base().issuer("https://evil.example"), "V7"),
        (base().issuer(&format!("{}/", world.issuer.url())), "V7"),
        (base().issuer("https://evil.example").audience("another-api").claim("exp", 0), "V7"),
        (base().claim("iss", json!([world.issuer.url()])), "V7"),
        (base().audience("another-api"), "V8"),
        (base().audience(json!([])), "V8"),
        (base().audience("another-api").claim("exp", 0), "V8"),
        (base().claim("exp", "never"), "V9"),
        (base().claim("exp", u64::MAX), "V9"),
        (base().claim("exp", 0), "V9"),
        (base().at(now - 1000).expires_in(900), "V9"),
        // F35. Expired to the second: the tolerance is 5 s.
        (base().at(now - 905).expires_in(900), "V9"),
    ]
}

fn refuses_what_is_hopeless(world: &World, auth: &RampartAuth) {
    let asked = world.fetches();
    for (token, rule) in hopeless(world) {
        let by = [token.clone(), token.clone().kid("unknown"), token.without_header("kid")];
        for token in by.map(|token| token.sign().unwrap()) {
            crate::log::clear();
            let verdict = at_once(auth, &token);
            let logged = crate::log::take();
            assert_eq!(verdict.err(), Some(AuthError::InvalidToken), "{rule}: {token}");
            assert_eq!(logged.len(), 1, "{logged:?}");
            assert_eq!(logged[0].rule.as_deref(), Some(rule), "{}", logged[0].text);
            assert!(token.split('.').all(|part| !logged[0].text.contains(part)), "{}", logged[0].text);
            // As it would be told of a token that somebody has verified.
            let is_expired = logged[0].text.contains("exp has passed");
            assert_eq!(logged[0].level, if is_expired { Level::DEBUG } else { Level::INFO }, "{}", logged[0].text);
            assert_eq!(logged[0].text.contains("claim="), rule == "V6b", "{}", logged[0].text);
        }
    }
    assert_eq!(world.fetches(), asked);
}

/// F06, F35, R7.
#[tokio::test]
async fn cold_set_refuses_at_once_what_no_key_could_make_good() {
    let world = World::new().await;
    let auth = world.cold();
    refuses_what_is_hopeless(&world, &auth);
    quiet().await;
    assert_eq!(world.fetches(), 0);

    // An issuer that hangs, and one that is down, make no difference; and neither does a fetch that is on its way.
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let waiting = Request::waiting(&auth, &world.token());
    world.fetched(1).await;
    refuses_what_is_hopeless(&world, &auth);
    world.time.pass(seconds(5) + TICK).await;
    unavailable(waiting.verdict().await);
    quiet().await;
    refuses_what_is_hopeless(&world, &auth);
}

/// F06, F35.
#[tokio::test]
async fn set_too_old_to_serve_refuses_at_once_what_no_key_could_make_good() {
    let world = World::new().await;
    for age in [TTL, TTL + MAX_STALE] {
        let auth = world.warm().await;
        world.time.pass(age).await;
        refuses_what_is_hopeless(&world, &auth);
        quiet().await;
        // A token that could pass waits for a fetch, and passes.
        Request::waiting(&auth, &world.token()).verdict().await.unwrap();
    }
}

/// F35.
#[tokio::test]
async fn token_that_is_about_to_expire_waits_for_keys() {
    let world = World::new().await;
    let now = world.time.unix();
    world.time.wall_back(world.time.now().duration_since(std::time::UNIX_EPOCH).unwrap() - seconds(now));
    let auth = world.cold();
    let about_to_expire = world.issuer.token().at(now - 904).expires_in(900).sign().unwrap();
    let without_kid = outliving(world.issuer.token().without_header("kid"));
    let others: Vec<_> = [&about_to_expire, &without_kid].map(|token| Request::waiting(&auth, token)).into();
    for request in others {
        request.verdict().await.unwrap();
    }
    assert_eq!(world.fetches(), 1);
}

/// As the manual writes it.
async fn verify(token: &str, issuers: &[RampartAuth]) -> Result<Arc<Claims>, AuthError> {
    for auth in issuers {
        match auth.verify(token).await {
            Err(AuthError::InvalidToken) => {}
            outcome => return outcome,
        }
    }
    Err(AuthError::InvalidToken)
}

/// CL03.
#[tokio::test]
async fn claim_that_stands_in_for_aud_is_looked_at_before_keys_are_fetched() {
    let world = World::new().await;
    let auth = world.builder().audience_claim("/azp").build().unwrap();
    let base = || world.issuer.token().expires_in(1_000_000).without("aud");
    let ours = || base().claim("azp", world.issuer.audience());
    for token in [base(), base().claim("azp", "other"), base().claim("azp", 1), ours().audience("another-api")] {
        refused(at_once(&auth, &token.sign().unwrap()));
    }
    assert_eq!(world.fetches(), 0);
    assert!(Request::waiting(&auth, &ours().sign().unwrap()).verdict().await.is_ok());
    assert_eq!(world.fetches(), 1);
}

/// CL01, IS27.
#[tokio::test]
async fn claim_that_must_have_a_value_is_looked_at_before_keys_are_fetched() {
    let world = World::new().await;
    let auth = world.builder().require_claim("/owner", ["65"]).build().unwrap();
    let base = || world.issuer.token().expires_in(1_000_000);
    for token in [base(), base().claim("owner", "64"), base().claim("owner", 65), base().claim("owner", json!(["65"]))]
    {
        refused(at_once(&auth, &token.sign().unwrap()));
    }
    assert_eq!(world.fetches(), 0);
    assert!(Request::waiting(&auth, &base().claim("owner", "65").sign().unwrap()).verdict().await.is_ok());
    assert_eq!(world.fetches(), 1);
}

/// F04, F05, S30.
#[tokio::test]
async fn issuer_without_keys_does_not_refuse_the_users_of_another_one() {
    for fault in [Fault::status(503), Fault::Hang] {
        issuer_without_keys(fault).await;
    }
}

async fn issuer_without_keys(fault: Fault) {
    let (a, b) = (crate::support::issuer().await, crate::support::issuer().await);
    let auth = |issuer: &rampart_issuer::LocalIssuer| RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let issuers = [auth(&a), auth(&b)];
    a.inject(Endpoint::Jwks, fault);
    let token = lasting(&b);
    let claims = verify(&token, &issuers).await.unwrap();
    assert_eq!(claims.iss, b.url());
    assert!(Arc::ptr_eq(&claims, &verify(&token, &issuers).await.unwrap()));
    assert_eq!((a.requests(Endpoint::Jwks), b.requests(Endpoint::Jwks)), (0, 1));
    // A token of neither is refused without a wait too.
    let stranger = key_named("stranger");
    let foreign = outliving(b.token().issuer("https://evil.example").key(&stranger));
    refused(verify(&foreign, &issuers).await);
    assert_eq!((a.requests(Endpoint::Jwks), b.requests(Endpoint::Jwks)), (0, 1));
}

/// What is told of a token is what its bearer is told, to whoever listens, and to the log why.
#[tokio::test]
async fn refusal_without_keys_is_told_with_its_reason_and_level() {
    let world = World::new().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&told);
    let builder = world.builder().on_event(move |event| {
        if let Event::TokenRefused(token) = event {
            events.lock().unwrap().push((token.error().clone(), token.rule(), token.why()));
        }
    });
    let auth = builder.build().unwrap();
    let base = || world.issuer.token().expires_in(1_000_000);
    let cases = [
        (
            base().claim("x", "x".repeat(16 * 1024)),
            Rule::V2,
            "the token is longer than max_token_bytes",
            Level::INFO,
            "",
        ),
        (base().without("aud"), Rule::V6b, "a required claim is missing", Level::INFO, "claim=aud"),
        (base().claim("sub", json!(null)), Rule::V6b, "a required claim is missing", Level::INFO, "claim=sub"),
        (base().claim("exp", 0), Rule::V9, "exp has passed", Level::DEBUG, ""),
        (
            base().claim("exp", "0"),
            Rule::V9,
            "exp is not a number of seconds from 1970 to the year 9999",
            Level::INFO,
            "",
        ),
    ];
    for (token, rule, why, level, says) in cases {
        let token = token.sign().unwrap();
        crate::log::clear();
        assert_eq!(at_once(&auth, &token).err(), Some(AuthError::InvalidToken), "{why}");
        let logged = crate::log::take();
        assert_eq!((logged.len(), logged[0].level), (1, level), "{logged:?}");
        let text = &logged[0].text;
        assert!(text.contains(&format!("rule={rule} why={why}")) && text.contains(says), "{text}");
        assert_eq!(told.lock().unwrap().drain(..).collect::<Vec<_>>(), [(AuthError::InvalidToken, rule, why)]);
    }
    quiet().await;
    assert_eq!(world.fetches(), 0);
}
