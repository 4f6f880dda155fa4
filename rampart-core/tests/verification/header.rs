//! V3: the JOSE header. Signatures are genuine throughout, so that only the header can be what is refused.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rampart_core::{Algorithm, AuthError};
use rampart_issuer::SigningKey;

use crate::common::{
    AUTH, Auth, Draft, EC, ED, KEYS, RSA, SignWith, base64url, builder, generate, jwk, quoted, ready, sign, sign_text,
    wrong_algs,
};

fn refuses(id: &str, draft: &Draft) {
    AUTH.refuses(id, &draft.sign(), "V3");
}

/// A genuine token by the P-256 key with this text as its header.
fn with_header(header: impl AsRef<[u8]>) -> String {
    sign(header, Draft::good().payload.to_json(), &EC)
}

#[test]
fn header_is_one_json_object() {
    AUTH.accepts("control", &with_header(r#"{"alg":"ES256"}"#));
    AUTH.accepts("white space", &with_header(" \r\n\t{ \"alg\" :\n\"ES256\" } "));
    let cases: &[(&str, &[u8])] = &[
        ("B09 array", br#"["ES256"]"#),
        ("B09 array of an object", br#"[{"alg":"ES256"}]"#),
        ("B09 null", b"null"),
        ("B09 string", br#""ES256""#),
        ("B09 number", b"1"),
        ("B09 true", b"true"),
        ("B09 white space", b"  "),
        ("B09 empty object", b"{}"),
        ("B09 trailing character", br#"{"alg":"ES256"}x"#),
        ("B09 trailing NUL", b"{\"alg\":\"ES256\"}\0"),
        ("B09 second object", br#"{"alg":"ES256"}{}"#),
        ("B09 truncated", br#"{"alg":"ES256""#),
        ("B09 trailing comma", br#"{"alg":"ES256",}"#),
        ("B09 single quotes", b"{'alg':'ES256'}"),
        ("B09 no quotes", b"{alg:\"ES256\"}"),
        ("B09 comment", br#"{"alg":"ES256"/**/}"#),
        ("B09 byte order mark", b"\xef\xbb\xbf{\"alg\":\"ES256\"}"),
        ("B09 not UTF-8", b"{\"alg\":\"ES256\",\"x\":\"\xff\"}"),
        ("B09 UTF-16", b"{\0\"\0a\0l\0g\0\"\0:\0\"\0E\0S\x002\x005\x006\0\"\0}\0"),
        ("B09 lone surrogate", br#"{"alg":"ES256","x":"\ud800"}"#),
        ("B09 raw control character", b"{\"alg\":\"ES256\",\"x\":\"\n\"}"),
        ("B09 NaN", br#"{"alg":"ES256","x":NaN}"#),
    ];
    for (id, header) in cases {
        AUTH.refuses(id, &with_header(header), "V3");
    }
}

#[test]
fn no_member_of_the_header_stands_twice() {
    let good = Draft::good().header("typ", r#""JWT""#);
    let none = r#"{"alg":"none","alg":"ES256","kid":"ec-1"}"#;
    AUTH.refuses("B08 alg, none first", &with_header(none), "V3");
    let cases = [
        ("B08 alg, none last", good.clone().also_header("alg", r#""none""#)),
        ("B08 alg, the same", good.clone().also_header("alg", r#""ES256""#)),
        ("B08 alg, escaped name", good.clone().also_header("\\u0061lg", r#""ES256""#)),
        ("B08 kid", good.clone().also_header("kid", r#""rsa-1""#)),
        ("B08 kid, the same", good.clone().also_header("kid", r#""ec-1""#)),
        ("B08 typ", good.clone().also_header("typ", r#""at+jwt""#)),
        ("B08 cty", good.clone().also_header("cty", r#""a""#).also_header("cty", r#""a""#)),
        ("B08 b64", good.clone().also_header("b64", "true").also_header("b64", "true")),
        ("B08 unknown member", good.clone().also_header("x", "1").also_header("x", "1")),
        ("B08 unknown member, escaped name", good.clone().also_header("x", "1").also_header("\\u0078", "2")),
        ("B08 jku, which is never used", good.clone().also_header("jku", r#""a""#).also_header("jku", r#""b""#)),
        ("A15 crit", good.clone().also_header("crit", "[]").also_header("crit", "[]")),
    ];
    for (id, draft) in cases {
        refuses(id, &draft);
    }
    // Found among many, too.
    let many = (0..40).fold(good, |draft, at| draft.header(&format!("x{at}"), "1"));
    AUTH.accepts("forty unknown members", &many.sign());
    refuses("forty, and the last again", &many.clone().also_header("x39", "1"));
    refuses("forty, and the first again", &many.also_header("x0", "1"));
}

/// A good header of exactly this many bytes.
fn header_of(bytes: usize) -> Draft {
    let least = Draft::good().header("x", r#""""#).header.to_json().len();
    Draft::good().header("x", &quoted(&"x".repeat(bytes - least)))
}

#[test]
fn header_has_at_most_64_members_and_4_kib() {
    let with_members = |count: usize| (3..count).fold(Draft::good(), |draft, at| draft.header(&format!("x{at}"), "1"));
    assert_eq!(header_of(4096).header.to_json().len(), 4096);
    let alone = |draft: &Draft| KEYS.verify(&draft.sign(), &[Algorithm::ES256]).is_ok();
    for (id, draft) in [("64 members", with_members(64)), ("4096 bytes", header_of(4096))] {
        AUTH.accepts(id, &draft.sign());
        assert!(alone(&draft), "{id}: the signature layer alone");
    }
    for (id, draft, says) in [
        ("65 members", with_members(65), "more than 64 of them"),
        ("a thousand members", with_members(1000), "longer than 4 KiB"),
        ("4097 bytes", header_of(4097), "longer than 4 KiB"),
        ("4097 bytes of white space", Draft::good(), "longer than 4 KiB"),
    ] {
        let mut token = draft.sign();
        if id.ends_with("white space") {
            token = with_header(format!("{:4097}", draft.header.to_json()));
        }
        AUTH.refuses(id, &token, "V3");
        assert!(KEYS.verify(&token, &[Algorithm::ES256]).is_err(), "{id}: the signature layer alone");
        crate::common::log::clear();
        assert!(ready(AUTH.uncached.verify(&token)).is_err());
        let logged = crate::common::log::take();
        assert!(logged[0].text.contains(says), "{id}: {logged:?}");
    }
    let known = r#""alg":"ES256","typ":"JWT","kid":"ec-1","#;
    let nobodys: Vec<String> = (0..62).map(|at| format!(r#""x{at}":1"#)).collect();
    AUTH.refuses("known members count too", &with_header(format!("{{{known}{}}}", nobodys.join(","))), "V3");
}

/// Whoever wrote it: nothing is known of a header before the signature is checked.
#[test]
fn header_at_its_limits_costs_a_bounded_number_of_allocations() {
    let escaped = |count: usize, text: &str| vec![text; count].join(",");
    let name = |at: usize| format!(r#""\u0061{}{at:02}":"""#, "x".repeat(49));
    let members: Vec<String> = (0..62).map(name).collect();
    let headers = [
        ("escaped names", format!(r#"{{"alg":"ES256",{}}}"#, members.join(","))),
        ("escaped names below", format!(r#"{{"alg":"ES256","x":{{{}}}}}"#, escaped(330, r#""\u0061":"""#))),
        ("escaped strings", format!(r#"{{"alg":"ES256","x":[{}]}}"#, escaped(440, r#""\u0061""#))),
        ("escaped strings of a known member", format!(r#"{{"alg":"ES256","kid":[{}]}}"#, escaped(440, r#""\u0061""#))),
        ("strings of a known member", format!(r#"{{"alg":"ES256","typ":[{}]}}"#, escaped(1000, r#""a""#))),
    ];
    // What happens once in a process or thread happens here.
    assert!(ready(AUTH.uncached.verify(&Draft::good().header("alg", "1").sign())).is_err());
    for (id, header) in headers {
        assert!((3900..=4096).contains(&header.len()), "{id}: {}", header.len());
        let token = format!("{}.{}.{}", base64url(header), base64url("{}"), base64url([1; 64]));
        let count = allocation_counter::measure(|| assert!(ready(AUTH.uncached.verify(&token)).is_err()));
        // A name that is escaped is kept once; the tests' own recorder of the log is counted too.
        assert!(count.count_total < 110, "{id}: {count:?}");
    }
}

#[test]
fn names_and_values_may_be_escaped() {
    AUTH.accepts("escaped value", &with_header(r#"{"alg":"ES\u003256"}"#));
    AUTH.accepts("escaped name", &with_header(r#"{"\u0061lg":"ES256","kid":"\u0065c-1"}"#));
}

#[test]
fn header_nests_at_most_32_levels() {
    let nested = |open: &str, close: &str, levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        AUTH.accepts("B10 32", &Draft::good().header("x", &nested(open, close, 32)).sign());
        for levels in [33, 100, 127, 128, 129, 600] {
            refuses(&format!("B10 {levels} {open}"), &Draft::good().header("x", &nested(open, close, levels)));
        }
    }
    refuses("B10 in a known member", &Draft::good().header("kid", &nested("[", "]", 33)));
    let unclosed = format!(r#"{{"alg":"ES256","x":{}"#, "[".repeat(4000));
    AUTH.refuses("B10 never closed", &with_header(unclosed), "V3");
}

#[test]
fn alg_is_a_string_of_the_allow_list_in_exact_case() {
    for json in wrong_algs() {
        for draft in [Draft::good(), Draft::by(&RSA)] {
            refuses(&format!("A01 A02 {json}"), &draft.header("alg", &json));
        }
    }
    refuses("A02 absent", &Draft::good().without_header("alg"));
    refuses("A02 in other case", &Draft::good().without_header("alg").header("Alg", r#""ES256""#));
    AUTH.refuses("A01 none alone", &with_header(r#"{"alg":"none"}"#), "V3");
}

#[test]
fn algorithms_beyond_the_default_are_each_asked_for_by_name() {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of = |name: SignWith| name.as_str().parse::<Algorithm>().unwrap();
    let default = [RS256, RS384, RS512, ES256, ES384, ES512];
    let keys: [(&SigningKey, &[SignWith]); 5] = [
        (&RSA, &[SignWith::RS256, SignWith::RS384, SignWith::RS512, SignWith::PS256, SignWith::PS384, SignWith::PS512]),
        (&EC, &[SignWith::ES256]),
        (&crate::common::EC_384, &[SignWith::ES384]),
        (&crate::common::EC_521, &[SignWith::ES512]),
        (&ED, &[SignWith::EdDSA, SignWith::Ed25519]),
    ];
    let tokens: Vec<(Algorithm, String)> = keys
        .iter()
        .flat_map(|(key, names)| names.iter().map(|name| (of(*name), Draft::by(key).with(*name).sign())))
        .collect();
    assert_eq!(tokens.len(), 11);
    for (algorithm, token) in &tokens {
        let id = format!("A09 {algorithm} by default");
        if default.contains(algorithm) { drop(AUTH.accepts(&id, token)) } else { AUTH.refuses(&id, token, "V3") }
    }
    for only in [RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA, Ed25519] {
        let auth = Auth::new(|builder| builder.algorithms([only]));
        for (algorithm, token) in &tokens {
            let id = format!("A09 {algorithm} where only {only} is asked for");
            if *algorithm == only {
                drop(auth.accepts(&id, token));
            } else {
                auth.refuses(&id, token, "V3");
            }
            let alone = KEYS.verify(token, &[only]).map(|jws| jws.algorithm);
            assert_eq!(alone, if *algorithm == only { Ok(only) } else { Err(AuthError::InvalidToken) }, "{id}");
        }
    }
    assert_eq!(KEYS.verify(&tokens[0].1, &[]), Err(AuthError::InvalidToken), "an empty list allows nothing");
}

#[test]
fn crit_is_refused_whatever_it_says() {
    let values = [
        r#"["x"]"#,
        r#"["exp"]"#,
        "[]",
        r#""b64""#,
        "null",
        r#"["alg"]"#,
        r#"["kid"]"#,
        r#"["absent"]"#,
        r#"["x","x"]"#,
        "[1]",
        r#"["b64"]"#,
        "{}",
        "true",
        r#"["http://example.invalid/policy"]"#,
    ];
    for json in values {
        let draft = Draft::good().header("crit", json).header("x", "1");
        refuses(&format!("A15 {json}"), &draft);
        refuses(&format!("A15 {json} with b64"), &draft.clone().header("b64", "true"));
        assert_eq!(KEYS.verify(&draft.sign(), &[Algorithm::ES256]), Err(AuthError::InvalidToken), "A15 {json}: alone");
    }
}

#[test]
fn encrypted_compressed_and_nested_tokens_are_refused() {
    let cases = [
        ("A19 enc", "enc", r#""A256GCM""#),
        ("A19 enc null", "enc", "null"),
        ("A19 zip", "zip", r#""DEF""#),
        ("B14 zip null", "zip", "null"),
        ("B14 F21 zip that compresses nothing", "zip", r#""NONE""#),
        ("B14 F21 zip empty", "zip", r#""""#),
        ("A18 cty", "cty", r#""JWT""#),
        ("A18 cty, lower case", "cty", r#""jwt""#),
        ("A18 cty, media type", "cty", r#""application/jwt""#),
        ("A18 cty, media type in capitals", "cty", r#""APPLICATION/JWT""#),
        ("A18 cty null", "cty", "null"),
        ("A18 cty number", "cty", "1"),
        ("A18 cty array", "cty", r#"["JWT"]"#),
        ("A16 b64 false", "b64", "false"),
        ("A16 b64 null", "b64", "null"),
        ("A16 b64 string", "b64", r#""true""#),
        ("A16 b64 number", "b64", "1"),
    ];
    for (id, name, json) in cases {
        refuses(id, &Draft::good().header(name, json));
    }
    AUTH.accepts("A16 b64 true", &Draft::good().header("b64", "true").sign());
    AUTH.accepts("another cty", &Draft::good().header("cty", r#""json""#).sign());
    let inner = Draft::good().sign();
    AUTH.refuses("A18 nested", &sign(r#"{"alg":"ES256","cty":"JWT"}"#, &inner, &EC), "V3");
    AUTH.refuses("A18 nested, not said", &sign(r#"{"alg":"ES256"}"#, &inner, &EC), "V6");
    let key_derivation = r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAA","p2c":2147483647}"#;
    AUTH.refuses("A19 key derivation", &with_header(key_derivation), "V3");
    AUTH.refuses("A19 dir and zip", &with_header(r#"{"alg":"dir","enc":"A128GCM","zip":"DEF"}"#), "V3");
    // RFC 7797: the payload as it is, not encoded.
    let said = Draft::good().header("b64", "false").header("crit", r#"["b64"]"#);
    refuses("A16 b64 false, encoded payload", &said);
    let h = base64url(said.header.to_json());
    let raw = |payload: &str| sign_text(&format!("{h}.{payload}"), &EC, SignWith::ES256);
    AUTH.refuses("A16 raw payload that is base64url too", &raw("cGF5bG9hZA"), "V3");
    AUTH.refuses("A16 raw payload", &raw(&said.payload.to_json().replace('.', "-")), "V2");
    let five = format!("{}.AAAA.AAAA.AAAA.AAAA", base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    AUTH.refuses("A19 compact JWE", &five, "V2");
}

#[test]
fn kid_is_a_string_of_1_to_1024_bytes() {
    for json in ["null", "1", "true", "[]", r#"["ec-1"]"#, r#"{"a":1}"#, r#""""#] {
        refuses(&format!("A11 {json}"), &Draft::good().header("kid", json));
    }
    for (id, kid) in [("A11 1025", "k".repeat(1025)), ("A11 4096", "k".repeat(4096)), ("A11 wide", "é".repeat(513))] {
        refuses(id, &Draft::good().header("kid", &quoted(&kid)));
    }
    AUTH.accepts("absent", &Draft::good().without_header("kid").sign());
    for kid in ["k".to_owned(), "k".repeat(1024), "é".repeat(512), "\u{1F511}".repeat(256)] {
        let key = generate(SignWith::ES256, &kid);
        let id = format!("A11 {} bytes", kid.len());
        Auth::with_keys([jwk(&key)]).accepts(&id, &Draft::by(&key).sign());
        AUTH.refuses(&id, &Draft::by(&key).sign(), "V4");
    }
}

/// H24.
#[test]
fn kid_is_compared_whole_and_does_nothing_else() {
    let kids = [
        "EC-1",
        "ec-1 ",
        " ec-1",
        "ec-1\0",
        "ec",
        "ec-11",
        "../../../../../../dev/null",
        "/etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "x' UNION SELECT 'a",
        "ec-1|whoami",
        "ec-1\r\nSet-Cookie: a=b",
        "\u{1b}[31mred",
        "${jndi:ldap://127.0.0.1/a}",
        "\u{202e}gpj",
        "__proto__",
        "\"",
        "\\",
        "é",
        "\u{7f}",
    ];
    for kid in kids {
        // `ask` checks that the log holds no raw control character.
        AUTH.refuses(&format!("A11 {kid:?}"), &Draft::good().header("kid", &quoted(kid)).sign(), "V4");
    }
    AUTH.refuses("A11 wide", &Draft::good().header("kid", &quoted(&"\u{1F511}".repeat(64))).sign(), "V4");
    crate::common::log::clear();
    let long = Draft::good().header("kid", &quoted(&"k".repeat(1024))).sign();
    assert!(ready(AUTH.cached.verify(&long)).is_err());
    let logged = crate::common::log::take();
    assert!(logged.iter().all(|record| record.text.len() < 300), "A11 a long kid is cut in the log: {logged:?}");
}

#[test]
fn keys_and_addresses_in_the_header_are_never_used() {
    let attacker = generate(SignWith::ES256, "ec-1");
    let (own, other) = (jwk(&attacker).to_string(), crate::common::jwk_with(&attacker, "kid", "other").to_string());
    let octets = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
    let (forged, genuine) = (Draft::by(&attacker), Draft::good());
    let cases = [
        ("A12 jwk, kid of the issuer's key", forged.clone().header("jwk", &own), "V5"),
        ("A12 jwk, unknown kid", forged.clone().header("kid", r#""other""#).header("jwk", &other), "V4"),
        ("A12 jwk, no kid", forged.clone().without_header("kid").header("jwk", &own), "V5"),
        ("A12 jwk, symmetric", forged.clone().header("jwk", octets), "V5"),
        ("A13 jku", forged.clone().header("jku", r#""https://attacker.example/jwks.json""#), "V5"),
        ("A13 jku, loopback", forged.clone().header("jku", r#""http://127.0.0.1:9/""#), "V5"),
        ("A13 jku, userinfo", forged.clone().header("jku", r#""https://issuer.example@attacker.example/""#), "V5"),
        ("A13 jku, data", forged.clone().header("jku", r#""data:application/json,{}""#), "V5"),
        ("A13 x5u", forged.clone().header("x5u", r#""https://attacker.example/cert.pem""#), "V5"),
        ("A14 x5c that is no certificate", forged.header("x5c", r#"["MIIB"]"#).header("x5t#S256", r#""AAAA""#), "V5"),
    ];
    for (id, draft, rule) in cases {
        AUTH.refuses(id, &draft.sign(), rule);
    }
    for (name, json) in
        [("jwk", &*own), ("jku", r#""http://127.0.0.1:9/""#), ("x5u", "1"), ("x5c", "null"), ("x", "{}")]
    {
        AUTH.accepts(&format!("A12 A13 genuine, with a stray {name}"), &genuine.clone().header(name, json).sign());
    }
}

#[test]
fn certificate_in_the_header_is_not_trusted() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new(["issuer.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der()).unwrap();
    let signed = |draft: Draft| {
        let draft = draft
            .header("x5c", &format!("[{}]", quoted(&STANDARD.encode(certificate.der()))))
            .header("x5t#S256", &quoted(&base64url(digest(&SHA256, certificate.der()))));
        let input = format!("{}.{}", base64url(draft.header.to_json()), base64url(draft.payload.to_json()));
        let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        // The signature holds, with the key of the certificate: nothing else is wrong with the token.
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key_raw()).unwrap();
        public.verify_sig(input.as_bytes(), signature.as_ref()).unwrap();
        format!("{input}.{}", base64url(signature))
    };
    AUTH.refuses("A14 kid of the issuer's key", &signed(Draft::good()), "V5");
    AUTH.refuses("A14 unknown kid", &signed(Draft::good().header("kid", r#""leaf""#)), "V4");
    AUTH.refuses("A14 no kid", &signed(Draft::good().without_header("kid")), "V5");
}

#[test]
fn typ_is_that_of_an_access_token_or_of_any_jwt() {
    let at_jwt = ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"];
    let jwt = ["JWT", "jwt", "Jwt", "application/jwt", "application/JWT"];
    let others = [
        "id+jwt",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "entity-statement+jwt",
        "statuslist+jwt",
        "dc+sd-jwt",
        "kb+jwt",
        "client-authentication+jwt",
        "JOSE",
        "JOSE+JSON",
        "at+jwt ",
        " at+jwt",
        "at+jwt;v=1",
        "xat+jwt",
        "at+jwtx",
        "application/application/at+jwt",
        "application/",
        "application/json",
        "",
        "at",
        "refresh+jwt",
        "JWT ",
        "JWT\0",
        "text/at+jwt",
        "at+jwt\u{212a}",
        "a\u{fe}t+jwt",
    ];
    let strict = Auth::new(|builder| builder.require_at_jwt(true));
    let alone = |draft: &Draft| KEYS.verify(&draft.sign(), &[Algorithm::ES256]).is_ok();
    for typ in at_jwt {
        let draft = Draft::good().header("typ", &quoted(typ));
        AUTH.accepts(&format!("A17 {typ}"), &draft.sign());
        strict.accepts(&format!("A17 {typ}, strict"), &draft.sign());
    }
    for typ in jwt {
        let draft = Draft::good().header("typ", &quoted(typ));
        AUTH.accepts(&format!("A17 {typ}"), &draft.sign());
        strict.refuses(&format!("A17 {typ}, strict"), &draft.sign(), "V3");
    }
    AUTH.accepts("A17 absent", &Draft::good().without_header("typ").sign());
    strict.refuses("A17 absent, strict", &Draft::good().without_header("typ").sign(), "V3");
    let values = ["null", "1", "true", r#"["at+jwt"]"#, r#"{"at+jwt":1}"#].map(String::from);
    for json in others.into_iter().map(quoted).chain(values) {
        let draft = Draft::good().header("typ", &json);
        refuses(&format!("A17 {json}"), &draft);
        strict.refuses(&format!("A17 {json}, strict"), &draft.sign(), "V3");
        assert!(alone(&draft), "A17 {json}: the signature layer alone takes any typ");
    }
}

/// C10.
#[test]
fn first_of_two_faults_in_the_header_does_not_matter_to_the_caller() {
    // One rule, one answer: the caller cannot learn which member it was.
    let faulty = [
        Draft::good().header("alg", "1"),
        Draft::good().header("crit", "[]"),
        Draft::good().header("kid", "1").header("typ", "1"),
    ];
    for draft in faulty {
        let error = ready(builder().build().unwrap().verify(&draft.sign())).unwrap_err();
        assert_eq!(error, AuthError::InvalidToken);
    }
}

#[test]
fn headers_longer_than_usual_are_read_too() {
    for length in [500, 560, 570, 580, 600, 1000, 4000] {
        let draft = Draft::good().header("x", &quoted(&"x".repeat(length)));
        AUTH.accepts(&format!("{length}"), &draft.sign());
        refuses(&format!("{length}, crit"), &draft.header("crit", "[]"));
    }
}
