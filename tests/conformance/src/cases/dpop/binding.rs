//! What a token is bound to, and by which scheme it comes: DP54 to DP63.

use aws_lc_rs::digest::{Algorithm as Hash, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use rampart_issuer::{TokenBuilder, base64url};
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::credentials::{Credentials, Input};
use crate::fixture::Fixture;
use crate::sender::{KEY, Sender, bound};

use super::super::{ADA, missing_token as missing_bearer_token};
use super::{
    DPOP, each_claim, get, invalid_bearer_token, invalid_proof, invalid_token, missing_proof, missing_token, rejected,
    sender, with_error, without,
};

fn hash(algorithm: &'static Hash, text: &str) -> String {
    base64url(digest(algorithm, text.as_bytes()))
}

fn hexadecimal(text: &str) -> String {
    let digits = digest(&SHA256, text.as_bytes());
    digits
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// A token with this `cnf`, by either scheme, with a proof.
fn with_cnf(f: &Fixture, scheme: &'static str, cnf: &Value) -> Input {
    of_token(&f.token().claim("cnf", cnf), scheme, format!("{scheme} {cnf}"))
}

fn of_token(token: &TokenBuilder, scheme: &'static str, what: impl Into<String>) -> Input {
    Sender::of(token).around(what, move |token, proof| Credentials::default().token(scheme, token).proof(proof))
}

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let s = sender();
    let other = bound().sub("eve").sign().unwrap();
    let jkt = KEY.thumbprint();
    let jwk = KEY.public_jwk();
    let ath = |what: &str, make: fn(&str) -> String| {
        s.text(what, move |s| s.proof().claim("ath", make(&s.token)).sign().unwrap())
    };
    let unbound = Sender::of(&f.token());
    let of_required = |name| get(name).of(App::DpopRequired);
    let thumbprints = [
        json!({"jkt": hash(&SHA256, &jwk.to_string())}),
        json!({"jkt": hash(&SHA256, &json!({"crv": jwk["crv"], "kty": "EC", "x": jwk["x"], "y": jwk["y"], "use": "sig"}).to_string())}),
        json!({"jkt": hash(&SHA256, &json!({"kty": "EC", "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]}).to_string())}),
        json!({"jkt": hash(&SHA1_FOR_LEGACY_USE_ONLY, &jwk.to_string())}),
        json!({"jkt": hash(&SHA256, "a certificate")}),
        json!({"jkt": hexadecimal(&jwk.to_string())}),
        json!({"jkt": format!("{jkt}=")}),
        json!({"jkt": jkt[..42]}),
        json!({"jkt": format!("{jkt}A")}),
        json!({"jkt": jkt.to_uppercase()}),
        json!({"jkt": 1}),
        json!({"jkt": null}),
        json!({"jkt": ""}),
        json!({"jkt": [jkt]}),
    ];
    let nothing = [
        json!({}),
        json!("x"),
        json!([]),
        json!([{"jkt": jkt}]),
        json!(1),
        json!(true),
        json!(jkt),
        json!({"kid": "1"}),
        json!({"jwk": jwk}),
        json!({"jkt": null}),
        json!({"Jkt": jkt}),
        json!({"x5t#S256": base64url([1; 32])}),
    ];
    let more = [
        json!({"jkt": jkt, "x5t#S256": base64url([1; 32])}),
        json!({"jkt": jkt, "jwk": jwk}),
        json!({"jkt": jkt, "kid": "1"}),
        json!({"jkt": jkt, "jku": "https://evil.example/keys"}),
    ];
    let twice = |scheme| {
        let payload = String::from_utf8(bound().payload()).unwrap();
        let raw = format!(r#"{{"cnf":{{"jkt":"x"}},{}"#, payload.strip_prefix('{').unwrap());
        of_token(&f.token().raw_payload(raw), scheme, format!("{scheme} twice"))
    };
    vec![
        get("dp54_hashes_of_something_else")
            .each([without(&s, "ath")])
            .each(each_claim(&s, "ath", [Value::Null, json!(1), json!(["a"]), json!(""), json!(hash(&SHA256, &other))]))
            .each([
                ath("padded", |token| format!("{}=", hash(&SHA256, token))),
                ath("hexadecimal", hexadecimal),
                ath("SHA-512", |token| hash(&SHA512, token)),
                ath("SHA-1", |token| hash(&SHA1_FOR_LEGACY_USE_ONLY, token)),
                ath("cut", |token| hash(&SHA256, token)[..42].to_owned()),
                ath("with the scheme", |token| hash(&SHA256, &format!("DPoP {token}"))),
                ath("of one character more", |token| hash(&SHA256, &format!("{token}A"))),
                ath("of the payload", |token| hash(&SHA256, token.split('.').nth(1).unwrap())),
                ath("the token", str::to_owned),
                ath("unused bits of the last character", |token| {
                    let mut ath = hash(&SHA256, token);
                    let last = ath.pop().unwrap();
                    ath.push(char::from_u32(u32::from(last) + 1).unwrap());
                    ath
                }),
            ])
            .each([s.shows("other alphabet", standard_alphabet)])
            .answers(invalid_proof()),
        get("dp54_long_token").each([Sender::of(&bound().claim("long", "a".repeat(9000))).good()]).passes(ADA),
        get("dp56_thumbprints_of_something_else")
            .each(thumbprints.iter().map(|cnf| with_cnf(f, "DPoP", cnf)))
            .answers(invalid_token()),
        get("dp57_cnf_that_is_null").each([with_cnf(f, "Bearer", &Value::Null)]).passes(ADA),
        get("dp57_cnf_that_is_null_is_not_bound").each([with_cnf(f, "DPoP", &Value::Null)]).answers(invalid_token()),
        get("dp57_cnf_that_confirms_nothing")
            .each(nothing.iter().map(|cnf| with_cnf(f, "DPoP", cnf)))
            .each([twice("DPoP")])
            .answers(invalid_token()),
        get("dp57_cnf_that_confirms_nothing_by_the_other_scheme")
            .each(nothing.iter().map(|cnf| with_cnf(f, "Bearer", cnf)))
            .each([twice("Bearer")])
            .answers(invalid_bearer_token()),
        get("dp58_further_members")
            .each([with_cnf(f, "DPoP", &json!({"jkt": jkt, "kc-jkt-type": "DPoP"}))])
            .passes(ADA),
        get("dp58_further_bindings").each(more.iter().map(|cnf| with_cnf(f, "DPoP", cnf))).answers(invalid_token()),
        get("dp59_bound_token_by_the_scheme_bearer")
            .each([
                s.around("without a proof", |token, _| Credentials::default().token("Bearer", token)),
                s.around("with a perfect proof", |token, proof| {
                    Credentials::default().token("Bearer", token).proof(proof)
                }),
                s.around("with two", |token, proof| {
                    Credentials::default().token("Bearer", token).proof(proof).proof(proof)
                }),
            ])
            .answers(invalid_bearer_token()),
        of_required("dp59_bound_token_by_the_scheme_bearer_where_no_other_passes")
            .each([s.around("with a proof", |token, proof| Credentials::default().token("Bearer", token).proof(proof))])
            .answers(required_invalid_token()),
        get("dp60_unbound_token_by_the_scheme_dpop").each([unbound.good()]).answers(invalid_token()),
        of_required("dp60_unbound_token_where_no_other_passes")
            .each([unbound.good()])
            .answers(required_invalid_token()),
        get("dp61_unbound_token_and_a_needless_proof").each(needless(&unbound)).passes(ADA),
        of_required("dp61_unbound_token_and_a_needless_proof_where_proofs_are_required")
            .each(needless(&unbound))
            .answers(required_invalid_token()),
        Case::get("dp62_scheme_dpop_where_it_is_not_known", "/protected")
            .each([s.good(), unbound.good()])
            .answers(missing_bearer_token()),
        Case::get("dp62_bound_token_where_proofs_are_not_known", "/protected")
            .each([s.around("with a proof", |token, proof| Credentials::default().token("Bearer", token).proof(proof))])
            .answers(super::super::invalid_token()),
        get("dp63_two_credentials")
            .each([
                s.around("Bearer and DPoP", |token, proof| {
                    Credentials::default().token("Bearer", token).token("DPoP", token).proof(proof)
                }),
                s.around("DPoP and Bearer", |token, proof| {
                    Credentials::default().token("DPoP", token).token("Bearer", token).proof(proof)
                }),
                s.around("DPoP twice", |token, proof| {
                    Credentials::default().token("DPoP", token).token("DPoP", token).proof(proof)
                }),
            ])
            .answers(two_credentials()),
        get("dp63_credentials_that_are_no_token")
            .each([
                value(&s, "DPoP #, Bearer #"),
                value(&s, "DPoP"),
                value(&s, "DPoP "),
                value(&s, "DPoP # #"),
                value(&s, "DPoP\t#"),
                value(&s, "DPoP: #"),
                value(&s, "DPoP \"#\""),
                value(&s, "DPoP DPoP #"),
            ])
            .answers(invalid_token()),
        get("dp63_no_credentials_of_ours")
            .each([value(&s, "DPoP#"), value(&s, "DPoPX #"), value(&s, "\"DPoP\" #"), value(&s, "#")])
            .answers(missing_token()),
        get("dp63_credentials_for_a_proxy")
            .each([s.around("proxy", |token, proof| {
                Credentials::default().line(format!("Proxy-Authorization: DPoP {token}")).proof(proof)
            })])
            .over_http()
            .answers(missing_token()),
        get("dp63_proof_elsewhere")
            .each([
                s.around("cookie", |token, proof| {
                    Credentials::default().token("DPoP", token).line(format!("Cookie: DPoP={proof}; dpop={proof}"))
                }),
                s.around("other fields", |token, proof| {
                    let line = format!("X-DPoP: {proof}\r\nDPoP-Proof: {proof}\r\nDPoP_: {proof}");
                    Credentials::default().token("DPoP", token).line(line)
                }),
            ])
            .over_http()
            .answers(missing_proof()),
        get("dp63_proof_in_the_query")
            .at(Box::leak(format!("/protected?DPoP={0}&dpop={0}", s.proof().sign().unwrap()).into_boxed_str()))
            .each([s.around("query", |token, _| Credentials::default().token("DPoP", token))])
            .answers(missing_proof()),
        get("dp63_proof_in_a_trailer")
            .form(Box::leak(
                format!("3\r\na=b\r\n0\r\nDPoP: {}\r\n\r\n", s.clone().method("POST").proof().sign().unwrap())
                    .into_boxed_str(),
            ))
            .each([s.around("trailer", |token, _| {
                Credentials::default().token("DPoP", token).line("Transfer-Encoding: chunked\r\nTrailer: DPoP")
            })])
            .may_close()
            .answers(missing_proof())
            .except("actix", "actix-web answers 400 to trailers itself", |case| case.reaches_no_handler(&[400])),
    ]
}

/// A good proof with this `Authorization` value.
fn value(s: &Sender, pattern: &'static str) -> Input {
    s.around(pattern, move |token, proof| Credentials {
        authorization: vec![pattern.replace('#', token).into_bytes()],
        ..Credentials::default().proof(proof)
    })
}

fn needless(unbound: &Sender) -> [Input; 4] {
    let with = |what: &str, make: fn(&str) -> Vec<String>| {
        unbound.around(what, move |token, proof| {
            make(proof).iter().fold(Credentials::default().token("Bearer", token), Credentials::proof)
        })
    };
    [
        with("none", |_| Vec::new()),
        with("good", |proof| vec![proof.to_owned()]),
        with("bad", |_| vec!["x".to_owned()]),
        with("two", |proof| vec![proof.to_owned(), proof.to_owned()]),
    ]
}

/// A hash with `+` or `/` in it, which one in two has, and the rest of it right.
fn standard_alphabet(s: &Sender) -> Credentials {
    let ath = (0..).map(|count| bound().claim("count", count).sign().unwrap()).find_map(|token| {
        let ath = hash(&SHA256, &token);
        ath.contains(['-', '_']).then(|| (token, ath.replace('-', "+").replace('_', "/")))
    });
    let (token, ath) = ath.unwrap();
    Credentials::default().token("DPoP", &token).proof(s.proof().claim("ath", ath).sign().unwrap())
}

fn required_invalid_token() -> crate::case::Answer {
    let description = "The access token is invalid";
    rejected(401, "invalid_token", description, &[with_error(DPOP, "invalid_token", description)])
}

fn two_credentials() -> crate::case::Answer {
    let description = "The request has more than one Authorization header";
    let error = |challenge| with_error(challenge, "invalid_request", description);
    rejected(400, "invalid_request", description, &[error(super::BEARER), error(DPOP)])
}
