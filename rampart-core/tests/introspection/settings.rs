//! Settings that cannot be used, and how they stand in a file.

use std::time::Duration;

use rampart_core::{ConfigError, Introspection, IntrospectionSettings};
use serde_json::json;

use crate::common::{Desk, TOKEN, active, auth, builder, seconds};

fn problem(introspection: Introspection) -> String {
    builder()
        .introspection(introspection)
        .build()
        .map(drop)
        .map_err(|error: ConfigError| error.to_string())
        .unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn setting_that_cannot_be_used_is_named_with_its_remedy() {
    let bare = || Introspection::of(Desk::default());
    for (introspection, names) in [
        (bare().cache_for(Duration::ZERO), "cache_for"),
        (bare().cache_for(Duration::from_secs(3601)), "cache_for"),
        (bare().serve_stale(Duration::from_secs(3601)), "serve_stale"),
        (bare().serve_stale(Duration::from_secs(30)), "serve_stale"),
        (bare().cache_for(Duration::from_secs(120)).serve_stale(Duration::from_secs(60)), "serve_stale"),
        (bare().cache_bytes(0), "introspection_cache_bytes"),
        (bare().token_prefix(""), "token_prefix"),
        (bare().token_prefix("a b"), "token_prefix"),
        (bare().token_prefix("ä"), "token_prefix"),
        (bare().token_lengths(0..=0), "token_lengths"),
        #[expect(clippy::reversed_empty_ranges, reason = "a mistake")]
        (bare().token_lengths(10..=9), "token_lengths"),
    ] {
        let problem = problem(introspection);
        assert!(problem.contains(names), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn file_says_the_same_as_code() {
    let settings: IntrospectionSettings = serde_json::from_value(json!({
        "issuer_url": "https://issuer.example/", "mode": "every_token", "client_id": "api", "client_secret_env": "SECRET",
        "cache_for_seconds": 10, "cache_bytes": 100_000, "token_prefix": "ory_at_", "audience_is_checked_by_issuer": true,
        "insecure_any_kind": true, "signed": true, "serve_stale_seconds": 20
    }))
    .unwrap();
    let read = Introspection::from_settings(&settings, Desk::default());
    let written = Introspection::of(Desk::default())
        .every_token()
        .cache_for(Duration::from_secs(10))
        .cache_bytes(100_000)
        .token_prefix("ory_at_")
        .audience_is_checked_by_issuer()
        .insecure_any_kind()
        .signed()
        .serve_stale(Duration::from_secs(20));
    assert_eq!(format!("{read:?}"), format!("{written:?}"));

    let secret = serde_json::from_value(json!({"issuer_url": "x", "client_secret": "s3cret"})).unwrap();
    let introspection = Introspection::from_settings(&secret, Desk::default());
    let error = builder().introspection(introspection).build().unwrap_err().to_string();
    assert!(error.starts_with("client_secret: is no setting") && !error.contains("s3cret"), "{error}");

    let settings: IntrospectionSettings =
        serde_json::from_value(json!({"issuer_url": "x", "cache_for_seconds": 2})).unwrap();
    let desk = Desk::saying(active());
    let auth = auth(Introspection::from_settings(&settings, desk.clone()));
    assert!(auth.verify(TOKEN).await.is_ok());
    seconds(2).await;
    assert!(auth.verify(TOKEN).await.is_ok());
    assert_eq!(desk.asked(), 2);
}
