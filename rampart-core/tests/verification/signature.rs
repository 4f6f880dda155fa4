//! V5: the signature, over the very bytes received, by the algorithm of the header, in the one encoding that it has.

use crate::common::forge::{signature, with};
use crate::common::{AUTH, Draft, EC, EC_384, EC_521, KEYS, RSA, RSA_2, SignWith, base64url, decode, generate, parts};
use rampart_core::Algorithm;

#[test]
fn any_change_of_the_signed_bytes_is_noticed() {
    for key in [&*RSA, &*RSA_2, &*EC, &*EC_384, &*EC_521] {
        let kid = key.kid();
        let token = Draft::by(key).sign();
        let [h, p, s] = parts(&token);
        AUTH.accepts(kid, &token);
        let genuine = signature(&token);
        for at in 0..genuine.len() {
            let mut forged = genuine.clone();
            forged[at] ^= 1 << (at % 8);
            AUTH.refuses(&format!("C01 {kid}, bit {} of byte {at}", at % 8), &with(&token, forged), "V5");
        }
        let admin = Draft::by(key).claim("roles", r#"["admin"]"#).sign();
        let other_header = Draft::by(key).header("typ", r#""JWT""#).sign();
        AUTH.refuses("C01 payload of another token", &format!("{h}.{}.{s}", parts(&admin)[1]), "V5");
        AUTH.refuses("C01 header of another token", &format!("{}.{p}.{s}", parts(&other_header)[0]), "V5");
        AUTH.refuses("C01 signature of another token", &format!("{h}.{p}.{}", parts(&admin)[2]), "V5");
        let spaced = base64url(format!("{} ", Draft::by(key).payload.to_json()));
        AUTH.refuses("C01 same JSON, other bytes", &format!("{h}.{spaced}.{s}"), "V5");
    }
}

#[test]
fn signature_by_another_key_is_refused() {
    for key in [&*RSA, &*EC, &*EC_384, &*EC_521] {
        let attacker = generate(key.algorithm(), key.kid());
        AUTH.refuses(&format!("C08 {}", key.kid()), &Draft::by(&attacker).sign(), "V5");
    }
}

#[test]
fn algorithm_of_the_header_is_the_one_that_counts() {
    use SignWith::{PS256, PS384, PS512, RS256, RS384, RS512};
    let all = [RS256, RS384, RS512, PS256, PS384, PS512];
    let allowed = all.map(|name| name.as_str().parse::<Algorithm>().unwrap());
    for said in all {
        for used in all {
            let mut draft = Draft::by(&RSA).with(said);
            draft.algorithm = used;
            let verified = KEYS.verify(&draft.sign(), &allowed).is_ok();
            assert_eq!(verified, said == used, "A08 header {said}, signature {used}");
        }
    }
    // Every signature under the name of every other kind of key, with the kid of that kind.
    let keys = [&*RSA, &*EC, &*EC_384, &*EC_521];
    for signer in keys {
        for named in keys.into_iter().filter(|named| named.kid() != signer.kid()) {
            let mut draft = Draft::by(signer);
            draft.header = Draft::by(named).header;
            AUTH.refuses(&format!("A07 {} as {}", signer.kid(), named.kid()), &draft.sign(), "V5");
        }
    }
}

#[test]
fn token_in_the_cache_does_not_vouch_for_one_that_looks_like_it() {
    let token = Draft::good().sign();
    let [h, p, _] = parts(&token);
    AUTH.accepts("T04 verified first", &token);
    let mut forged = signature(&token);
    forged[40] ^= 1;
    AUTH.refuses("T04 other signature", &with(&token, forged), "V5");
    AUTH.refuses("T04 beginning alone", &token[..64], "V2");
    AUTH.refuses("T04 one byte more", &format!("{token}A"), "V5");
    let mut payload = decode(p);
    *payload.last_mut().unwrap() = b' ';
    AUTH.refuses("T04 same beginning", &format!("{h}.{}.{}", base64url(payload), parts(&token)[2]), "V5");
    AUTH.accepts("T04 the good one still", &token);
}
