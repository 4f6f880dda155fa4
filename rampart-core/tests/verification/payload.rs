//! V6 and V6b: the payload is one JSON object that says everything once, and the registered claims are there.

use crate::common::{AUTH, Auth, Draft, EC, quoted, ready, sign};
use rampart_core::AuthError;
use serde_json::Value;

/// A genuine token with these bytes as its payload.
fn with_payload(payload: impl AsRef<[u8]>) -> String {
    sign(Draft::good().header.to_json(), payload, &EC)
}

fn refuses(id: &str, payload: impl AsRef<[u8]>) {
    AUTH.refuses(id, &with_payload(payload), "V6");
}

/// The members of a good payload and this text after them, still inside the object.
fn good_and(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut payload = Draft::good().payload.to_json().into_bytes();
    payload.pop();
    [&*payload, b",", text.as_ref(), b"}"].concat()
}

#[test]
fn payload_is_one_json_object() {
    let good = Draft::good().payload.to_json();
    AUTH.accepts("control", &with_payload(&good));
    AUTH.accepts("B07 white space around", &with_payload(format!(" \t\r\n{good}\n ")));
    let after = |text: &[u8]| [good.as_bytes(), text].concat();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| good.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("B07 array", b"[]".into()),
        ("B07 array of the object", format!("[{good}]").into()),
        ("B07 string", br#""x""#.into()),
        ("B07 the object in a string", quoted(&good).into()),
        ("B07 number", b"1".into()),
        ("B07 null", b"null".into()),
        ("B07 true", b"true".into()),
        ("B07 white space alone", b" ".into()),
        ("B07 trailing garbage", after(b"x")),
        ("B07 trailing brace", after(b"}")),
        ("B07 trailing comma after", after(b",")),
        ("B07 trailing NUL", after(b"\0")),
        ("B07 second object", after(b"{}")),
        ("B07 second object on its own line", after(b"\n{}")),
        ("B07 leading garbage", format!("x{good}").into()),
        ("B07 truncated", good.as_bytes()[..good.len() - 1].into()),
        ("B07 byte order mark", format!("\u{feff}{good}").into()),
        ("B07 UTF-16, big-endian", utf16(u16::to_be_bytes)),
        ("B07 UTF-16, little-endian", utf16(u16::to_le_bytes)),
        ("B07 UTF-16 with a mark", [&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat()),
        ("B07 UTF-32", good.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()),
        ("B07 single quotes", good.replace('"', "'").into()),
    ];
    for (id, payload) in cases {
        refuses(id, payload);
    }
    let empty = with_payload("");
    AUTH.refuses("B07 empty: malformed before it is read", &empty, "V2");
}

#[test]
fn every_value_of_the_payload_is_valid_json() {
    let values: &[(&str, &[u8])] = &[
        ("B07 Latin-1", b"\"\xe9\""),
        ("B07 bad UTF-8", b"\"\xff\""),
        ("B07 truncated UTF-8", b"\"\xe2\x82\""),
        ("B07 overlong", b"\"\xc0\xaf\""),
        ("B07 overlong NUL", b"\"\xc0\x80\""),
        ("B07 CESU-8", b"\"\xed\xa0\xbd\xed\xb8\x80\""),
        ("B07 above Unicode", b"\"\xf4\x90\x80\x80\""),
        ("B07 lone high surrogate", br#""\ud83d""#),
        ("B07 lone low surrogate", br#""\ude00""#),
        ("B07 surrogates swapped", br#""\ude00\ud83d""#),
        ("B07 unknown escape", br#""\x41""#),
        ("B07 short escape", br#""\u12""#),
        ("B07 raw line feed", b"\"a\nb\""),
        ("B07 raw NUL", b"\"a\0b\""),
        ("B07 raw tab", b"\"a\tb\""),
        ("B07 single quotes", b"'x'"),
        ("B07 comment", b"1/**/"),
        ("B07 line comment", b"1//\n"),
        ("B07 trailing comma in an array", b"[1,]"),
        ("B07 trailing comma in an object", br#"{"a":1,}"#),
        ("B07 trailing comma", b"1,"),
        ("B07 NaN", b"NaN"),
        ("B07 Infinity", b"Infinity"),
        ("B07 -Infinity", b"-Infinity"),
        ("B07 leading zero", b"01"),
        ("B07 plus sign", b"+1"),
        ("B07 hexadecimal", b"0x10"),
        ("B07 point without digits", b"1."),
        ("B07 point first", b".5"),
        ("B07 exponent without digits", b"1e"),
        ("B07 minus alone", b"-"),
        ("B07 underscore", b"1_000"),
        ("B07 undefined", b"undefined"),
        ("B07 True", b"True"),
        ("B07 nothing", b""),
        ("B07 number without a name", b"1,2"),
    ];
    for (id, value) in values {
        // Where nobody looks, in a nested value, in a claim that is kept, and in one that is read as a number.
        refuses(&format!("{id}, unknown claim"), good_and([br#""x":"#, *value].concat()));
        refuses(&format!("{id}, nested"), good_and([br#""x":[{"a":"#, *value, b"}]"].concat()));
        refuses(&format!("{id}, known claim"), good_and([br#""name":"#, *value].concat()));
        refuses(&format!("{id}, date"), good_and([br#""nbf":"#, *value].concat()));
    }
    let controls: &[(&str, &str)] = &[
        ("B07 escaped surrogate pair", r#""\ud83d\ude00""#),
        ("B07 all escapes", r#""\"\\\/\b\f\n\r\t\u0000\u00e9""#),
        ("B07 plain text beyond ASCII", "\"é€😀\""),
        ("B07 numbers", "[0,-0,1,-1,1.5,1e3,1E-3,123456789012345678901234567890]"),
        ("B07 white space", " { \"a\" : [ 1 , 2 ] } "),
        ("B07 null", "null"),
    ];
    for (id, value) in controls {
        AUTH.accepts(id, &with_payload(good_and(format!(r#""x":{value}"#))));
    }
}

#[test]
fn no_claim_stands_twice() {
    for (name, json) in [
        ("exp", "1900000000"),
        ("iat", "1"),
        ("nbf", "1"),
        ("iss", r#""https://issuer.example/""#),
        ("sub", r#""admin""#),
        ("aud", r#""https://api.example""#),
        ("scope", r#""a""#),
        ("scp", r#""a""#),
        ("roles", r#"["admin"]"#),
        ("email", r#""a@example.com""#),
        ("name", r#""A""#),
        ("org_id", r#""o""#),
        ("email_verified", "true"),
        ("preferred_username", r#""a""#),
        ("given_name", r#""A""#),
        ("family_name", r#""A""#),
        ("type", r#""access""#),
        ("token_type", r#""access""#),
        ("tokenType", r#""access""#),
        ("typ", r#""Bearer""#),
        ("token_use", r#""access""#),
        ("custom", "1"),
    ] {
        let once = Draft::good().claim(name, json);
        let own = once.payload.to_json();
        let again = once.clone().also(name, json);
        AUTH.refuses(&format!("B08 {name}, the same value"), &again.sign(), "V6");
        AUTH.refuses(&format!("B08 {name}, another value"), &once.clone().also(name, "null").sign(), "V6");
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        AUTH.refuses(&format!("B08 {name}, escaped"), &once.clone().also(&escaped, json).sign(), "V6");
        let first = format!("{{\"{name}\":null,{}", &own[1..]);
        refuses(&format!("B08 {name}, first"), first);
    }
    for name in ["at_hash", "c_hash", "events", "nonce", "cnf"] {
        AUTH.refuses(&format!("B08 {name}"), &Draft::good().also(name, "1").also(name, "1").sign(), "V6");
    }
    AUTH.refuses("B08 a name beyond ASCII", &Draft::good().also("é", "1").also("\\u00e9", "1").sign(), "V6");
    AUTH.refuses("B08 the empty name", &Draft::good().also("", "1").also("", "1").sign(), "V6");
    AUTH.accepts("other case is another name", &Draft::good().also("EXP", "1").also("Sub", "1").sign());
    // Below the top level nothing is decided, so that what others accept is accepted.
    AUTH.accepts("B08 nested", &Draft::good().claim("x", r#"{"a":1,"a":2}"#).sign());
    let many = (0..200).fold(Draft::good(), |draft, at| draft.claim(&format!("c{at}"), "1"));
    AUTH.accepts("two hundred claims", &many.sign());
    AUTH.refuses("two hundred claims, the last again", &many.clone().also("c199", "1").sign(), "V6");
    AUTH.refuses("two hundred claims, the first again", &many.also("c0", "1").sign(), "V6");
}

#[test]
fn escaped_names_and_values_are_the_same_claims() {
    let draft = Draft::good().without("sub").also("s\\u0075b", r#""\u0061da""#);
    assert_eq!(AUTH.accepts("escaped", &draft.sign()).sub, "ada");
}

/// Names that `serde_json` does not read as names: what a handler would be given is not what stands in the token.
const RESERVED: [&str; 5] = [
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
    "$serde_json::private::",
    r"\u0024serde_json::private::RawValue",
    r"$serde\u005fjson::private::RawValue",
];

/// B15. The first of several members is the one that counts for `serde_json`; here it does not matter which it is.
#[test]
fn no_member_has_a_name_that_serde_json_takes_for_its_own() {
    let first = |name: &str| Draft::good().payload.to_json().replacen('{', &format!(r#"{{"{name}":"\"admin\"","#), 1);
    let ordinary =
        ["$serde_json", "$serde_json::private", "serde_json::private::RawValue", "$SERDE_JSON::private::Number"];
    for name in RESERVED {
        let id = format!("B15 {name}");
        refuses(&format!("{id}, first"), first(name));
        refuses(&format!("{id}, last"), good_and(format!(r#""{name}":"1""#)));
        for claim in ["x", "name", "roles", "aud", "email_verified", "nbf", "exp", "cnf", "events", "nonce", "type"] {
            for json in
                [r#"{"NAME":"1"}"#, r#"{"a":1,"NAME":"1"}"#, r#"{"a":{"NAME":"{}"}}"#, r#"["a",[{"NAME":"1"}]]"#]
            {
                let token = Draft::good().claim(claim, &json.replace("NAME", name)).sign();
                AUTH.refuses(&format!("{id}, {claim} {json}"), &token, "V6");
            }
        }
        let header = Draft::good().header(name, r#""1""#);
        AUTH.refuses(&format!("{id}, header"), &header.sign(), "V3");
        let nested = Draft::good().header("x", &format!(r#"[{{"{name}":"1"}}]"#));
        AUTH.refuses(&format!("{id}, nested in the header"), &nested.sign(), "V3");
    }
    for name in ordinary {
        let id = format!("{name} is a name like any other");
        AUTH.accepts(&id, &with_payload(first(name)));
        let claims = AUTH.accepts(&id, &Draft::good().claim("x", &format!(r#"{{"{name}":"1"}}"#)).sign());
        assert_eq!(claims.to_json()["x"][name], "1", "{id}");
    }
    // As a text it is one.
    let text = quoted(r#"{"$serde_json::private::RawValue":"[]"}"#);
    let claims = AUTH.accepts("in a text", &Draft::good().claim("x", &format!(r#"{{"a":{text}}}"#)).sign());
    assert_eq!(claims.to_json()["x"]["a"], r#"{"$serde_json::private::RawValue":"[]"}"#);
    assert_eq!(claims.get::<Value>("x").unwrap().unwrap()["a"], r#"{"$serde_json::private::RawValue":"[]"}"#);
}

/// B15. Texts within texts, each of which `serde_json` would read with a limit of nesting of its own: ten of them overflow the stack
/// of a worker thread.
#[test]
fn texts_within_texts_are_refused_before_anybody_reads_them() {
    let (open, close) = ("[".repeat(120), "]".repeat(120));
    let within = |json: String, _| format!(r#"{open}{{"$serde_json::private::RawValue":{}}}{close}"#, quoted(&json));
    let deep = (0..10).fold("1".to_owned(), within);
    let draft = Draft::good().claim("address", &deep[120..deep.len() - 120]);
    let token = draft.sign();
    assert!(token.len() < 16 * 1024, "{}", token.len());
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let ask = move || {
        if let Ok(claims) = ready(AUTH.cached.verify(&token)) {
            drop(claims.to_json());
        }
        AUTH.refuses("B15 texts within texts", &token, "V6");
    };
    thread.spawn(ask).unwrap().join().unwrap();
}

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn payload_nests_at_most_32_levels() {
    let own_limit = Auth::new(|builder| builder.max_token_bytes(1 << 20));
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
        let per_round = open.len() - open.replace(['[', '{'], "").len();
        own_limit.accepts("B10 32", &Draft::good().claim("x", &nested(open, close, 32 / per_round)).sign());
        for levels in [34, 100, 126, 128, 130, 1000, 3000, 100_000] {
            let draft = Draft::good().claim("x", &nested(open, close, levels / per_round));
            own_limit.refuses(&format!("B10 {levels} of {open}"), &draft.sign(), "V6");
        }
    }
    AUTH.refuses("B10 33", &Draft::good().claim("x", &nested("[", "]", 33)).sign(), "V6");
    for name in ["iss", "aud", "sub", "exp", "iat", "nbf", "roles", "scope", "scp", "email", "typ", "cnf", "events"] {
        for levels in [33, 127, 129, 3000] {
            let draft = Draft::good().claim(name, &nested("[", "]", levels));
            AUTH.refuses(&format!("B10 {levels} in {name}"), &draft.sign(), "V6");
        }
    }
    let unclosed = |open: &str| good_and(format!(r#""x":{}"#, open.repeat(2000)));
    refuses("B10 arrays never closed", unclosed("["));
    refuses("B10 objects never closed", unclosed(r#"{"a":"#));
}

/// R6.
#[test]
fn nesting_is_refused_on_a_small_stack() {
    let draft = Draft::good().claim("x", &nested("[", "]", 5000));
    let token = draft.sign();
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    thread.spawn(move || AUTH.refuses("B10 small stack", &token, "V6")).unwrap().join().unwrap();
}

#[test]
fn large_payloads_are_read_in_bounded_time() {
    let auth = Auth::new(|builder| builder.max_token_bytes(16 << 20));
    let members: Vec<String> = (0..100_000).map(|at| format!(r#""m{at}":0"#)).collect();
    auth.accepts("B13 100,000 members", &with_payload(good_and(members.join(","))));
    let strings = format!("[{}]", vec![r#""s""#; 100_000].join(","));
    for name in ["x", "roles", "scope"] {
        let claims =
            auth.accepts(&format!("B13 100,000 strings in {name}"), &Draft::good().claim(name, &strings).sign());
        assert_eq!(claims.roles.len(), if name == "roles" { 100_000 } else { 0 });
        assert_eq!(claims.scopes().count(), if name == "scope" { 100_000 } else { 0 });
    }
    auth.accepts("B13 a claim of 15 KiB", &Draft::good().claim("x", &quoted(&"x".repeat(15 << 10))).sign());
    AUTH.accepts("B13 a claim of 11 KiB", &Draft::good().claim("x", &quoted(&"x".repeat(11 << 10))).sign());
}

/// D04, E01, E02.
#[test]
fn registered_claims_are_present_and_the_first_that_is_not_is_named() {
    let names = ["aud", "exp", "iat", "sub"];
    for (at, name) in names.into_iter().enumerate() {
        let missing = AuthError::missing_claim(name);
        let draft = Draft::good().without(name);
        AUTH.answers(&format!("V6b {name}"), &draft.sign(), &missing, "V6b");
        AUTH.answers(&format!("V6b {name} null"), &draft.clone().claim(name, " null ").sign(), &missing, "V6b");
        AUTH.answers("V6b in other case", &draft.clone().claim(&name.to_uppercase(), "1").sign(), &missing, "V6b");
        AUTH.answers("V6b nested", &draft.clone().claim("x", &format!(r#"{{"{name}":1}}"#)).sign(), &missing, "V6b");
        let rest = || names[at..].iter();
        let without = rest().fold(Draft::good(), |draft, name| draft.without(name));
        AUTH.answers(&format!("V6b {name} and all after it"), &without.sign(), &missing, "V6b");
        let null = rest().fold(Draft::good(), |draft, name| draft.claim(name, "null"));
        AUTH.answers(&format!("V6b {name} and all after it null"), &null.sign(), &missing, "V6b");
        // Whatever else is wrong with the claims comes later.
        let worse = names.iter().filter(|other| **other != name).fold(draft, |draft, other| draft.claim(other, "[1]"));
        AUTH.answers(&format!("V6b {name}, the others wrong"), &worse.clone().sign(), &missing, "V6b");
        AUTH.answers(&format!("V6b {name}, no issuer"), &worse.without("iss").sign(), &missing, "V6b");
        // What is there, but of the wrong type, is not missing.
        let rule = match name {
            "aud" => "V8",
            "exp" | "iat" => "V9",
            _ => "V10",
        };
        for json in ["false", r#""""#, "[]", "[null]", "{}"] {
            AUTH.refuses(&format!("{name} {json}"), &Draft::good().claim(name, json).sign(), rule);
        }
    }
    AUTH.answers("empty object", &with_payload("{}"), &AuthError::missing_claim("aud"), "V6b");
    let optional = ["nbf", "jti", "email", "name", "roles", "scope", "org_id"];
    assert!(optional.iter().all(|name| !Draft::good().payload.to_json().contains(name)));
    AUTH.accepts("nothing else is required", &Draft::good().sign());
}

/// E01. Whose token it is, nobody can say: it is no token of ours that lacks something.
#[test]
fn token_without_an_issuer_is_nobodys() {
    AUTH.refuses("missing", &Draft::good().without("iss").sign(), "V7");
    AUTH.refuses("null", &Draft::good().claim("iss", "null").sign(), "V7");
    AUTH.refuses(
        "in other case",
        &Draft::good().without("iss").claim("ISS", r#""https://issuer.example/""#).sign(),
        "V7",
    );
}
