//! The header field, the form of a proof, its type and its algorithm: DP01 to DP07, DP13, DP14.

use aws_lc_rs::hmac;
use rampart_issuer::{ProofBuilder, base64url};
use serde_json::{Value, json};

use crate::case::Case;
use crate::credentials::{Credentials, Input};
use crate::fixture::{Fixture, NOW};
use crate::sender::{KEY, OTHER_KEY, Sender};

use super::super::ADA;
use super::{each_parameter, get, header_begins, invalid_proof, invalid_token, missing_proof, payload_begins, sender};

const NOT_UTF_8: &str = "Rocket drops header values that are not UTF-8 before any guard runs";

/// This many arrays, each in the one before.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// A proof of exactly this length.
fn of_length(sender: &Sender, length: usize) -> Input {
    sender.text(format!("{length} bytes"), move |sender| {
        let with = |header: usize, payload: usize| {
            let proof = sender.proof().header("x", "a".repeat(header)).claim("y", "a".repeat(payload));
            proof.sign().unwrap()
        };
        // Four characters of base64url are three bytes, and there is no text of one character more: the other part gives it.
        let rest = (length - with(0, 0).len()) / 4 * 3;
        (0..4)
            .flat_map(|header| (rest.saturating_sub(8)..rest + 8).map(move |payload| (header, payload)))
            .map(|(header, payload)| with(header, payload))
            .find(|proof| proof.len() == length)
            .unwrap()
    })
}

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let s = sender();
    vec![
        get("dp01_good_requests")
            .each([
                s.good(),
                s.around("scheme in lower case", |token, proof| {
                    Credentials::default().token("dpop", token).proof(proof)
                }),
                s.around("scheme in upper case", |token, proof| {
                    Credentials::default().token("DPOP", token).proof(proof)
                }),
                s.around("two spaces", |token, proof| Credentials::default().token("DPoP ", token).proof(proof)),
                s.text("blanks around it", |s| format!(" \t{}\t ", s.proof().sign().unwrap())),
                s.with("extra members", |proof| {
                    proof.header("x", json!({"a": [1]})).claim("scope", "a").claim("y", json!([null]))
                }),
                s.with("iat with a fraction", |proof| proof.claim("iat", 1_799_999_999.5)),
                s.with("jti of 128 bytes", |proof| proof.jti(&format!("{NOW}-{:a<117}", rand(7)))),
            ])
            .passes(ADA),
        get("dp01_names_of_the_field")
            .each(["dpop", "DPOP", "dPoP"].map(|name| {
                s.around(name, move |token, proof| {
                    Credentials::default().token("DPoP", token).line(format!("{name}: {proof}"))
                })
            }))
            .over_http()
            .passes(ADA),
        get("dp02_no_proof")
            .each([
                s.around("no field", |token, _| Credentials::default().token("DPoP", token)),
                s.text("empty value", |_| ""),
                s.text("blanks", |_| " \t "),
            ])
            .answers(missing_proof()),
        get("dp03_two_proofs")
            .each([
                two(&s, "good and good", |s| [sign(&s.proof()), sign(&s.proof())]),
                two(&s, "good and bad", |s| [sign(&s.proof()), "x".to_owned()]),
                two(&s, "bad and good", |s| ["x".to_owned(), sign(&s.proof())]),
                two(&s, "empty and good", |s| [String::new(), sign(&s.proof())]),
                two(&s, "good and empty", |s| [sign(&s.proof()), String::new()]),
                s.around("identical", |token, proof| {
                    Credentials::default().token("DPoP", token).proof(proof).proof(proof)
                }),
                s.text("a list", |s| format!("{}, {}", sign(&s.proof()), sign(&s.proof()))),
            ])
            .answers(invalid_proof()),
        get("dp04_other_forms").each(other_forms(&s)).answers(invalid_proof()),
        get("dp04_bytes_above_ascii")
            .each([
                s.text("within", |s| [&sign(&s.proof()).as_bytes()[..20], b"\xff", b"x"].concat()),
                s.text("after", |s| [sign(&s.proof()).as_bytes(), b"\xe9"].concat()),
            ])
            .answers(invalid_proof())
            .except("rocket", NOT_UTF_8, |case| case.answers(missing_proof())),
        get("dp05_at_the_limits")
            .each([of_length(&s, 8191), of_length(&s, 8192)])
            .each([
                s.with("32 levels below the header", |proof| proof.header("x", nested(32))),
                s.with("32 levels below the payload", |proof| proof.claim("x", nested(32))),
                s.with("64 header members", |proof| members(proof, 61)),
            ])
            .passes(ADA),
        get("dp05_beyond_the_limits")
            .each([of_length(&s, 8193), of_length(&s, 8200), of_length(&s, 64 * 1024)])
            .each([
                s.with("33 levels below the header", |proof| proof.header("x", nested(33))),
                s.with("33 levels below the payload", |proof| proof.claim("x", nested(33))),
                s.with("65 header members", |proof| members(proof, 62)),
            ])
            .answers(invalid_proof()),
        get("dp05_members_that_stand_twice")
            .each([
                header_begins(&s, r#""alg":"ES256""#),
                header_begins(&s, r#""typ":"dpop+jwt""#),
                header_begins(&s, r#""jwk":null"#),
                header_begins(&s, r#""jw\u006b":{}"#),
                s.with("jwk.x", |proof| {
                    let header = String::from_utf8(proof.protected_header()).unwrap();
                    proof.raw_header(header.replace(r#""x":""#, r#""x":"AAAA","x":""#))
                }),
                payload_begins(&s, r#""jti":"x""#),
                payload_begins(&s, r#""htu":"https://evil.example/""#),
                payload_begins(&s, r#""htm":"GET""#),
                payload_begins(&s, r#""ath":null"#),
                payload_begins(&s, r#""iat":1800000000"#),
                payload_begins(&s, r#""\u0069at":1800000000"#),
            ])
            .answers(invalid_proof()),
        get("dp06_types_that_are_the_same")
            .each(each_parameter(
                &s,
                "typ",
                ["DPoP+JWT", "application/dpop+jwt", "Application/DPOP+jwt"].map(Value::from),
            ))
            .passes(ADA),
        get("dp06_other_types")
            .each([s.with("no typ", |proof| proof.without_header("typ"))])
            .each(each_parameter(
                &s,
                "typ",
                [
                    json!(null),
                    json!("JWT"),
                    json!("at+jwt"),
                    json!("dpop"),
                    json!("dpop+jwt;x"),
                    json!("dpop+jwt "),
                    json!("application/application/dpop+jwt"),
                    json!("text/dpop+jwt"),
                    json!(""),
                    json!(1),
                    json!(["dpop+jwt"]),
                ],
            ))
            .answers(invalid_proof()),
        get("dp07_other_algorithms").each(other_algorithms(&s)).answers(invalid_proof()),
        get("dp13_signatures_that_do_not_hold").each(other_signatures(&s)).answers(invalid_proof()),
        get("dp14_other_kinds_of_token_as_the_proof")
            .each([s.text("the access token", |s| s.token.clone())])
            .each(["JWT", "id_token+jwt", "logout+jwt", "client-authentication+jwt", "at+jwt", "secevent+jwt"].map(
                |typ| {
                    s.with(typ, move |proof| {
                        proof
                            .header("typ", typ)
                            .claim("iss", "client")
                            .claim("sub", "client")
                            .claim("aud", "https://api.example")
                            .claim("nonce", "n-0S6_WzA2Mj")
                            .claim("exp", NOW + 60)
                            .claim("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}))
                    })
                },
            ))
            .answers(invalid_proof()),
        get("dp14_proof_as_the_access_token")
            .each([s.shows("proof", |s| {
                let token = sign(&s.proof());
                Credentials::default().token("DPoP", &token).proof(sign(&s.proof().access_token(&token)))
            })])
            .each([Input::new("with all claims of a token", {
                let (issuer, audience) = (f.issuer.url().to_owned(), f.issuer.audience().to_owned());
                let s = s.clone();
                move || {
                    let proof = s.proof().claim("iss", &issuer).claim("aud", &audience).claim("sub", "ada");
                    let token = proof.claim("exp", NOW + 60).claim("cnf", json!({"jkt": KEY.thumbprint()}));
                    let token = sign(&token);
                    Credentials::default().token("DPoP", &token).proof(sign(&s.proof().access_token(&token)))
                }
            })])
            .answers(invalid_token()),
    ]
}

fn sign(proof: &ProofBuilder) -> String {
    proof.sign().unwrap()
}

/// Decimal digits that are others each time.
fn rand(digits: usize) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{:0digits$}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn members(proof: ProofBuilder, count: usize) -> ProofBuilder {
    (0..count).fold(proof, |proof, at| proof.header(&format!("m{at}"), 1))
}

fn two(s: &Sender, what: &str, make: impl Fn(&Sender) -> [String; 2] + Send + Sync + 'static) -> Input {
    s.shows(what, move |s| {
        let [first, second] = make(s);
        Credentials::default().token("DPoP", &s.token).proof(first).proof(second)
    })
}

/// Header, payload and signature of a good proof.
fn parts(s: &Sender) -> [String; 3] {
    let proof = sign(&s.proof());
    proof.split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

/// What is no compact JWT in strict base64url.
fn other_forms(s: &Sender) -> Vec<Input> {
    let pattern = |pattern: &'static str| {
        s.text(pattern, move |s| {
            let [header, payload, signature] = parts(s);
            pattern.replace('1', &header).replace('2', &payload).replace('3', &signature)
        })
    };
    let patterns = [
        "\"1.2.3\"",
        "DPoP 1.2.3",
        "1.2.3 1.2.3",
        "x 1.2.3",
        "=1.2.3",
        ".1.2.3",
        "1.2.3 x",
        "1.2.3;x",
        "1.2.3,",
        "1.2.3.",
        "1.2.3\u{e9}",
        "1=.2.3",
        "1.2=.3",
        "1.2.3=",
        "1.2.3==",
        "1.2",
        "1.2.",
        "1..3",
        ".2.3",
        "1.2.3.x",
        "1.2.3.x.y",
        "1.2.3+",
        "1.2.3/",
        "1 .2.3",
        "1.2%2E3",
        "<1.2.3>",
        r#"{"protected":"1","payload":"2","signature":"3"}"#,
        r#"{"payload":"2","signatures":[{"protected":"1","signature":"3"}]}"#,
        "x",
        "...",
        "..",
        ".",
    ];
    let mut inputs: Vec<_> = patterns.into_iter().map(pattern).collect();
    inputs.push(s.text("unused bits of the last character", |s| {
        let [header, payload, mut signature] = parts(s);
        // Of 64 bytes it says the last two bits: A, Q, g or w.
        let last = signature.pop().unwrap();
        signature.push(char::from_u32(u32::from(last) + 1).unwrap());
        [header, payload, signature].join(".")
    }));
    inputs.push(s.text("encrypted", |s| {
        let header = base64url(json!({"typ": "dpop+jwt", "alg": "dir", "enc": "A128GCM"}).to_string());
        format!("{header}..AAAAAAAAAAAAAAAA.{}.AAAAAAAAAAAAAAAAAAAAAA", parts(s)[1])
    }));
    inputs
}

/// What no proof may be signed with.
fn other_algorithms(s: &Sender) -> Vec<Input> {
    let mut inputs = vec![s.with("no alg", |proof| proof.without_header("alg"))];
    let values = [
        json!(null),
        json!(1),
        json!(["ES256"]),
        json!(""),
        json!("es256"),
        json!("ES256K"),
        json!("ES384"),
        json!("ES512"),
        json!("RS256"),
        json!("PS256"),
        json!("dir"),
        json!("RSA-OAEP"),
        json!("HS256"),
        json!("ML-DSA-44"),
    ];
    inputs.extend(each_parameter(s, "alg", values));
    for none in ["none", "None", "NONE", "nOnE", "none ", "no\u{0}ne"] {
        inputs.push(
            s.with(format!("{none:?} without a signature"), move |proof| proof.header("alg", none).raw_signature([])),
        );
        inputs.push(s.with(format!("{none:?} with one"), move |proof| proof.header("alg", none)));
    }
    let secrets =
        [("the thumbprint", KEY.thumbprint()), ("the key", KEY.public_jwk().to_string()), ("nothing", String::new())];
    for (what, secret) in secrets {
        inputs.push(s.with(format!("HS256 keyed with {what}"), move |proof| {
            let proof = proof.header("alg", "HS256");
            let input = format!("{}.{}", base64url(proof.protected_header()), base64url(proof.payload()));
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), input.as_bytes());
            proof.raw_signature(mac.as_ref())
        }));
    }
    inputs
}

fn other_signatures(s: &Sender) -> Vec<Input> {
    let raw = |what: &str, octets: fn(Vec<u8>) -> Vec<u8>| {
        s.with(what, move |proof| {
            let input = format!("{}.{}", base64url(proof.protected_header()), base64url(proof.payload()));
            let signature = KEY.signing_key().sign(input.as_bytes()).unwrap();
            proof.raw_signature(octets(signature))
        })
    };
    vec![
        s.with("last bit flipped", ProofBuilder::tampered),
        s.with("other key", |proof| proof.signed_by(&OTHER_KEY)),
        raw("empty", |_| Vec::new()),
        raw("zeros", |_| vec![0; 64]),
        raw("too short", |signature| signature[..63].to_vec()),
        raw("too long", |signature| [signature.as_slice(), &[0]].concat()),
        raw("r = 0", |signature| [&[0; 32][..], &signature[32..]].concat()),
        raw("s = 0", |signature| [&signature[..32], &[0; 32][..]].concat()),
        raw("r and s changed over", |signature| [&signature[32..], &signature[..32]].concat()),
        raw("DER", |signature| {
            let integer = |bytes: &[u8]| [&[2, 33, 0][..], bytes].concat();
            let pair = [integer(&signature[..32]), integer(&signature[32..])].concat();
            [&[0x30, u8::try_from(pair.len()).unwrap()][..], pair.as_slice()].concat()
        }),
        s.text("over another payload", |s| {
            let (proof, other) = (sign(&s.proof()), sign(&s.proof()));
            format!("{}.{}", proof.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1)
        }),
        s.text("over another header", |s| {
            let proof = sign(&s.proof());
            let (_, rest) = proof.split_once('.').unwrap();
            format!("{}.{rest}", base64url(s.proof().header("x", 1).protected_header()))
        }),
    ]
}
