//! What is no key, and what is no key set: one bad entry costs nothing but itself.

use crate::common::{
    Auth, Draft, EC, EC_384, EC_521, ED, EVERY, RSA, SignWith, base64url, generate, jwk, jwk_with, jwk_with_bytes,
    key_set, log, part, quoted,
};
use rampart_core::{KeySet, KeySetError};
use rampart_issuer::SigningKey;
use serde_json::{Value, json};
use tracing::Level;

/// Of those below, the ones with which nothing is wrong: they have another purpose.
const NOT_FOR_US: [&str; 12] = [
    "K02 kty of post-quantum keys",
    "K02 kty empty",
    "K02 alg for encryption",
    "K02 alg unknown",
    "K04 use enc",
    "K04 use enc, without alg",
    "K04 key_ops encrypt",
    "K04 use sig but key_ops encrypt",
    "K02 crv unknown",
    "K02 crv secp256k1",
    "K02 OKP X25519",
    "K02 OKP Ed448",
];

/// Entries of which no key can be made; each would be a good one but for what its name says.
#[allow(clippy::too_many_lines, reason = "a table")]
fn unusable() -> Vec<(&'static str, String)> {
    let n = part(&RSA, "n");
    let (x, y) = (part(&EC, "x"), part(&EC, "y"));
    let n_with = |first: Option<u8>, last: Option<u8>| {
        let mut n = n.clone();
        if let Some(first) = first {
            n[0] = first;
        }
        if let Some(last) = last {
            *n.last_mut().unwrap() = last;
        }
        n
    };
    let repeat = |times: usize| [1].into_iter().chain(std::iter::repeat_n(0xab, times)).collect::<Vec<u8>>();
    let p256_prime = [&[0xff; 4][..], &[0, 0, 0, 1], &[0; 12], &[0xff; 12]].concat();
    let ed_small = |low: u8| {
        let mut x = vec![0; 32];
        x[0] = low;
        x
    };
    let duplicate = jwk(&RSA).to_string().replacen('{', &format!(r#"{{"n":"{}","#, base64url(&n)), 1);
    let cases: Vec<(&str, Value)> = vec![
        ("K02 kty of post-quantum keys", json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"})),
        ("K02 kty in lower case", jwk_with(&RSA, "kty", "rsa")),
        ("K02 kty missing", jwk_with(&RSA, "kty", Value::Null)),
        ("K02 kty number", jwk_with(&RSA, "kty", 1)),
        ("K02 kty of another kind", jwk_with(&RSA, "kty", "EC")),
        ("K02 kty empty", jwk_with(&RSA, "kty", "")),
        ("K02 alg for encryption", jwk_with(&RSA, "alg", "RSA-OAEP")),
        ("K02 alg unknown", jwk_with(&RSA, "alg", "XX999")),
        ("K02 alg in lower case", jwk_with(&RSA, "alg", "rs256")),
        ("K02 alg none", jwk_with(&RSA, "alg", "none")),
        ("K04 alg HS256", jwk_with(&RSA, "alg", "HS256")),
        ("K02 alg number", jwk_with(&RSA, "alg", 256)),
        ("K02 alg array", jwk_with(&RSA, "alg", json!(["RS256"]))),
        ("K02 alg of another kind", jwk_with(&RSA, "alg", "ES256")),
        ("A08 alg of another curve", jwk_with(&EC, "alg", "ES384")),
        ("A08 alg of another curve, reverse", jwk_with(&EC_384, "alg", "ES256")),
        ("K02 alg of another curve, Ed25519", jwk_with(&EC, "alg", "EdDSA")),
        ("K04 use enc", jwk_with(&RSA, "use", "enc")),
        ("K04 use enc, without alg", jwk_with(&EC, "use", "enc")),
        ("K02 use number", jwk_with(&RSA, "use", 1)),
        ("K02 use in capitals", jwk_with(&RSA, "use", "SIG")),
        ("K02 use array", jwk_with(&RSA, "use", json!(["sig"]))),
        ("K04 key_ops encrypt", jwk_with(&RSA, "key_ops", json!(["encrypt", "wrapKey"]))),
        ("K04 key_ops empty", jwk_with(&RSA, "key_ops", json!([]))),
        ("K04 key_ops sign", jwk_with(&RSA, "key_ops", json!(["sign"]))),
        ("K04 use sig but key_ops encrypt", jwk_with(&RSA, "key_ops", json!(["encrypt"]))),
        ("K02 key_ops string", jwk_with(&RSA, "key_ops", "verify")),
        ("K02 key_ops mixed", jwk_with(&RSA, "key_ops", json!(["verify", 1]))),
        ("K02 key_ops in capitals", jwk_with(&RSA, "key_ops", json!(["VERIFY"]))),
        ("K02 kid number", jwk_with(&RSA, "kid", 1)),
        ("K02 kid array", jwk_with(&RSA, "kid", json!(["rsa-1"]))),
        ("K10 kid of 1 MiB", jwk_with(&RSA, "kid", "k".repeat(1 << 20))),
        ("K10 kid of 1025 bytes", jwk_with(&RSA, "kid", "k".repeat(1025))),
        ("K02 n missing", jwk_with(&RSA, "n", Value::Null)),
        ("K02 n number", jwk_with(&RSA, "n", 12345)),
        ("K02 n empty", jwk_with(&RSA, "n", "")),
        ("K02 F63 n padded", jwk_with(&RSA, "n", format!("{}==", base64url(&n)))),
        ("K02 n with white space", jwk_with(&RSA, "n", format!(" {}", base64url(&n)))),
        ("K02 F63 n in the other alphabet", jwk_with(&RSA, "n", format!("+/{}", &base64url(&n)[2..]))),
        ("K02 n zero", jwk_with_bytes(&RSA, "n", [0; 256])),
        ("K02 n even", jwk_with_bytes(&RSA, "n", n_with(None, Some(n[255] & 0xfe)))),
        ("K09 n of 1024 bits", jwk_with_bytes(&RSA, "n", &n[128..])),
        ("K09 n of 2047 bits", jwk_with_bytes(&RSA, "n", n_with(Some(0x7f), None))),
        ("K05 n of 8193 bits", jwk_with_bytes(&RSA, "n", repeat(1024))),
        ("K05 n of 16384 bits", jwk_with_bytes(&RSA, "n", repeat(2047))),
        ("K05 n of 120000 bits", jwk_with_bytes(&RSA, "n", repeat(14_999))),
        ("K05 n of 1 MiB", jwk_with_bytes(&RSA, "n", repeat(1 << 20))),
        ("K02 e missing", jwk_with(&RSA, "e", Value::Null)),
        ("K02 e number", jwk_with(&RSA, "e", 65537)),
        ("K02 e empty", jwk_with(&RSA, "e", "")),
        ("K02 e zero", jwk_with_bytes(&RSA, "e", [0])),
        ("K05 e one", jwk_with_bytes(&RSA, "e", [1])),
        ("K05 e one with leading zeros", jwk_with_bytes(&RSA, "e", [0, 0, 1])),
        ("K02 e two", jwk_with_bytes(&RSA, "e", [2])),
        ("K05 e even", jwk_with_bytes(&RSA, "e", [1, 0, 0])),
        ("K05 e of 33 bits", jwk_with_bytes(&RSA, "e", [1, 0, 0, 0, 1])),
        ("K05 e of 2048 bits", jwk_with_bytes(&RSA, "e", &n)),
        ("K02 crv missing", jwk_with(&EC, "crv", Value::Null)),
        ("K02 crv number", jwk_with(&EC, "crv", 256)),
        ("K02 crv unknown", jwk_with(&EC, "crv", "P-192")),
        ("K02 crv secp256k1", jwk_with(&EC, "crv", "secp256k1")),
        ("K02 crv in lower case", jwk_with(&EC, "crv", "p-256")),
        ("K02 crv of another length", jwk_with(&EC, "crv", "P-384")),
        ("K02 crv Ed25519 of an EC key", jwk_with(&EC, "crv", "Ed25519")),
        ("K02 x missing", jwk_with(&EC, "x", Value::Null)),
        ("K02 y missing", jwk_with(&EC, "y", Value::Null)),
        ("K02 x number", jwk_with(&EC, "x", 1)),
        ("K02 x and y swapped", {
            let mut swapped = jwk_with_bytes(&EC, "x", &y);
            swapped["y"] = base64url(&x).into();
            swapped
        }),
        ("K02 off the curve", jwk_with_bytes(&EC, "y", x.clone())),
        ("K02 off the curve, P-384", jwk_with_bytes(&EC_384, "y", part(&EC_384, "x"))),
        ("K02 off the curve, P-521", jwk_with_bytes(&EC_521, "y", part(&EC_521, "x"))),
        ("K02 both zero", {
            let mut zero = jwk_with_bytes(&EC, "x", [0; 32]);
            zero["y"] = base64url([0; 32]).into();
            zero
        }),
        ("K02 x of 31 bytes", jwk_with_bytes(&EC, "x", &x[1..])),
        ("K02 x of 33 bytes", jwk_with_bytes(&EC, "x", [&[0], &*x].concat())),
        ("K02 y of 31 bytes", jwk_with_bytes(&EC, "y", &y[..31])),
        ("K02 y of 33 bytes", jwk_with_bytes(&EC, "y", [&*y, &[0]].concat())),
        ("K02 x not below the prime", jwk_with_bytes(&EC, "x", &p256_prime)),
        ("K02 x all ones", jwk_with_bytes(&EC, "x", [0xff; 32])),
        ("K02 OKP X25519", jwk_with(&ED, "crv", "X25519")),
        ("K02 OKP Ed448", jwk_with(&ED, "crv", "Ed448")),
        ("K02 OKP without crv", jwk_with(&ED, "crv", Value::Null)),
        ("K02 OKP of 31 bytes", jwk_with_bytes(&ED, "x", &part(&ED, "x")[1..])),
        ("K02 OKP of 33 bytes", jwk_with_bytes(&ED, "x", [&*part(&ED, "x"), &[0]].concat())),
        ("K02 OKP small order, 0", jwk_with_bytes(&ED, "x", ed_small(0))),
        ("K02 OKP small order, 1", jwk_with_bytes(&ED, "x", ed_small(1))),
        ("K02 OKP small order, -1", jwk_with_bytes(&ED, "x", [&[0xec][..], &[0xff; 30], &[0x7f]].concat())),
        ("K02 OKP small order, p", jwk_with_bytes(&ED, "x", [&[0xed][..], &[0xff; 30], &[0x7f]].concat())),
        ("K02 OKP small order, p + 1", jwk_with_bytes(&ED, "x", [&[0xee][..], &[0xff; 30], &[0xff]].concat())),
        ("A21 oct", json!({"kty": "oct", "kid": "rsa-1", "alg": "HS256", "k": "c2VjcmV0"})),
        ("K06 RSA private", jwk_with(&RSA, "d", "AQAB")),
        ("K06 RSA prime", jwk_with(&RSA, "p", "AQAB")),
        ("K06 RSA q", jwk_with(&RSA, "q", "AQAB")),
        ("K06 RSA dp", jwk_with(&RSA, "dp", "AQAB")),
        ("K06 RSA dq", jwk_with(&RSA, "dq", "AQAB")),
        ("K06 RSA qi", jwk_with(&RSA, "qi", "AQAB")),
        ("K06 RSA oth", jwk_with(&RSA, "oth", json!([{"r": "AQAB"}]))),
        ("K06 EC private", jwk_with(&EC, "d", "AQAB")),
        ("K06 EC private, of a wrong type", jwk_with(&EC, "d", 1)),
        ("K06 Ed25519 private", jwk_with(&ED, "d", "AQAB")),
        ("K06 symmetric member", jwk_with(&EC, "k", "AQAB")),
        ("K02 null", Value::Null),
        ("K02 string", "key".into()),
        ("K02 array", json!([])),
        ("K02 number", 1.into()),
        ("K02 empty object", json!({})),
    ];
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let with_text = |name: &str, text: &str| jwk(&RSA).to_string().replacen('{', &format!(r#"{{"{name}":{text},"#), 1);
    cases
        .into_iter()
        .map(|(id, jwk)| (id, jwk.to_string()))
        .chain([
            ("K03 n twice", duplicate),
            ("K03 unknown member twice", with_text("x5t", r#""a","x5t":"b""#)),
            ("K02 kty null", with_text("kty", "null").replace(r#","kty":"RSA""#, "")),
            ("K02 n null", with_text("n", "null").replace(&format!(r#","n":"{}""#, base64url(&n)), "")),
            ("B15 reserved name", with_text("$serde_json::private::RawValue", r#""1""#)),
            ("B15 reserved name, nested", with_text("a", r#"[{"$serde_json::private::Number":"1"}]"#)),
            ("S07 nested", with_text("a", &deep(33))),
            ("S07 deeply nested", with_text("a", &deep(5000))),
        ])
        .collect()
}

#[test]
fn entry_that_cannot_be_used_is_skipped_with_one_line_of_the_log() {
    let good = generate(SignWith::ES256, "good");
    let token = Draft::by(&good).sign();
    for (id, bad) in unusable() {
        for keys in [[bad.clone(), jwk(&good).to_string()], [jwk(&good).to_string(), bad.clone()]] {
            log::clear();
            let set = KeySet::from_json(&key_set(keys)).unwrap();
            let lines = log::take();
            assert_eq!(set.len(), 1, "{id}");
            assert!(set.verify(&token, &EVERY).is_ok(), "{id}: the good key");
            assert_eq!(lines.len(), 1, "{id}: {lines:?}");
            let (level, says) = if NOT_FOR_US.contains(&id) {
                (Level::DEBUG, "message=a key of the key set has another purpose; skipped")
            } else {
                (Level::WARN, "message=a key of the key set cannot be used; skipped")
            };
            assert_eq!(lines[0].level, level, "{id}: {lines:?}");
            assert!(lines[0].text.contains(says) && lines[0].text.contains(" why=it"), "{id}: {lines:?}");
        }
        log::clear();
        let alone = KeySet::from_json(&key_set([&bad]));
        assert!(matches!(alone.map(drop), Err(KeySetError::NoUsableKey { entries: 1, .. })), "{id}: alone");
        let lines = log::take();
        assert_eq!((lines.len(), lines[0].level), (1, Level::WARN), "{id}: where nothing is left: {lines:?}");
    }
    assert!(NOT_FOR_US.iter().all(|id| unusable().iter().any(|(own, _)| own == id)));
}

#[test]
fn keys_for_other_purposes_are_named_at_debug_and_hide_no_warning() {
    let encrypting = vec![jwk_with(&RSA, "use", "enc"); 30];
    let wrong = vec![jwk_with(&RSA, "n", Value::Null); 21];
    let levels = |keys: Vec<Value>| {
        log::clear();
        KeySet::from_json(&key_set(keys)).unwrap();
        let lines = log::take();
        let of = |level: Level| lines.iter().filter(|line| line.level == level).count();
        (of(Level::WARN), of(Level::DEBUG), lines.len())
    };
    let good = || vec![jwk(&EC)];
    assert_eq!(levels([good(), encrypting.clone()].concat()), (0, 20, 20), "twenty are enough");
    assert_eq!(levels([encrypting.clone(), wrong[..1].to_vec(), good()].concat()), (1, 20, 21));
    assert_eq!(levels([encrypting, wrong, good()].concat()), (21, 20, 41), "and how many there are");
}

/// Name and value of a member, as JSON.
type Member<'m> = (&'m str, &'m str);

/// The text of a key with these members more, or instead of its own.
fn with_members(key: &SigningKey, members: &[Member<'_>]) -> String {
    let mut jwk = jwk(key);
    for (name, _) in members {
        jwk.as_object_mut().unwrap().remove(*name);
    }
    let texts: Vec<String> = members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    jwk.to_string().replacen('{', &format!("{{{},", texts.join(",")), 1)
}

/// F30, F31.
#[test]
fn null_counts_as_absent_in_a_key() {
    const SECRETS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let optional = ["kid", "use", "alg", "key_ops"].map(|name| (name, "null"));
    let secrets = SECRETS.map(|name| (name, "null"));
    let others = ["crv", "x", "y", "x5c", "x5t", "x5u"].map(|name| (name, "null"));
    let every = [&optional[..], &secrets, &others].concat();
    let accepts = |id: &str, members: &[Member<'_>]| {
        log::clear();
        let auth = Auth::with_keys([with_members(&RSA, members)]);
        assert!(log::take().is_empty(), "{id}");
        auth.accepts(id, &Draft::by(&RSA).without_header("kid").sign());
        if members.iter().all(|(name, _)| *name != "kid") {
            auth.accepts(id, &Draft::by(&RSA).sign());
        }
    };
    for member in &every {
        accepts(member.0, &[*member]);
    }
    accepts("F30 the optional ones", &optional);
    accepts("F31 the secret ones", &secrets);
    accepts("F31 all that the model has", &every);
    let curve = with_members(&EC, &[("n", "null"), ("e", "null"), ("d", "null"), ("use", "null")]);
    Auth::with_keys([curve]).accepts("F31 a key on a curve", &Draft::good().sign());

    for name in SECRETS {
        let values = [r#""""#, "0", "false", "[]", "{}", "[null]", r#""null""#];
        for value in values {
            let jwk = with_members(&RSA, &[(name, value)]);
            let error = KeySet::from_json(&key_set([jwk])).map(drop);
            assert!(matches!(error, Err(KeySetError::NoUsableKey { entries: 1, .. })), "{name} {value} is there");
        }
        let twice = with_members(&RSA, &[("kid", r#""rsa-1""#)]).replacen(
            '{',
            &format!(r#"{{"{name}":null,"{name}":null,"#),
            1,
        );
        let error = KeySet::from_json(&key_set([twice])).map(drop);
        assert!(matches!(error, Err(KeySetError::NoUsableKey { entries: 1, .. })), "K03 {name} twice");
    }
}

#[test]
fn number_that_is_missing_or_malformed_is_told_by_its_name() {
    let certificate = ("x5c", r#"["MIIB"]"#);
    let padded = quoted(&format!("{}==", base64url(part(&RSA, "n"))));
    let alone = "is missing: a key that is given by its certificate alone (x5c) is not read";
    let cases: [(&str, &SigningKey, &[Member<'_>], String); 9] = [
        ("F29 x5c and no n", &RSA, &[certificate, ("n", "null")], format!("its n {alone}")),
        ("F29 x5c and no e", &RSA, &[certificate, ("e", "null")], format!("its e {alone}")),
        ("F29 x5c and no x", &EC, &[certificate, ("x", "null")], format!("its x {alone}")),
        ("F29 x5c and no y", &EC, &[certificate, ("y", "null")], format!("its y {alone}")),
        ("no n", &RSA, &[("n", "null")], "its n is missing".into()),
        ("no n, x5c null", &RSA, &[("x5c", "null"), ("n", "null")], "its n is missing".into()),
        ("F63 padding", &RSA, &[certificate, ("n", &padded)], "its n is not strict base64url".into()),
        ("F63 the other alphabet", &RSA, &[("n", r#""+/==""#)], "its n is not strict base64url".into()),
        ("a number", &EC, &[("x", "1")], "its x is not strict base64url".into()),
    ];
    for (id, key, members, says) in cases {
        log::clear();
        KeySet::from_json(&key_set([with_members(key, members)])).unwrap_err();
        let lines = log::take();
        assert!(lines.len() == 1 && lines[0].text.ends_with(&format!("why={says}")), "{id}: {lines:?}");
    }
}

#[test]
fn token_by_a_key_that_is_not_usable_is_refused() {
    let cases = [
        ("K04 use enc", jwk_with(&RSA, "use", "enc")),
        ("K04 key_ops without verify", jwk_with(&RSA, "key_ops", json!(["encrypt"]))),
        ("K04 key_ops empty", jwk_with(&RSA, "key_ops", json!([]))),
        ("K04 alg HS256", jwk_with(&RSA, "alg", "HS256")),
        ("K04 alg RS512", jwk_with(&RSA, "alg", "RS512")),
        ("K04 key_ops sign", jwk_with(&RSA, "key_ops", json!(["sign"]))),
        ("K04 use sig, key_ops encrypt", jwk_with(&RSA, "key_ops", json!(["encrypt"]))),
        ("K06 published with its private members", jwk_with(&RSA, "d", "AQAB")),
    ];
    for (id, bad) in cases {
        let auth = Auth::with_keys([bad, jwk(&EC)]);
        auth.refuses(id, &Draft::by(&RSA).sign(), "V4");
        auth.refuses(&format!("{id}, no kid"), &Draft::by(&RSA).without_header("kid").sign(), "V4");
        auth.accepts(&format!("{id}, the other key"), &Draft::good().sign());
    }
    let leaked = jwk_with(&RSA, "d", "c2VjcmV0LXBhcnQ");
    log::clear();
    let error = KeySet::from_json(&key_set([leaked])).unwrap_err();
    let told = format!("{:?} {error} {error:?}", log::take());
    assert!(!told.contains("c2VjcmV0LXBhcnQ") && told.contains("private"), "K06: {told}");
}

#[test]
fn text_that_is_no_key_set_is_refused() {
    let key = jwk(&EC).to_string();
    let cases = [
        ("S06 empty", String::new()),
        ("S06 HTML", "<!DOCTYPE html><html></html>".into()),
        ("S06 null", "null".into()),
        ("S06 array", format!("[{key}]")),
        ("S06 string", r#""keys""#.into()),
        ("S06 empty object", "{}".into()),
        ("S06 keys null", r#"{"keys":null}"#.into()),
        ("S06 keys object", format!(r#"{{"keys":{{"a":{key}}}}}"#)),
        ("S06 keys number", r#"{"keys":1}"#.into()),
        ("S06 keys string", r#"{"keys":"x"}"#.into()),
        ("S06 bare key", key.clone()),
        ("S06 truncated", format!(r#"{{"keys":[{key}"#)),
        ("S06 trailing garbage", format!("{}x", key_set([&key]))),
        ("S06 second object", format!("{0}{0}", key_set([&key]))),
        ("S06 byte order mark", format!("\u{feff}{}", key_set([&key]))),
        (
            "S06 discovery document",
            r#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}"#.into(),
        ),
        ("S06 OAuth error", r#"{"error":"server_error"}"#.into()),
        ("S06 NaN", format!(r#"{{"keys":[{key}],"x":NaN}}"#)),
        ("S06 other case", format!(r#"{{"Keys":[{key}]}}"#)),
        ("K03 keys twice", format!(r#"{{"keys":[{key}],"keys":[{key}]}}"#)),
        ("K03 unknown member twice", format!(r#"{{"a":1,"a":1,"keys":[{key}]}}"#)),
        ("B15 reserved name", format!(r#"{{"$serde_json::private::RawValue":"1","keys":[{key}]}}"#)),
        ("B15 reserved name, nested", format!(r#"{{"a":[{{"$serde_json::private::Number":"1"}}],"keys":[{key}]}}"#)),
        ("S07 nested", format!("{}{}", "[".repeat(5000), "]".repeat(5000))),
        ("S07 nested beside the keys", format!(r#"{{"a":{}{},"keys":[{key}]}}"#, "[".repeat(5000), "]".repeat(5000))),
        ("S07 never closed", format!(r#"{{"keys":{}"#, "[".repeat(100_000))),
    ];
    for (id, text) in cases {
        assert_eq!(KeySet::from_json(&text).map(drop), Err(KeySetError::NotAKeySet), "{id}");
    }
    for (text, entries) in [(r#"{"keys":[]}"#, 0), (r#"{"keys":[{}]}"#, 1), (r#"{"keys":[{},null,1]}"#, 3)] {
        let error = KeySet::from_json(text).unwrap_err();
        assert!(matches!(error, KeySetError::NoUsableKey { entries: told, .. } if told == entries), "S08 {text}");
        assert!(error.to_string().contains(&entries.to_string()));
    }
    assert!(KeySet::from_json(&key_set([&key])).is_ok(), "control");
}

#[test]
fn k10_set_of_nothing_but_garbage_is_named_in_a_few_lines_of_the_log() {
    crate::common::log::clear();
    let text = format!(r#"{{"keys":[{}]}}"#, vec!["1"; 50_000].join(","));
    assert!(matches!(KeySet::from_json(&text), Err(KeySetError::NoUsableKey { entries: 50_000, .. })));
    let records = crate::common::log::take();
    assert!((2..30).contains(&records.len()), "{} lines", records.len());
    assert!(records.last().unwrap().text.contains("skipped=50000"), "{records:?}");
}
