//! V7, V8, V10 and V11: what the claims say.

use crate::common::{AUDIENCE, AUTH, Auth, Draft, ISSUER, NOW, log, quoted, ready};
use rampart_core::{AuthError, RampartAuthBuilder};

fn with(name: &str, json: &str) -> String {
    Draft::good().claim(name, json).sign()
}

#[test]
fn issuer_is_equal_byte_for_byte() {
    AUTH.accepts("control", &with("iss", r#""https://issuer.example/""#));
    for json in
        [r#""https:\/\/issuer.example\/""#, r#""\u0068ttps://issuer.example/""#, r#""https://issuer\u002eexample/""#]
    {
        AUTH.accepts(&format!("E01 {json}"), &with("iss", json));
    }
    let values = [
        "null",
        r#""""#,
        "1",
        "true",
        "{}",
        "[]",
        r#"["https://issuer.example/"]"#,
        r#"["https://issuer.example/","x"]"#,
        r#"["x","https://issuer.example/"]"#,
        r#"{"iss":"https://issuer.example/"}"#,
    ];
    let texts = [
        "https://issuer.example",
        "https://issuer.example//",
        "https://issuer.example/.evil",
        "https://issuer.example.evil/",
        "https://issuer.example/x",
        "https://issuer.exampl",
        "issuer.example",
        "https://ISSUER.example/",
        "HTTPS://issuer.example/",
        "http://issuer.example/",
        "https://issuer.example:443/",
        "https://user@issuer.example/",
        " https://issuer.example/",
        "https://issuer.example/ ",
        "https://issuer.example/\0",
        "https://issuer.example/\n",
        "https://issuer%2eexample/",
        "https://іssuer.example/",
        "https://issuer.example/?",
        "https://issuer.example/#",
        "https://evil.example/",
        "https://evil.example/?https://issuer.example/",
        "https://issuer.example/,https://evil.example/",
        "x",
    ];
    for json in values.into_iter().map(String::from).chain(texts.map(quoted)) {
        AUTH.refuses(&format!("E01 {json}"), &with("iss", &json), "V7");
    }
    let composed = Auth::new(|builder| builder);
    composed.refuses("E01 NFD", &with("iss", &quoted("https://issuer.example/e\u{301}")), "V7");
    log::clear();
    assert!(ready(AUTH.uncached.verify(&with("iss", r#""https://issuer.example""#))).is_err());
    assert!(
        log::take().iter().any(|record| record.text.contains("trailing slash")),
        "the log names the likely mistake"
    );
}

#[test]
fn issuer_without_a_slash_is_another_issuer() {
    let bare = rampart_core::RampartAuth::builder("https://issuer.example", AUDIENCE)
        .static_jwks(crate::common::all_keys())
        .clock(|| crate::common::at(std::time::Duration::from_secs(NOW)))
        .build()
        .unwrap();
    assert!(ready(bare.verify(&with("iss", r#""https://issuer.example""#))).is_ok());
    assert_eq!(ready(bare.verify(&Draft::good().sign())).unwrap_err(), AuthError::InvalidToken);
}

#[test]
fn two_issuers_with_the_same_keys_do_not_answer_for_each_other() {
    let other = rampart_core::RampartAuth::builder("https://other.example/", AUDIENCE)
        .static_jwks(crate::common::all_keys())
        .clock(|| crate::common::at(std::time::Duration::from_secs(NOW)))
        .build()
        .unwrap();
    let token = Draft::good().sign();
    AUTH.accepts("A22 the issuer's own", &token);
    assert_eq!(ready(other.verify(&token)).unwrap_err(), AuthError::InvalidToken, "A22 T03");
}

#[test]
fn one_of_the_audiences_is_an_accepted_one() {
    let many: Vec<String> = (0..999).map(|at| format!("a{at}")).chain([AUDIENCE.into()]).collect();
    let accepted = [
        r#""https://api.example""#.to_owned(),
        r#""https:\/\/api.example""#.to_owned(),
        r#"["https://api.example"]"#.to_owned(),
        r#"["a","https://api.example","b"]"#.to_owned(),
        r#"["https://api.example","https://api.example"]"#.to_owned(),
        r#"["","https://api.example"]"#.to_owned(),
        serde_json::to_string(&many).unwrap(),
    ];
    for json in &accepted {
        let id: String = format!("E02 {json}").chars().take(60).collect();
        let claims = AUTH.accepts(&id, &with("aud", json));
        assert!(claims.aud.contains(AUDIENCE), "{id}");
        assert!(!claims.aud.contains("https://api"), "{id}");
    }
    let refused = [
        r#""""#,
        "[]",
        r#"["a","b"]"#,
        r#"["https://api.example",1]"#,
        r#"[1,"https://api.example"]"#,
        "[null]",
        r#"["https://api.example",null]"#,
        r#"[""]"#,
        r#"[["https://api.example"]]"#,
        r#"["x",["https://api.example"]]"#,
        r#"{"https://api.example":1}"#,
        r#"{"aud":"https://api.example"}"#,
        "1",
        "true",
        r#""https://other.example""#,
        r#""https://api""#,
        r#""api.example""#,
        r#""https://api.example.evil""#,
        r#""https://api.example/""#,
        r#""https://API.example""#,
        r#""https://api.example other""#,
        r#""https://api.example,other""#,
        r#""*""#,
        r#"["*"]"#,
        r#"" https://api.example""#,
        r#""https://api.example\u0000""#,
    ];
    for json in refused {
        AUTH.refuses(&format!("E02 {json}"), &with("aud", json), "V8");
    }
    let order = AUTH.accepts("order", &with("aud", r#"["b","https://api.example","a"]"#));
    assert_eq!(order.aud.iter().collect::<Vec<_>>(), ["b", AUDIENCE, "a"]);
}

#[test]
fn further_audiences_are_accepted_beside_the_first() {
    let auth = Auth::new(|builder| builder.audiences([ISSUER, "second"]));
    for audience in [AUDIENCE, ISSUER, "second"] {
        auth.accepts(audience, &with("aud", &quoted(audience)));
    }
    auth.refuses("third", &with("aud", r#""third""#), "V8");
    AUTH.refuses("not without being told", &with("aud", r#""second""#), "V8");
}

#[test]
fn sub_is_a_non_empty_string() {
    for json in ["1", "0", "true", "[]", r#"["user-1"]"#, "{}", r#""""#] {
        AUTH.refuses(&format!("E03 {json}"), &with("sub", json), "V10");
    }
    for sub in ["x", " ", "local", "admin", "null", &"s".repeat(300), "a\nb\tc\u{1b}", "\u{202e}", "é😀", "\0"] {
        assert_eq!(AUTH.accepts(&format!("E03 {sub:?}"), &with("sub", &quoted(sub))).sub, sub);
    }
}

#[test]
fn required_claims_are_present_and_not_null() {
    let missing = |name: &str| AuthError::missing_claim(name.to_owned());
    for name in [
        "email",
        "name",
        "org_id",
        "roles",
        "scope",
        "scp",
        "nbf",
        "jti",
        "typ",
        "custom",
        "a/b",
        "a.b",
        "~0",
        "azp",
        "client_id",
    ] {
        let auth = Auth::new(move |builder| builder.required_claims([name]));
        let value = match name {
            "nbf" => "1",
            "typ" => r#""Bearer""#,
            _ => r#""x""#,
        };
        auth.accepts(&format!("{name} present"), &with(name, value));
        auth.answers(&format!("{name} absent"), &Draft::good().sign(), &missing(name), "V10");
        if name != "nbf" {
            auth.answers(&format!("{name} null"), &with(name, "null"), &missing(name), "V10");
        }
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        auth.accepts(&format!("{name} escaped"), &Draft::good().also(&escaped, value).sign());
        auth.answers(&format!("{name} nested"), &with("x", &format!("{{{name:?}:1}}")), &missing(name), "V10");
    }
    for value in ["false", "0", r#""""#, "[]", "{}"] {
        let auth = Auth::new(|builder| builder.required_claims(["custom"]));
        auth.accepts(&format!("present is enough: {value}"), &with("custom", value));
    }
    let two = Auth::new(|builder| builder.required_claims(["b", "a"]));
    two.answers("in the order of the settings", &Draft::good().sign(), &missing("b"), "V10");
    two.answers("the second", &with("b", "1"), &missing("a"), "V10");
    two.refuses("sub first", &Draft::good().claim("sub", r#""""#).sign(), "V10");
    let registered = Auth::new(|builder| builder.required_claims(["iss", "aud", "exp", "iat", "sub"]));
    registered.accepts("the registered ones always are", &Draft::good().sign());
    AUTH.accepts("none by default", &Draft::good().sign());
}

#[test]
fn roles_are_an_array_of_strings_or_one_string() {
    let cases: &[(&str, &[&str])] = &[
        (r#"["user","admin"]"#, &["user", "admin"]),
        (r#""admin""#, &["admin"]),
        (r#""user admin""#, &["user admin"]),
        (r#"["admin2","sysadmin"]"#, &["admin2", "sysadmin"]),
        (r#"["Admin"]"#, &["Admin"]),
        ("[]", &[]),
        ("null", &[]),
        (r#"["a","a"]"#, &["a", "a"]),
        (r#"["\u0061dmin"]"#, &["admin"]),
        (r#"["rôle","with space",""]"#, &["rôle", "with space", ""]),
        (r#""""#, &[""]),
    ];
    for (json, roles) in cases {
        assert_eq!(AUTH.accepts(&format!("E05 {json}"), &with("roles", json)).roles, *roles, "E05 {json}");
    }
    assert!(AUTH.accepts("E05 absent", &Draft::good().sign()).roles.is_empty());
    for json in [
        r#"[["admin"]]"#,
        r#"["admin",1]"#,
        "[1]",
        r#"["admin",null]"#,
        r#"{"admin":true}"#,
        "1",
        "true",
        "false",
        r#"["admin",["x"]]"#,
        r#"[{"name":"admin"}]"#,
    ] {
        AUTH.refuses(&format!("E05 {json}"), &with("roles", json), "V11");
    }
}

#[test]
fn scope_is_split_at_spaces_and_nothing_else() {
    let admin = [
        r#""admin""#,
        r#""read admin write""#,
        r#""read  admin""#,
        r#"" admin""#,
        r#""admin ""#,
        r#"["read","admin"]"#,
        r#"["admin"]"#,
    ];
    for json in admin {
        let claims = AUTH.accepts(&format!("E04 {json}"), &with("scope", json));
        assert!(claims.has_scope("admin"), "E04 {json}");
        assert!(claims.scopes().all(|scope| !scope.is_empty()), "E04 {json}");
    }
    let not_admin = [
        "null",
        r#""""#,
        r#"" ""#,
        "[]",
        r#""admin2""#,
        r#""xadmin""#,
        r#""admin:read""#,
        r#""ADMIN""#,
        r#""read\tadmin""#,
        r#""read\nadmin""#,
        r#""read\u00a0admin""#,
        r#""read\u2003admin""#,
        r#""read,admin""#,
        r#""\"admin\"""#,
        r#""admin\u0000""#,
        r#""read\radmin""#,
        r#""read\u000badmin""#,
        r#""аdmin""#,
        r#"["admin2","ad"]"#,
    ];
    for json in not_admin {
        let claims = AUTH.accepts(&format!("E04 {json}"), &with("scope", json));
        assert!(!claims.has_scope("admin"), "E04 {json}: {:?}", claims.scope);
    }
    let refused = [
        "1",
        "true",
        "{}",
        r#"["admin",1]"#,
        r#"["admin",null]"#,
        r#"[["admin"]]"#,
        r#"["read admin"]"#,
        r#"[""]"#,
        r#"["admin",""]"#,
        r#"["a\"b"]"#,
        r#"["a\\b"]"#,
        r#"["é"]"#,
        r#"["a\tb"]"#,
        r#"["a\u007f"]"#,
        r#"{"admin":1}"#,
    ];
    for json in refused {
        AUTH.refuses(&format!("E04 {json}"), &with("scope", json), "V11");
    }
    assert_eq!(AUTH.accepts("absent", &Draft::good().sign()).scope, "");
    assert_eq!(AUTH.accepts("joined", &with("scope", r#"["a","b:c"]"#)).scope, "a b:c");
}

#[test]
fn scp_counts_where_scope_is_absent_and_only_there() {
    let scope = |draft: Draft| AUTH.accepts("E08", &draft.sign()).scope.clone();
    let good = Draft::good;
    assert_eq!(scope(good().claim("scp", r#""a b""#)), "a b");
    assert_eq!(scope(good().claim("scp", r#"["a","b"]"#)), "a b");
    assert_eq!(scope(good().claim("scope", r#""a""#).claim("scp", r#""admin""#)), "a", "never the union");
    assert_eq!(scope(good().claim("scope", r#""""#).claim("scp", r#""admin""#)), "", "an empty scope is a scope");
    assert_eq!(scope(good().claim("scope", "[]").claim("scp", r#""admin""#)), "");
    assert_eq!(scope(good().claim("scope", "null").claim("scp", r#""a""#)), "a", "null counts as absent");
    assert_eq!(scope(good().claim("scope", r#""a""#).claim("scp", "1")), "a", "not looked at");
    for json in ["1", "{}", r#"["a b"]"#, "[1]", "true"] {
        AUTH.refuses(&format!("scp {json}"), &with("scp", json), "V11");
    }
    assert_eq!(scope(good().claim("scp", "null")), "", "null counts as absent");
    assert_eq!(scope(good().claim("scope", "null").claim("scp", "null")), "");
}

#[test]
fn profile_claim_of_another_type_counts_as_absent() {
    for name in ["email", "name", "org_id", "preferred_username", "given_name", "family_name"] {
        let read = |json: &str| {
            let claims = AUTH.accepts(&format!("{name} {json}"), &with(name, json));
            match name {
                "email" => claims.email.clone(),
                "name" => claims.name.clone(),
                "preferred_username" => claims.preferred_username.clone(),
                "given_name" => claims.given_name.clone(),
                "family_name" => claims.family_name.clone(),
                _ => claims.org_id.clone(),
            }
        };
        assert_eq!(read(r#""x""#).as_deref(), Some("x"));
        assert_eq!(read(r#""""#).as_deref(), Some(""));
        assert_eq!(read(r#""\u00e9""#).as_deref(), Some("é"));
        assert_eq!(read("null"), None);
        for json in ["1", "true", "[]", r#"["x"]"#, "{}", "1.5"] {
            assert_eq!(read(json), None, "F38 {name} {json}: nothing is granted by it");
        }
    }
    let verified = |json: &str| AUTH.accepts(json, &with("email_verified", json)).email_verified;
    assert_eq!((verified("true"), verified("false"), verified("null")), (Some(true), Some(false), None));
    for json in [r#""true""#, r#""false""#, "1", "0", "[]", "[true]", "{}", r#""""#] {
        assert_eq!(verified(json), None, "F38 email_verified {json}: never taken for true");
    }
    let plain = AUTH.accepts("absent", &Draft::good().sign());
    assert_eq!((&plain.email, &plain.name, &plain.org_id), (&None, &None, &None));
    assert_eq!((&plain.preferred_username, &plain.given_name, &plain.family_name), (&None, &None, &None));
    assert_eq!(plain.email_verified, None);
}

/// F38.
#[test]
fn profile_claim_of_another_type_is_told_at_debug_and_is_missing_where_it_is_required() {
    let cases = [
        ("email", r#"["ada@example.com"]"#, r#""x""#),
        ("name", r#"{"given":"Ada"}"#, r#""x""#),
        ("org_id", "42", r#""x""#),
        ("preferred_username", "7", r#""x""#),
        ("given_name", r#"["Augusta","Ada"]"#, r#""x""#),
        ("family_name", "true", r#""x""#),
        ("email_verified", r#""true""#, "false"),
    ];
    for (name, json, good) in cases {
        let token = with(name, json);
        log::clear();
        ready(AUTH.uncached.verify(&token)).unwrap();
        let lines = log::take();
        let says = format!("has another type than it should; it counts as absent claim={name}");
        assert!(lines.len() == 1 && lines[0].level == tracing::Level::DEBUG, "{name}: {lines:?}");
        assert!(lines[0].text.ends_with(&says) && lines[0].rule.is_none(), "{name}: {lines:?}");
        for required in [name.to_owned(), format!("/{name}")] {
            let auth = Auth::new(|builder| builder.required_claims([&*required]));
            let missing = AuthError::missing_claim(required.clone());
            auth.answers(&format!("{required} is {json}"), &token, &missing, "V10");
            auth.accepts(&required, &with(name, good));
        }
        // Of a token that is refused for another reason, that reason alone is told.
        log::clear();
        ready(AUTH.uncached.verify(&Draft::good().claim(name, json).claim("cnf", "{}").sign())).unwrap_err();
        let lines = log::take();
        assert!(lines.len() == 1 && lines[0].rule.as_deref() == Some("V12"), "{name}: {lines:?}");
    }
}

#[test]
fn required_claim_may_stand_below_the_top() {
    type Texts = &'static [&'static str];
    let require = |pointer: &'static str| Auth::new(move |builder| builder.required_claims([pointer]));
    let missing = |pointer: &'static str| AuthError::missing_claim(pointer);
    let cases: [(&str, &str, &str, Texts, Texts); 4] = [
        (
            "/realm_access/roles",
            "realm_access",
            r#"{"roles":1}"#,
            &[r#"{"roles":["a"]}"#, r#"{"roles":[]}"#, r#"{"x":1,"roles":{"a":1,"a":2}}"#, r#"{"r\u006fles":false}"#],
            &["null", "{}", r#"{"roles":null}"#, r#"{"Roles":1}"#, r#"{"x":{"roles":1}}"#, "1", r#""roles""#, "[]"],
        ),
        ("/groups/1", "groups", "[1,2]", &[r#"[null,"x"]"#, "[[],[]]"], &["[]", "[1]", "[1,null]", r#"{"0":1}"#]),
        ("/a~1b/c~0d", "a/b", r#"{"c~d":1}"#, &[r#"{"c~d":""}"#], &[r#"{"c~0d":1}"#, "null"]),
        ("/~1slash", "/slash", "1", &["0", "[]"], &["null"]),
    ];
    for (pointer, claim, good, accepted, refused) in cases {
        let auth = require(pointer);
        auth.answers(&format!("{pointer} absent"), &Draft::good().sign(), &missing(pointer), "V10");
        for json in [good].iter().chain(accepted) {
            auth.accepts(&format!("{pointer} in {json}"), &with(claim, json));
        }
        for json in refused {
            auth.answers(&format!("{pointer} in {json}"), &with(claim, json), &missing(pointer), "V10");
        }
    }
    // A pointer of one part is the member at the top.
    for (pointer, name) in [("/email", "email"), ("/scope", "scope"), ("/custom", "custom"), ("/sub", "sub")] {
        require(pointer).accepts(pointer, &with(name, r#""x""#));
    }
    require("/custom").answers("null", &with("custom", "null"), &missing("/custom"), "V10");
    let named = Auth::new(|builder| builder.required_claims(["realm_access/roles"]));
    named.accepts("without the first slash it is a name", &with("realm_access/roles", "1"));
    let both = Auth::new(|builder| builder.required_claims(["/a/b", "c"]));
    both.answers("in their order", &Draft::good().sign(), &missing("/a/b"), "V10");
    both.answers("the second", &with("a", r#"{"b":1}"#), &missing("c"), "V10");
}

#[test]
fn every_object_on_the_way_of_a_pointer_says_everything_once() {
    let nothing: fn(RampartAuthBuilder) -> RampartAuthBuilder = |builder| builder;
    let ways: [fn(RampartAuthBuilder) -> RampartAuthBuilder; 8] = [
        |builder| builder.roles_claims(["/a/b/c"]),
        |builder| builder.scope_claim("/a/b/c"),
        |builder| builder.required_claims(["/a/b/c"]),
        |builder| builder.audience_claim("/a/b/c"),
        |builder| builder.subject_claim("/a/b/c"),
        |builder| builder.permissions_claim("/a/b/c"),
        |builder| builder.require_claim("/a/b/c", ["x"]),
        |builder| builder.required_claims(["sub", "/a/b/c"]).roles_claims(["/x"]).scope_claim("/y"),
    ];
    let ambiguous = [
        r#"{"b":{"c":"x","c":"x"}}"#,
        r#"{"b":{"c":"x","\u0063":"y"}}"#,
        r#"{"b":{"c":"x"},"b":{"c":"x"}}"#,
        r#"{"b":{"c":"x","d":1,"d":1}}"#,
        r#"{"d":1,"b":{"c":"x"},"d":2}"#,
        r#"{"b":{"d":1,"d":1}}"#,
        r#"{"b":1,"b":{"c":"x"}}"#,
        r#"{"b":{"c":"x"},"b":1}"#,
        r#"{"b":"x","\u0062":{"c":"x"}}"#,
        r#"{"b":[{"c":"x"}],"b":{"c":"x"}}"#,
        r#"{"b":true,"b":false}"#,
        r#"{"b":null,"b":1.5}"#,
        r#"{"b":1,"d":1,"d":1}"#,
        r#"{"d":{},"b":[],"d":1}"#,
    ];
    let plain = [
        r#"{"b":{"c":"x","d":{"e":1,"e":1}}}"#,
        r#"{"b":{"c":"x"},"d":{"e":1,"e":1}}"#,
        r#"{"b":{"c":"x","d":1,"e":1}}"#,
    ];
    for (at, way) in ways.into_iter().enumerate() {
        let auth = Auth::new(way);
        for json in ambiguous {
            auth.refuses(&format!("B08 way {at} {json}"), &with("a", json), "V6");
            // Before anything that comes later, such as the dates.
            let expired = Draft::good().claim("a", json).claim("exp", "1");
            auth.refuses(&format!("B08 way {at} {json}, expired"), &expired.sign(), "V6");
            Auth::new(nothing).accepts("nobody looks there", &with("a", json));
        }
        for json in plain {
            auth.accepts(&format!("way {at} {json}"), &with("a", json));
        }
    }
}

#[test]
fn roles_and_scopes_may_stand_elsewhere() {
    let auth = |roles: &'static str, scope: &'static str| {
        Auth::new(move |builder: RampartAuthBuilder| builder.roles_claims([roles]).scope_claim(scope))
    };
    let keycloak = auth("/realm_access/roles", "/permissions");
    let draft = Draft::good()
        .claim("realm_access", r#"{"roles":["admin","user"]}"#)
        .claim("permissions", r#"["tasks:read"]"#)
        .claim("roles", r#"["decoy"]"#)
        .claim("scope", r#""decoy""#);
    let claims = keycloak.accepts("E08 one source", &draft.sign());
    assert_eq!(
        (claims.roles.as_slice(), &*claims.scope),
        (["admin".to_owned(), "user".into()].as_slice(), "tasks:read")
    );
    let fallback = keycloak
        .accepts("scp does not stand in", &Draft::good().claim("scp", r#""a""#).claim("roles", r#"["a"]"#).sign());
    assert_eq!((fallback.roles.len(), &*fallback.scope), (0, ""));

    let client = auth("/resource_access/my.api~1v1/roles", "/x~0y");
    let draft = Draft::good()
        .claim("resource_access", r#"{"my.api/v1":{"roles":["a"]},"my":{"api/v1":{"roles":["b"]}}}"#)
        .claim("x~y", r#""s""#);
    let claims = client.accepts("E05 names with dots and slashes", &draft.sign());
    assert_eq!((claims.roles.as_slice(), &*claims.scope), (["a".to_owned()].as_slice(), "s"));

    let element = auth("/groups/1/names", "/nowhere");
    let draft = Draft::good().claim("groups", r#"[0,{"names":"admin"}]"#);
    assert_eq!(element.accepts("element of an array", &draft.sign()).roles, ["admin"]);

    let empty = [
        ("E05 absent", "{}"),
        ("E05 null", r#"{"roles":null}"#),
        ("E05 in other case", r#"{"Roles":["admin"]}"#),
        ("E05 deeper", r#"{"x":{"roles":["admin"]}}"#),
        ("E05 way is null", "null"),
    ];
    for (id, json) in empty {
        assert!(keycloak.accepts(id, &with("realm_access", json)).roles.is_empty(), "{id}");
    }
    let refused = [
        ("E05 number", r#"{"roles":1}"#),
        ("E05 mixed", r#"{"roles":["a",1]}"#),
        ("E05 object", r#"{"roles":{"admin":true}}"#),
        ("E05 way is a string", r#""roles""#),
        ("E05 way is an array", r#"["roles"]"#),
        ("E05 way is a number", "5"),
        ("E05 way is a boolean", "true"),
    ];
    for (id, json) in refused {
        keycloak.refuses(id, &with("realm_access", json), "V11");
    }
    keycloak.refuses("B08 twice", &with("realm_access", r#"{"roles":["a"],"roles":["admin"]}"#), "V6");
    keycloak.refuses("scopes", &with("permissions", r#"["a b"]"#), "V11");
    AUTH.accepts("elsewhere nobody looks", &with("realm_access", r#"{"roles":1}"#));
}
