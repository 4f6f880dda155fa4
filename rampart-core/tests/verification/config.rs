//! Settings: every one that cannot be used is refused by `build()` with its name and a remedy, and its good neighbour is not.

use std::process::Command;
use std::time::Duration;

use crate::common::{AUDIENCE, Draft, EC, ISSUER, NOW, all_keys, at, builder, jwk, jwk_with, key_set, ready};
use rampart_core::{Algorithm, AuthError, ConfigError, JwksState, RampartAuth, RampartAuthBuilder, Settings};
use serde_json::json;

type SetUp = Box<dyn Fn(RampartAuthBuilder) -> RampartAuthBuilder>;

pub(crate) fn refused(id: &str, outcome: Result<RampartAuth, ConfigError>, field: &str) -> String {
    let error = outcome.err().unwrap_or_else(|| panic!("{id}: expected to be refused"));
    assert_eq!(error.field(), field, "{id}: {error}");
    let told = error.to_string();
    assert!(told.starts_with(&format!("{field}: ")), "{id}: the field comes first: {told}");
    assert!(told.len() > field.len() + 30, "{id}: a whole sentence: {told}");
    told
}

pub(crate) fn accepted(id: &str, outcome: Result<RampartAuth, ConfigError>) -> RampartAuth {
    outcome.unwrap_or_else(|error| panic!("{id}: {error}"))
}

/// Settings that fetch keys: nothing is fetched before a token comes.
pub(crate) fn fetching() -> RampartAuthBuilder {
    RampartAuth::builder(ISSUER, AUDIENCE)
}

#[test]
fn figures_have_limits() {
    let second = Duration::from_secs(1);
    let bad: Vec<(&str, &str, SetUp)> = vec![
        (
            "D07 tolerance above 10 min",
            "clock_tolerance",
            Box::new(move |b| b.clock_tolerance(600 * second + Duration::from_nanos(1))),
        ),
        ("D07 tolerance of 10 years", "clock_tolerance", Box::new(move |b| b.clock_tolerance(315_360_000 * second))),
        ("D07 endless tolerance", "clock_tolerance", Box::new(|b| b.clock_tolerance(Duration::MAX))),
        ("zero TTL", "jwks_cache_ttl", Box::new(|b| b.jwks_cache_ttl(Duration::ZERO))),
        ("a TTL no fetch keeps up with", "jwks_cache_ttl", Box::new(|b| b.jwks_cache_ttl(Duration::from_nanos(1)))),
        ("a TTL of less than 1 s", "jwks_cache_ttl", Box::new(|b| b.jwks_cache_ttl(Duration::from_millis(999)))),
        ("F48 no time", "fetch_timeout", Box::new(|b| b.fetch_timeout(Duration::ZERO))),
        ("F48 too little", "fetch_timeout", Box::new(|b| b.fetch_timeout(Duration::from_millis(999)))),
        ("F48 too much", "fetch_timeout", Box::new(|b| b.fetch_timeout(Duration::from_millis(30_001)))),
        ("no token passes", "max_token_bytes", Box::new(|b| b.max_token_bytes(0))),
        ("X06 no algorithm", "algorithms", Box::new(|b| b.algorithms([]))),
    ];
    for (id, field, set_up) in bad {
        refused(id, set_up(fetching()).build(), field);
        refused(&format!("{id}, with fixed keys"), set_up(builder()).build(), field);
    }
    let good: Vec<(&str, SetUp)> = vec![
        ("D07 no tolerance", Box::new(|b| b.clock_tolerance(Duration::ZERO))),
        ("tolerance of 10 min", Box::new(move |b| b.clock_tolerance(600 * second))),
        ("shortest TTL", Box::new(move |b| b.jwks_cache_ttl(second))),
        ("endless TTL", Box::new(|b| b.jwks_cache_ttl(Duration::MAX).max_stale(Duration::MAX))),
        ("F48 shortest fetch", Box::new(move |b| b.fetch_timeout(second))),
        ("F48 longest fetch", Box::new(move |b| b.fetch_timeout(30 * second))),
        ("no stale keys", Box::new(|b| b.max_stale(Duration::ZERO))),
        ("smallest limit", Box::new(|b| b.max_token_bytes(1))),
        ("largest limit", Box::new(|b| b.max_token_bytes(usize::MAX))),
        ("no cache", Box::new(|b| b.token_cache_bytes(0))),
        ("tiny cache", Box::new(|b| b.token_cache_bytes(1))),
        ("one algorithm", Box::new(|b| b.algorithms([Algorithm::ES256]))),
        ("one algorithm twice", Box::new(|b| b.algorithms([Algorithm::ES256, Algorithm::ES256]))),
    ];
    for (id, set_up) in good {
        accepted(id, set_up(fetching()).build());
        accepted(&format!("{id}, with fixed keys"), set_up(builder()).build());
    }
    let tiny = accepted("tiny cache", builder().token_cache_bytes(1).build());
    for _ in 0..3 {
        assert!(ready(tiny.verify(&Draft::good().sign())).is_ok(), "a cache without room changes nothing");
    }
}

#[test]
fn names_that_no_header_could_carry_are_refused() {
    for realm in ["", "a\"b", "a\\b", "a\nb", "a\r\nSet-Cookie: x", "é", "a\0", "a\u{7f}", "\t"] {
        refused(&format!("H22 {realm:?}"), fetching().realm(realm).build(), "realm");
    }
    for realm in ["default", "Task API", "a, b=c; d", "~!#$%&'()*+-./:;<=>?@[]^_`{|}"] {
        accepted(realm, fetching().realm(realm).build());
    }
    for claim in ["", "a\nb", "a\0", "a\r\nSet-Cookie: x", "a\u{7f}"] {
        refused(&format!("H22 {claim:?}"), fetching().required_claims(["good", claim]).build(), "required_claims");
    }
}

#[test]
fn keys_come_from_one_place() {
    let all: [(&str, SetUp); 4] = [
        ("jwks_url", Box::new(|b| b.jwks_url("https://issuer.example/keys"))),
        ("metadata_url", Box::new(|b| b.metadata_url("https://issuer.example/metadata"))),
        ("discovery", Box::new(RampartAuthBuilder::discovery)),
        ("static_jwks", Box::new(|b| b.static_jwks(all_keys()))),
    ];
    for (first, set_up) in &all {
        accepted(first, set_up(fetching()).build());
        for (second, also) in all.iter().filter(|(second, _)| second != first) {
            refused(&format!("{first} and {second}"), also(set_up(fetching())).build(), "jwks_url");
        }
    }
    let cold = accepted("by default", fetching().build()).health();
    assert_eq!(
        (cold.state, cold.keys, cold.age, cold.last_error),
        (JwksState::Cold, 0, None, None),
        "build does no I/O"
    );
}

/// What is set there, such as a proxy or a root certificate, would never be used.
#[test]
fn fixed_keys_need_no_http_client() {
    let told = refused("both", builder().http_client(|client| client).build(), "http_client");
    assert!(told.contains("static_jwks") && told.contains("keep one"), "{told}");
    accepted("fetched", fetching().http_client(|client| client).build());
}

#[test]
fn fixed_keys_hold_one_that_can_be_used() {
    let bad = [
        ("empty", String::new()),
        ("no key set", "{}".into()),
        ("a bare key", jwk(&EC).to_string()),
        ("S08 no keys", key_set::<String>([])),
        ("K02 an unusable one", key_set([jwk_with(&EC, "use", "enc")])),
        ("A21 X06 a symmetric one", key_set([r#"{"kty":"oct","k":"AAAA"}"#])),
        ("K06 a private one", key_set([jwk_with(&EC, "d", "AAAA")])),
    ];
    for (id, keys) in bad {
        refused(id, fetching().static_jwks(keys).build(), "static_jwks");
    }
    for (pem, is_private) in [
        ("-----BEGIN PUBLIC KEY-----\nc2VjcmV0\n-----END PUBLIC KEY-----\n", false),
        ("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n", false),
        ("\n-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", true),
        ("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----", true),
    ] {
        let told = refused(pem, fetching().static_jwks(pem).build(), "static_jwks");
        assert!(told.contains("JWK") && told.contains("createPublicKey"), "the remedy: {told}");
        assert_eq!(told.contains("private key"), is_private, "{told}");
        assert!(!told.contains("c2VjcmV0"), "{told}");
    }
    for text in ["/etc/keys.json", "https://issuer.example/keys"] {
        let told = refused(text, fetching().static_jwks(text).build(), "static_jwks");
        assert!(told.contains("content of a file") && told.contains("jwks_url(..)"), "the remedy: {told}");
    }
    let (key, set) = (jwk(&EC).to_string(), all_keys());
    let bad = [
        (format!("\u{feff}{set}"), "byte order mark", "without one"),
        (format!("\u{feff}{key}"), "byte order mark", "without one"),
        (key.clone(), "One key alone", r#"{"keys": [..]}"#),
        (format!(" \n{key}"), "One key alone", r#"{"keys": [..]}"#),
        (format!("[{key}]"), "list of keys alone", r#"{"keys": [..]}"#),
        (format!("\n[{key},{key}]"), "list of keys alone", r#"{"keys": [..]}"#),
        ("[]".into(), "list of keys alone", r#"{"keys": [..]}"#),
        (format!("'{set}'"), "in quotes", "remove them"),
        (crate::common::quoted(&set), "in quotes", "remove them"),
    ];
    for (text, says, remedy) in bad {
        let told = refused(&text, fetching().static_jwks(&*text).build(), "static_jwks");
        assert!(told.contains(says) && told.contains(remedy) && !told.contains("content of a file"), "{text}: {told}");
    }
    for text in ["{}", r#"{"kty":1}"#, r#"{"kty":"EC","keys":1}"#, r#"{"Keys":[]}"#, "{"] {
        let told = refused(text, fetching().static_jwks(text).build(), "static_jwks");
        assert!(told.ends_with("that is an array"), "nothing is guessed: {told}");
    }
    let some = key_set([jwk(&EC), jwk_with(&EC, "use", "enc")]);
    let auth = accepted("one of two", fetching().static_jwks(some).build());
    let health = auth.health();
    assert_eq!((health.state, health.keys, health.age, health.last_error), (JwksState::Static, 1, None, None));
    assert_eq!(ready(auth.warm_up()), Ok(()));
    assert_eq!(ready(auth.refresh_keys()), Ok(()));
}

#[test]
fn first_mistake_is_told_and_the_order_is_fixed() {
    let worst = |issuer: &str| {
        RampartAuth::builder(issuer, "")
            .clock_tolerance(Duration::MAX)
            .max_token_bytes(0)
            .algorithms([])
            .realm("")
            .build()
    };
    refused("issuer first", worst("x"), "issuer_url");
    refused("then the tolerance", worst(ISSUER), "clock_tolerance");
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let auth = accepted("defaults", builder().build());
    let told = format!("{auth:?}");
    assert!(told.contains("tolerance: 5s") && told.contains(AUDIENCE) && told.contains(ISSUER), "{told}");
    let rejection = auth.rejection(AuthError::MissingToken);
    assert!(rejection.challenges().eq([r#"Bearer realm="default""#]));
}

fn read(json: serde_json::Value) -> serde_json::Result<Settings> {
    serde_json::from_value(json)
}

#[test]
fn settings_are_read_from_a_file() {
    let least = read(json!({"issuer_url": ISSUER, "audience": AUDIENCE})).unwrap();
    accepted("least", RampartAuth::from_settings(least));
    let all = json!({
        "issuer_url": ISSUER,
        "audience": AUDIENCE,
        "realm": "tasks",
        "audiences": ["second"],
        "clock_tolerance_seconds": 60,
        "jwks_cache_ttl_seconds": 300,
        "max_stale_seconds": 0,
        "fetch_timeout_seconds": 30,
        "required_claims": ["email"],
        "algorithms": ["ES256", "EdDSA"],
        "static_jwks": all_keys(),
        "max_token_bytes": 4096,
        "token_cache_bytes": 0,
        "allow_http": false,
        "require_at_jwt": true,
        "insecure_accept_id_tokens": true,
        "roles_claims": ["/realm_access/roles"],
        "scope_claim": "/permissions",
        "audience_claim": "/azp",
        "permissions_claim": "/permitted",
        "roles_from_names": {"pointer": "/named", "granted_by": ["ours"]},
        "require_claim": {"pointer": "/tenant", "values": ["a", "b"]},
        "subject_claim": "/azp",
        "resource_metadata": "https://api.example/metadata",
    });
    let settings: Settings = read(all.clone()).unwrap();
    let auth = RampartAuthBuilder::from(settings).clock(|| at(Duration::from_secs(NOW))).build().unwrap();
    let good = || {
        Draft::good()
            .claim("email", r#""a@example.com""#)
            .claim("aud", r#""second""#)
            .claim("exp", &(NOW - 59).to_string())
            .claim("realm_access", r#"{"roles":["admin"]}"#)
            .claim("permissions", r#""a b c""#)
            .claim("at_hash", r#""x""#)
            .claim("tenant", r#""b""#)
            .claim("permitted", r#"["a","b"]"#)
            .claim("named", r#"{"owner":{"ours":"x"},"guest":{"theirs":"x"}}"#)
    };
    let claims = ready(auth.verify(&good().sign())).unwrap();
    assert_eq!(claims.roles, ["admin", "owner"]);
    assert!(claims.scope == "a b");
    let refusals = [
        ("clock_tolerance_seconds", good().claim("exp", &(NOW - 60).to_string()), AuthError::TokenExpired),
        ("subject_claim", good().without("sub").claim("azp", "1"), AuthError::InvalidToken),
        ("require_claim", good().claim("tenant", r#""c""#), AuthError::InvalidToken),
        ("audience_claim", good().without("aud").claim("azp", r#""third""#), AuthError::InvalidToken),
        ("audiences", good().claim("aud", r#""third""#), AuthError::InvalidToken),
        ("required_claims", good().without("email"), AuthError::missing_claim("email")),
        ("require_at_jwt", good().header("typ", r#""JWT""#), AuthError::InvalidToken),
        ("max_token_bytes", good().claim("x", &crate::common::quoted(&"x".repeat(4096))), AuthError::InvalidToken),
        (
            "algorithms",
            {
                let mut draft = Draft::by(&crate::common::RSA);
                draft.payload = good().payload;
                draft
            },
            AuthError::InvalidToken,
        ),
    ];
    for (id, draft, error) in refusals {
        assert_eq!(ready(auth.verify(&draft.sign())).unwrap_err(), error, "{id}");
    }
    let rejection = auth.rejection(AuthError::MissingToken);
    let challenge = r#"Bearer realm="tasks", resource_metadata="https://api.example/metadata""#;
    assert!(rejection.challenges().eq([challenge]), "{challenge}");
}

#[test]
fn mistakes_in_a_file_are_found_when_it_is_read_or_when_the_object_is_built() {
    let with = |name: &str, value: serde_json::Value| {
        let mut settings = json!({"issuer_url": ISSUER, "audience": AUDIENCE});
        settings[name] = value;
        read(settings)
    };
    for (id, outcome) in [
        ("unknown field", with("clock_tolerence_seconds", json!(1))),
        ("a value that is none", with("require_claim", json!({"pointer": "/a", "values": "b"}))),
        ("unknown member", with("require_claim", json!({"pointer": "/a", "values": ["b"], "value": "b"}))),
        ("no pointer", with("require_claim", json!([{"values": ["b"]}]))),
        ("a pair", with("require_claim", json!(["/a", ["b"]]))),
        ("a mark that cannot be ignored", with("insecure_ignore_marks", json!(["cnf"]))),
        ("another", with("insecure_ignore_marks", json!(["at_hash", "events"]))),
        ("a mark in another case", with("insecure_ignore_marks", json!(["AtHash"]))),
        ("one mark", with("insecure_ignore_marks", json!("nonce"))),
        ("roles_from_names without a pointer", with("roles_from_names", json!({"granted_by": ["a"]}))),
        ("its pointer alone", with("roles_from_names", json!("/a"))),
        ("unknown algorithm", with("algorithms", json!(["HS256"]))),
        ("algorithm none", with("algorithms", json!(["none"]))),
        ("algorithm in lower case", with("algorithms", json!(["es256"]))),
        ("negative duration", with("clock_tolerance_seconds", json!(-1))),
        ("duration as text", with("jwks_cache_ttl_seconds", json!("10m"))),
        ("one audience", with("audiences", json!("second"))),
        ("nothing required", read(json!({}))),
        ("no audience", read(json!({"issuer_url": ISSUER}))),
        ("no issuer", read(json!({"audience": AUDIENCE}))),
        ("internal field", with("durations", json!({}))),
    ] {
        assert!(outcome.is_err(), "{id}");
    }
    for (name, value, field) in [
        ("clock_tolerance_seconds", json!(601), "clock_tolerance"),
        ("clock_tolerance_seconds", json!(u64::MAX), "clock_tolerance"),
        ("jwks_cache_ttl_seconds", json!(0), "jwks_cache_ttl"),
        ("fetch_timeout_seconds", json!(0), "fetch_timeout"),
        ("fetch_timeout_seconds", json!(31), "fetch_timeout"),
        ("algorithms", json!([]), "algorithms"),
        ("realm", json!("a\"b"), "realm"),
        ("jwks_url", json!("http://issuer.example/keys"), "jwks_url"),
        ("metadata_url", json!("http://issuer.example/metadata"), "metadata_url"),
        ("static_jwks", json!("{}"), "static_jwks"),
        ("audience", json!(""), "audience"),
        ("issuer_url", json!("issuer"), "issuer_url"),
        ("roles_claims", json!(["roles"]), "roles_claims"),
    ] {
        refused(name, RampartAuth::from_settings(with(name, value).unwrap()), field);
    }
    accepted("largest figures", RampartAuth::from_settings(with("jwks_cache_ttl_seconds", json!(u64::MAX)).unwrap()));
    accepted("http by permission", {
        let json = json!({"issuer_url": "http://issuer.internal", "audience": AUDIENCE, "allow_http": true});
        RampartAuth::from_settings(read(json).unwrap())
    });
    accepted("discovery", RampartAuth::from_settings(with("discovery", json!(true)).unwrap()));
}

#[test]
fn settings_of_the_builder_come_before_those_of_the_file() {
    let mut settings = Settings::new(ISSUER, AUDIENCE);
    settings.clock_tolerance = Some(Duration::from_secs(601));
    refused("the file alone", RampartAuthBuilder::from(settings.clone()).build(), "clock_tolerance");
    accepted("the builder", RampartAuthBuilder::from(settings).clock_tolerance(Duration::from_secs(1)).build());
}

/// Variables belong to a whole process, so each case runs this test program anew, with just this test.
const CHILD: &str = "RAMPART_TEST_CHILD";

#[test]
fn environment_gives_the_settings() {
    if std::env::var_os(CHILD).is_some() {
        match RampartAuth::from_env() {
            Ok(auth) => println!("<{}>", auth.rejection(AuthError::MissingToken).challenges().collect::<String>()),
            Err(error) => println!("<{error}>"),
        }
        return;
    }
    let outcome = |variables: &[(&str, &str)]| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "config::environment_gives_the_settings", "--nocapture"])
            .env_remove("RAMPART_URL")
            .env_remove("RAMPART_CLIENT_ID")
            .env_remove("RAMPART_REALM")
            .env(CHILD, "1")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (start, end) = (text.find('<').unwrap(), text.rfind('>').unwrap());
        text[start + 1..end].to_owned()
    };
    let (url, id) = (("RAMPART_URL", ISSUER), ("RAMPART_CLIENT_ID", AUDIENCE));
    assert_eq!(outcome(&[url, id]), r#"Bearer realm="default""#);
    assert_eq!(outcome(&[url, id, ("RAMPART_REALM", "tasks")]), r#"Bearer realm="tasks""#);
    assert_eq!(outcome(&[url, id, ("RAMPART_REALM", "")]), r#"Bearer realm="default""#, "empty is absent");
    assert!(outcome(&[]).starts_with("the environment variable RAMPART_URL is missing"));
    assert!(outcome(&[id]).starts_with("the environment variable RAMPART_URL is missing"));
    assert!(outcome(&[("RAMPART_URL", ""), id]).starts_with("the environment variable RAMPART_URL is missing"));
    assert!(outcome(&[url]).starts_with("the environment variable RAMPART_CLIENT_ID is missing"));
    let wrong = outcome(&[("RAMPART_URL", "issuer"), id]);
    assert!(wrong.starts_with("issuer_url: ") && wrong.contains("(it is read from RAMPART_URL)"), "{wrong}");
    assert!(outcome(&[url, id, ("RAMPART_REALM", "a\"b")]).starts_with("realm: "));
    for value in ["my-api\n", "\"my-api\"", "a,b ", "'a,b'"] {
        let wrong = outcome(&[url, ("RAMPART_CLIENT_ID", value)]);
        assert!(
            wrong.starts_with("audience") && wrong.contains("(it is read from RAMPART_CLIENT_ID)"),
            "{value}: {wrong}"
        );
    }
    for value in ["a,", ",a", "a,,b", ",", "a, ,b"] {
        let wrong = outcome(&[url, ("RAMPART_CLIENT_ID", value)]);
        let told =
            "audience: has an empty element; remove the comma that is too many (it is read from RAMPART_CLIENT_ID)";
        assert_eq!(wrong, told, "{value}");
    }
    assert_eq!(outcome(&[url, ("RAMPART_CLIENT_ID", "a, b,c")]), r#"Bearer realm="default""#);
}

#[test]
fn claims_and_audiences_given_twice_are_all_asked_for() {
    let auth = fetching()
        .static_jwks(all_keys())
        .clock(|| at(Duration::from_secs(NOW)))
        .required_claims(["tenant"])
        .required_claims(["email"])
        .audiences(["second"])
        .audiences(["third"])
        .build()
        .unwrap();
    let good = || Draft::good().claim("tenant", r#""a""#).claim("email", r#""a@example.com""#);
    for audience in ["second", "third"] {
        ready(auth.verify(&good().claim("aud", &crate::common::quoted(audience)).sign())).unwrap();
    }
    for name in ["tenant", "email"] {
        let verdict = ready(auth.verify(&good().without(name).sign()));
        assert_eq!(verdict.unwrap_err(), AuthError::missing_claim(name));
    }
}

#[test]
fn s28_settings_show_no_secret_of_an_address_and_no_key() {
    let secret = "c2VjcmV0";
    let mut settings = Settings::new(format!("https://user:{secret}@issuer.example"), AUDIENCE);
    settings.issuers[0].jwks_url = Some(format!("https://issuer.example/keys?api_key={secret}"));
    settings.issuers[0].metadata_url = Some(format!("https://issuer.example/metadata?api_key={secret}"));
    settings.resource_metadata = Some(format!("https:user:{secret}@issuer.example#{secret}"));
    for address in [
        format!("https:///user:{secret}@issuer.example"),
        format!("https:////user:{secret}@issuer.example/a"),
        format!("https:\\\\user:{secret}@issuer.example"),
        format!("https:user:{secret}@issuer.example"),
        format!("https://user:?{secret}@issuer.example"),
        format!("https://user:{secret}?@issuer.example"),
        format!("https://user:{secret}#@issuer.example"),
        format!("https://user:{secret}/a@issuer.example"),
        format!("//user:{secret}@issuer.example"),
        format!("user:{secret}@issuer.example"),
        format!("user:{secret}@://issuer.example"),
        format!("https://issuer.example/?{secret}"),
        format!("https://issuer.example/#{secret}"),
    ] {
        let mut one = Settings::new(&address, AUDIENCE);
        one.issuers[0].jwks_url = Some(address.clone());
        one.issuers[0].metadata_url = Some(address.clone());
        one.resource_metadata = Some(address.clone());
        let told = format!("{one:?}");
        assert!(!told.contains(secret) && told.contains(AUDIENCE), "{address}: {told}");
    }
    settings.issuers[0].static_jwks = Some(format!(r#"{{"keys":[{{"kty":"oct","k":"{secret}"}}]}}"#));
    let builder = RampartAuthBuilder::from(settings.clone());
    for told in [format!("{settings:?}"), format!("{settings:#?}"), format!("{builder:?}")] {
        assert!(told.contains("https://issuer.example/keys") && !told.contains(secret), "{told}");
    }
}

/// ST03's part: what cannot be ignored is told without its value.
#[test]
fn marks_in_a_file_are_those_that_can_be_ignored() {
    let with = |marks: serde_json::Value| {
        read(
            json!({"issuer_url": ISSUER, "audience": AUDIENCE, "static_jwks": all_keys(), "insecure_ignore_marks": marks}),
        )
    };
    let told = with(json!(["cnf-0815"])).unwrap_err().to_string();
    assert!(told.contains("nonce, at_hash and c_hash") && !told.contains("0815"), "{told}");
    let settings = with(json!(["at_hash", "c_hash", "nonce"])).unwrap();
    let auth = RampartAuthBuilder::from(settings).clock(|| at(Duration::from_secs(NOW))).build().unwrap();
    let marked = Draft::good().claim("at_hash", "1").claim("c_hash", "1").claim("nonce", "1");
    assert!(ready(auth.verify(&marked.header("typ", r#""JWT""#).sign())).is_ok());
}
