//! HMAC keyed with public keys (A05, A06): algorithm confusion.

use crate::common::forge::{der, hex, signing_input, with};
use crate::common::{AUTH, Auth, Draft, EC, RSA, base64url, decode, jwk, quoted};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[test]
fn public_key_is_no_secret_of_a_mac() {
    let n = decode(RSA.public_jwk()["n"].as_str().unwrap());
    let (x, y) = (decode(EC.public_jwk()["x"].as_str().unwrap()), decode(EC.public_jwk()["y"].as_str().unwrap()));
    let point = [&[4], &*x, &*y].concat();
    let pkcs1 = der(0x30, &[der(2, &[&[0], &*n].concat()), der(2, &[1, 0, 1])].concat());
    let rsa_spki = spki(&hex("06092a864886f70d0101010500"), &pkcs1);
    let ec_spki = spki(&hex("06072a8648ce3d020106082a8648ce3d030107"), &point);
    let (rsa_pem, ec_pem, pkcs1_pem) =
        (pem("PUBLIC KEY", &rsa_spki), pem("PUBLIC KEY", &ec_spki), pem("RSA PUBLIC KEY", &pkcs1));
    let canonical = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, base64url(&n));
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("SPKI PEM", rsa_pem.clone().into()),
        ("SPKI PEM, no final line feed", rsa_pem.trim_end().into()),
        ("SPKI PEM, CRLF", rsa_pem.replace('\n', "\r\n").into()),
        ("SPKI PEM, leading space", format!(" {rsa_pem}").into()),
        ("PKCS#1 PEM", pkcs1_pem.clone().into()),
        ("PKCS#1 PEM, no final line feed", pkcs1_pem.trim_end().into()),
        ("SPKI DER", rsa_spki),
        ("PKCS#1 DER", pkcs1),
        ("modulus", n.clone()),
        ("modulus in base64url", base64url(&n).into()),
        ("JWK", jwk(&RSA).to_string().into()),
        ("canonical JWK", canonical.into()),
        ("EC PEM", ec_pem.into()),
        ("EC SPKI DER", ec_spki),
        ("EC point", point),
        ("EC coordinates", [&*x, &*y].concat()),
        ("EC x", x),
        ("empty", Vec::new()),
        ("guessed", b"secret".to_vec()),
    ];
    for (alg, mac) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for (id, secret) in &secrets {
            for key in [&*RSA, &*EC] {
                let sign = |draft: &Draft| {
                    let token = draft.sign();
                    let tag = hmac::sign(&hmac::Key::new(mac, secret), signing_input(&token).as_bytes());
                    with(&token, tag)
                };
                let id = format!("A05 A06 {alg} with {id}, {}", key.kid());
                let said = Draft::by(key).header("alg", &quoted(alg));
                AUTH.refuses(&id, &sign(&said), "V3");
                AUTH.refuses(&format!("{id}, no kid"), &sign(&said.without_header("kid")), "V3");
                AUTH.refuses(&format!("{id}, under the true alg"), &sign(&Draft::by(key)), "V5");
            }
        }
    }
    let octets = r#"{"kty":"oct","kid":"oct-1","alg":"HS256","k":"c2VjcmV0"}"#;
    let auth = Auth::with_keys([octets.to_owned(), jwk(&RSA).to_string()]);
    let token = Draft::by(&RSA).header("alg", r#""HS256""#).header("kid", r#""oct-1""#).sign();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"secret"), signing_input(&token).as_bytes());
    auth.refuses("A21 symmetric key in the set", &with(&token, tag), "V3");
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x30, algorithm), der(3, &[&[0], key].concat())].concat())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
