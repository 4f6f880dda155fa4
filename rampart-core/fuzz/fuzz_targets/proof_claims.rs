//! P2 to P8: the first line of the input is the header, the rest the payload of a proof that is genuinely signed by the key of the token.
//! `{x}`, `{ath}` and `{nonce}` in them stand for what a good one has there.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rampart_core::AuthError;
use rampart_core_fuzz::NOW;
use rampart_core_fuzz::dpop::{ATH, AUTH, AUTH_NONCES, CLIENT, METHOD, Request, TOKEN, names};
use rampart_issuer::compact;
use serde_json::Value;

const PATH: &str = "/orders/1";

static X: LazyLock<String> = LazyLock::new(|| CLIENT.public_jwk()["x"].as_str().expect("a text").to_owned());

/// What the API asks for.
static NONCE: LazyLock<String> = LazyLock::new(|| {
    let proof = CLIENT.proof(METHOD, "https://api.example/v1/orders/1").access_token(&TOKEN).at(NOW);
    let proof = proof.sign().expect("the key can sign");
    let (error, nonce) = Request::new(&TOKEN, PATH, &[proof.as_bytes()]).ask(&AUTH_NONCES).expect_err("no nonce");
    assert_eq!(error, AuthError::UseNonce);
    nonce.expect("it comes with the refusal")
});

fn filled_in(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (place, value) in [(b"{x}".as_slice(), &*X), (b"{ath}", &*ATH), (b"{nonce}", &*NONCE)] {
        while let Some(at) = text.windows(place.len()).position(|window| window == place) {
            text.splice(at..at + place.len(), value.bytes());
        }
    }
    text
}

/// An independent reading of what has passed, but for its nonce and its age.
fn check(header: &Value, payload: &Value) {
    assert!(header["alg"] == "EdDSA" || header["alg"] == "Ed25519");
    let typ = header["typ"].as_str().expect("a string").to_ascii_lowercase();
    assert_eq!(typ.strip_prefix("application/").unwrap_or(&typ), "dpop+jwt");
    assert!(["crit", "enc", "zip"].iter().all(|name| header.get(name).is_none()));
    assert!(header.get("b64").is_none_or(|b64| *b64 == Value::Bool(true)));
    assert!(header.as_object().is_some_and(|members| members.len() <= 64));
    let jwk = &header["jwk"];
    assert_eq!((&jwk["kty"], &jwk["crv"], &jwk["x"]), (&"OKP".into(), &"Ed25519".into(), &X.as_str().into()));
    assert!(["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().all(|name| jwk.get(name).is_none_or(Value::is_null)));
    assert!(jwk.get("use").is_none_or(|own| own.is_null() || own == "sig"));

    assert_eq!(payload["htm"], METHOD);
    assert!(names(payload["htu"].as_str().expect("a string"), PATH));
    assert_eq!(payload["ath"], **ATH);
    assert!(payload["jti"].as_str().is_some_and(|jti| (1..=128).contains(&jti.len())));
    let time = |name: &str| payload.get(name).map(|time| time.as_f64().expect("a number"));
    let now = NOW as f64;
    assert!(time("iat").is_some_and(|iat| iat >= 0.0));
    assert!(time("exp").is_none_or(|exp| exp > now) && time("nbf").is_none_or(|nbf| nbf <= now + 10.0));
}

fuzz_target!(|data: &[u8]| {
    let (header, payload) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (filled_in(&data[..at]), filled_in(&data[at + 1..])),
        None => (filled_in(data), Vec::new()),
    };
    let key = CLIENT.signing_key();
    let proof = compact(&header, &payload, key, key.algorithm()).expect("the key can sign");
    let ask = |auth| Request::new(&TOKEN, PATH, &[proof.as_bytes()]).ask(auth);
    let (plain, with_nonces) = (ask(&AUTH), ask(&AUTH_NONCES));
    assert!(plain.as_ref().err().is_none_or(|(error, nonce)| *error != AuthError::UseNonce && nonce.is_none()));
    // Every refusal brings one, unless the proof has one.
    if with_nonces.as_ref().is_err_and(|(error, nonce)| *error == AuthError::UseNonce && nonce.is_none()) {
        panic!("it must bring one");
    }
    if plain.is_err() && with_nonces.is_err() {
        return;
    }
    assert!(proof.len() <= 8 * 1024 && header.len() <= 4096);
    let [header, payload]: [Value; 2] =
        [&header, &payload].map(|part| serde_json::from_slice(part).expect("accepted, so JSON"));
    check(&header, &payload);
    let iat = payload["iat"].as_f64().expect("a number");
    let age = NOW as f64 - iat;
    assert!(plain.is_err() || (-10.0..=60.0).contains(&age));
    assert!(with_nonces.is_err() || payload["nonce"] == **NONCE);
});
