//! RSA keys of a generator that is broken (ROCA, CVE-2017-15361). The moduli are made as that generator made them, from the
//! published structure of its primes: k·M + (65537^a mod M), M the product of the first 126 primes, or 225 of them.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use rampart_core::{KeySet, KeySetError};
use serde_json::{Value, json};

use crate::common::{
    Auth, Draft, EC, RSA, SignWith, base64url, decode, forge, generate, jwk, jwk_with, key_set, log, part,
};

/// A modulus.
const OF_2048_BITS: &str = "\
    1I1bBr-Arv6-CTT-lv3ud-gjXoEjdjk8kEqMYF1hXD8zngdWBO_dg5EsNNEvWgHMDukO71JERS7emAPrPk8weoHBxZTEfAol1o8L6iEqQ0nVdE\
    LOH7eSJjsgAIbHkhYyT9M1idjC0x48JXE8Y17OqQZWde0wI78JHpJ45qzs_24lc18gXIUUOblHl5s0IFBhIJPZ6DLD0gCGoa7K5oDcXOYp_5fZ\
    9arA9Qqn7c5THCjb4IsUHAmf1IsuVU9Y4AuFloWvJIF4X5ADuB7DElMwJtYSfEePbET8FiU10PYMk-Djnohwd7YK9uVeo-1-pHQAyiXjLzbj9l\
    vj3l7ar6N4-Q";

/// By its private key: RS256 over [`token`].
const SIGNATURE: &str = "\
    l5R9ZEwZAVsw4th0Nc7HEn0Jl6ZEiK7HDPtMJjg9VmKiG5_gvk0AvFQR3lkoGzNUOrpPSoG3OSDaqLN_9_mst2QM0raDeDaqOWpyTizgMmVHB9\
    LxXhtnCUqDXM6NE0WzW32YF9eQarfCxjLb6i72kL14j0m_oLXDOB80Kfq0np_NGRLL8w1anWG9I_ngwjOeLzJUDCKFfFX9P1-4sdK8pojwRJyb\
    0ub1ngUIEy-IbLTnLogiEsU-irNWFI_CiWv5e4XP5NVIkbCI_L8jpKTupQgaH0CHMyTQFsyKwE6PHgaz9u2EsampG58kZr3h2e6MVHoauQsjhr\
    xvMzH6wgjeHg";

/// Another, as the generator made them for this size.
const OF_4096_BITS: &str = "\
    qWhtVQ5nobnbuuZpgAr7_FyFLkGtnXfMtsnsl1R-sG06w8uxG9clj3uzYhGl6m7ekAYE4xDnpGkxmOIRPdNtFao6P6kg7PFoQ6sPSL5vTJ9Zsu\
    2RsyitZXF8f33tZ8Ze7d-s0qRGp9nXXN-AvmmHg0u8mDs6NkXUU2sKkrpaVCdt1JlLOUmTOPGXWHErOByo3-lzJLS22kSCglxQwXh7JPQBA-ul\
    2sUav3wXfyVgl9hFaXNyvOjQE3hmuKTxq9eNh60lkUbzIbDPzVppgI8-R2lf3egTR2PVGfzvojTjEH3oZUroSzoJWAaVI1jld4H9efN5Ojc6VB\
    Dk8L7DLacCJsOomvs99EO8HChDLBwc957cos2VTW1udRMLXlA5l1Dl4No9aPZVVGAB3auaoIpIgvurbuVZPrRlXwm2ywj_m5gr-a0y-wU-lLgJ\
    hClJ8sB1R39IIiW2CBoGN1Qjzf4uSpG9uO70dakTYN7zv-wflER3EaPR9MBrkrZIYUlXa_SekuwKtGkJMkBvqT70NVgL1qXQIT0Ek8LRwfWhqH\
    j_898Z_J2ip_9JH-68gq_ViANvDhd7sjNP6MmwlQiAoUVV6zqhrJkNz2XStzvSHdyoXrvB14msE74mzykLkFNdXMPxMZ1tySLDmSseyqfWrwsM\
    Q2JrATDaK9nim3hrnrg4_IM";

fn jwk_of(n: impl AsRef<[u8]>) -> Value {
    json!({"kty": "RSA", "kid": "roca", "n": base64url(n), "e": "AQAB"})
}

/// A good token by the key of 2048 bits.
fn token() -> String {
    let header = r#"{"alg":"RS256","typ":"at+jwt","kid":"roca"}"#;
    let payload = r#"{"iss":"https://issuer.example/","aud":"https://api.example","sub":"user-1","iat":1799999940,"exp":1800000600}"#;
    format!("{}.{}.{SIGNATURE}", base64url(header), base64url(payload))
}

#[test]
fn key_of_a_broken_generator_is_never_used() {
    let (n, token) = (decode(OF_2048_BITS), token());
    let key = RsaPublicKeyComponents { n: &*n, e: &[1, 0, 1] };
    let parsed = key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).unwrap();
    let (signed, signature) = (forge::signing_input(&token), forge::signature(&token));
    parsed
        .verify_sig(signed.as_bytes(), &signature)
        .expect("the signature holds: nothing else is wrong with the token");

    let moduli = [("2048 bits", n.clone()), ("leading zeros", [&[0, 0], &*n].concat()), ("4096", decode(OF_4096_BITS))];
    for (id, n) in moduli {
        let alone = KeySet::from_json(&key_set([jwk_of(&n)])).map(drop);
        assert!(matches!(alone, Err(KeySetError::NoUsableKey { entries: 1, .. })), "{id}");
        log::clear();
        let auth = Auth::with_keys([jwk_of(&n), jwk(&EC)]);
        let logged = log::take();
        // Once for each of the two verifiers.
        assert_eq!(logged.len(), 2, "{id}: {logged:?}");
        assert_eq!(logged[0].level, tracing::Level::WARN, "{id}");
        assert!(logged[0].text.contains("position=0") && logged[0].text.contains("CVE-2017-15361"), "{id}: {logged:?}");
        auth.refuses(id, &token, "V4");
        auth.accepts("the other key", &Draft::good().sign());
    }
}

#[test]
fn moduli_of_other_generators_are_used() {
    // Next to the others: the same digits, but no power of 65537.
    for n in [OF_2048_BITS, OF_4096_BITS].map(decode) {
        for step in [2, 4, 6] {
            let mut other = n.clone();
            *other.last_mut().unwrap() ^= step;
            assert!(KeySet::from_json(&key_set([jwk_of(other)])).is_ok(), "{step}");
        }
    }
    let keys = (0..4).map(|at| generate(SignWith::RS256, &format!("rsa-{at}")));
    for key in keys.chain([RSA.clone()]) {
        let set = KeySet::from_json(&key_set([jwk_with(&key, "alg", "RS256")])).unwrap();
        assert_eq!(set.len(), 1, "{:?}", part(&key, "n"));
    }
}
