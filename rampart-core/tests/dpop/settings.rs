//! What the settings may say.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rampart_core::{
    Algorithm, ConfigError, Dpop, Insertion, NonceKey, RampartAuth, ReplayStore, Settings, Spending, SpentProof,
    StoreHealth,
};
use serde_json::{Value, json};

use super::common::*;

fn refused(dpop: Dpop) -> ConfigError {
    RampartAuth::builder("https://issuer.example", "api").dpop(dpop).build().unwrap_err()
}

#[test]
fn mistakes_are_found_at_the_start_and_name_the_setting() {
    let dpop = || Dpop::accepted().public_url(API);
    for (wrong, field, said) in [
        (Dpop::accepted(), "dpop.public_url", "is missing"),
        (Dpop::required(), "dpop.public_url", "is missing"),
        (dpop().public_url("api.example"), "dpop.public_url", "write it in full"),
        (dpop().public_url("http://api.example"), "dpop.public_url", "https"),
        (dpop().algorithms([]), "dpop.algorithms", "is empty"),
        (dpop().max_age(Duration::ZERO), "dpop.max_age", "from 1 s to 10 min"),
        (dpop().max_age(Duration::from_secs(601)), "dpop.max_age", "from 1 s to 10 min"),
        (dpop().replay_capacity(0), "dpop.replay_capacity", "is 0"),
        (dpop().store_name(""), "dpop.store_name", "is empty"),
        (dpop().replay(store()).replay_capacity(10), "dpop.replay_capacity", "together with a store"),
        (dpop().replay(store()).insecure_trust_start(true), "dpop.insecure_trust_start", "together with a store"),
    ] {
        let error = refused(wrong);
        assert_eq!(error.field(), field);
        assert!(error.to_string().contains(said), "{error}");
    }
    RampartAuth::builder("https://issuer.example", "api").dpop(dpop()).build().unwrap();
}

/// A store of one's own.
fn store() -> Arc<dyn ReplayStore> {
    #[derive(Debug)]
    struct Own;

    impl ReplayStore for Own {
        fn insert_new(&self, _: &SpentProof) -> Insertion {
            Insertion::Done(Ok(Spending::New))
        }

        fn health(&self) -> StoreHealth {
            StoreHealth::Ready
        }
    }

    Arc::new(Own)
}

fn of_file(dpop: &Value) -> Result<RampartAuth, String> {
    let settings = json!({"issuer_url": "https://issuer.example", "audience": "api", "dpop": dpop});
    let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    RampartAuth::from_settings(settings).map_err(|error| error.to_string())
}

/// A file for one test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rampart-dpop-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn file_says_what_the_builder_can() {
    let key = File::new("key", &format!("{}\n", rampart_issuer::base64url([1; 32])));
    let short = File::new("short", &rampart_issuer::base64url([1; 31]));
    let url = "https://api.example";
    for good in [
        json!({"mode": "accepted", "public_url": url}),
        json!({"mode": "required", "public_url": url, "algorithms": ["ES256", "PS256"], "max_age_seconds": 30, "nonces": true,
            "replay_capacity": 1000, "store_name": "api", "insecure_trust_start": true}),
        json!({"mode": "accepted", "public_url": url, "nonce_key_file": key.path(), "previous_nonce_key_file": key.path()}),
    ] {
        of_file(&good).unwrap();
    }
    for (wrong, said) in [
        (json!({"public_url": url}), "mode"),
        (json!({"mode": "optional", "public_url": url}), "unknown variant"),
        (json!({"mode": "accepted", "public_url": url, "max_age": 30}), "unknown field"),
        (json!({"mode": "accepted", "public_url": url, "algorithms": ["HS256"]}), "one of RS256"),
        (json!({"mode": "accepted"}), "dpop.public_url"),
        (
            json!({"mode": "accepted", "public_url": url, "nonce_key_file": "/no/such/file"}),
            "dpop.nonce_key_file: /no/such/file cannot be read",
        ),
        (
            json!({"mode": "accepted", "public_url": url, "nonce_key_file": short.path()}),
            "does not hold 32 bytes in base64url",
        ),
        (
            json!({"mode": "accepted", "public_url": url, "previous_nonce_key_file": key.path()}),
            "dpop.previous_nonce_key_file",
        ),
    ] {
        let error = of_file(&wrong).unwrap_err();
        assert!(error.contains(said), "{wrong}: {error}");
    }
}

#[test]
fn file_of_a_key_gives_the_nonces_of_that_key() {
    let key = File::new("shared", &rampart_issuer::base64url([7; 32]));
    let settings = json!({"mode": "accepted", "public_url": API, "nonce_key_file": key.path()});
    let of_file = Ground::new(serde_json::from_value::<rampart_core::DpopSettings>(settings).unwrap().into());
    let of_code = Ground::new(Dpop::accepted().public_url(API).nonces(NonceKey::shared([7; 32])));
    let rejection = ask(&of_code.auth, &of_code.good()).unwrap_err();
    let nonce = rejection.headers().find(|(name, _)| *name == "dpop-nonce").unwrap().1;
    let token = of_file.bound();
    let head = Request::new("DPoP", &token, [proof(&token).nonce(nonce).sign().unwrap()]);
    assert_eq!(said(&of_file.auth, &head), "user-1");
}

#[test]
fn algorithms_are_offered_in_one_order() {
    use Algorithm::{ES256, Ed25519, EdDSA, PS256, RS256};
    for algorithms in [[RS256, PS256, ES256, EdDSA, Ed25519], [Ed25519, EdDSA, ES256, PS256, RS256]] {
        let ground = Ground::new(Dpop::required().public_url(API).algorithms(algorithms));
        let rejection = ask(&ground.auth, &Request::new("Basic", "abc", [])).unwrap_err();
        assert!(rejection.challenges().eq([r#"DPoP realm="default", algs="RS256 ES256 PS256 EdDSA Ed25519""#]));
        assert_eq!(
            rejection.body(),
            r#"{"error":"unauthorized","error_description":"This resource requires an access token and a proof: Authorization: DPoP <token>","status":401}"#
        );
    }
}

#[test]
fn nothing_secret_is_shown() {
    let dpop = Dpop::accepted().public_url(API).nonces(NonceKey::shared([0x41; 32]));
    let shown = format!("{dpop:?} {:?}", RampartAuth::builder("https://issuer.example", "api").dpop(dpop.clone()));
    assert!(!shown.contains("AAAA") && !shown.contains("65, 65"), "{shown}");
    assert!(shown.contains("https://api.example"));
}
