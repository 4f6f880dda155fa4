//! How handlers read verified claims.

use std::collections::HashMap;

use crate::common::{AUDIENCE, AUTH, Draft, EC, ISSUER, NOW, RSA};
use serde::Deserialize;
use serde_json::{Value, json};

/// E04, E05.
#[test]
fn roles_and_scopes_are_asked_for_by_whole_name() {
    let claims = AUTH.accepts(
        "helpers",
        &Draft::good()
            .claim("roles", r#"["user","admin","with space",""]"#)
            .claim("scope", r#""tasks:read  tasks:write""#)
            .sign(),
    );
    for (role, has) in [
        ("admin", true),
        ("user", true),
        ("with space", true),
        ("", false),
        ("Admin", false),
        ("adm", false),
        ("admin2", false),
        ("with", false),
        (" admin", false),
    ] {
        assert_eq!(claims.has_role(role), has, "role {role:?}");
    }
    for (scope, has) in [
        ("tasks:read", true),
        ("tasks:write", true),
        ("tasks", false),
        ("TASKS:READ", false),
        ("", false),
        (" ", false),
        ("tasks:read tasks:write", false),
        ("tasks:read  tasks:write", false),
    ] {
        assert_eq!(claims.has_scope(scope), has, "scope {scope:?}");
    }
    assert_eq!(claims.scopes().collect::<Vec<_>>(), ["tasks:read", "tasks:write"]);
    let none: [&str; 0] = [];
    let lists: [(&[&str], bool, bool); 8] = [
        (&none, false, false),
        (&[""], false, false),
        (&["admin", ""], true, false),
        (&["admin"], true, true),
        (&["admin", "user"], true, true),
        (&["admin", "other"], true, false),
        (&["other", "admin"], true, false),
        (&["other", "another"], false, false),
    ];
    for (list, any, all) in lists {
        assert_eq!((claims.has_any_role(list), claims.has_all_roles(list)), (any, all), "roles {list:?}");
        let scopes: Vec<String> =
            list.iter().map(|name| name.replace("admin", "tasks:read").replace("user", "tasks:write")).collect();
        assert_eq!((claims.has_any_scope(&scopes), claims.has_all_scopes(&scopes)), (any, all), "scopes {scopes:?}");
    }
    let nameless = AUTH.accepts("one without a name", &Draft::good().claim("roles", r#""""#).sign());
    assert!(!nameless.has_role("") && !nameless.has_any_role(&[""]) && !nameless.has_all_roles(&[""]));
    let bare = AUTH.accepts("without any", &Draft::good().sign());
    assert!(!bare.has_role("") && !bare.has_scope("") && !bare.has_any_role(&[""]) && !bare.has_all_scopes(&[""]));
    assert_eq!(bare.scopes().count(), 0);
}

#[test]
fn any_claim_can_be_read_as_its_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Address {
        city: String,
    }
    let draft = Draft::good()
        .claim("preferred_username", r#""ada""#)
        .claim("email_verified", "true")
        .claim("level", "7")
        .claim("ratio", "1.5")
        .claim("nothing", "null")
        .claim("groups", r#"["a","b"]"#)
        .claim("address", r#"{"city":"Zürich","zip":8000}"#)
        .also("esc\\u0061ped", r#""\u00e9""#)
        .claim("a/b.c", "1")
        .claim("", "2");
    for key in [&*EC, &*RSA] {
        let mut draft = draft.clone();
        draft.header = Draft::by(key).header;
        (draft.key, draft.algorithm) = (key.clone(), key.algorithm());
        let claims = AUTH.accepts("get", &draft.sign());
        assert_eq!(claims.get::<String>("preferred_username").unwrap().as_deref(), Some("ada"));
        assert_eq!(claims.get::<bool>("email_verified").unwrap(), Some(true));
        assert_eq!(claims.get::<u8>("level").unwrap(), Some(7));
        assert_eq!(claims.get::<f64>("ratio").unwrap(), Some(1.5));
        assert_eq!(claims.get::<Vec<String>>("groups").unwrap().unwrap(), ["a", "b"]);
        assert_eq!(claims.get::<Address>("address").unwrap(), Some(Address { city: "Zürich".into() }));
        assert_eq!(claims.get::<Value>("address").unwrap(), Some(json!({"city": "Zürich", "zip": 8000})));
        assert_eq!(claims.get::<String>("escaped").unwrap().as_deref(), Some("é"));
        assert_eq!(claims.get::<u8>("a/b.c").unwrap(), Some(1), "a name, not a path");
        assert_eq!(claims.get::<u8>("").unwrap(), Some(2));
        assert_eq!(claims.get::<String>("nothing").unwrap(), None, "null");
        assert_eq!(claims.get::<String>("absent").unwrap(), None);
        assert_eq!(claims.get::<String>("city").unwrap(), None, "only the top level");
        assert_eq!(claims.get::<String>("sub").unwrap().as_deref(), Some("user-1"), "those with fields too");
        assert_eq!(claims.get::<u64>("exp").unwrap(), Some(NOW + 600));
        for error in [
            claims.get::<u8>("preferred_username").unwrap_err(),
            claims.get::<String>("level").map(|_| ()).unwrap_err(),
            claims.get::<Vec<u8>>("address").map(|_| ()).unwrap_err(),
        ] {
            let told = format!("{error} {error:?}");
            assert!(
                !told.contains("ada") && !told.contains('7') && !told.contains("Zürich"),
                "no value is told: {told}"
            );
        }
        let error = claims.get::<u8>("preferred_username").unwrap_err();
        assert!(error.to_string().starts_with("preferred_username cannot be read"), "{error}");
    }
}

#[test]
fn whole_payload_can_be_read_as_a_type() {
    #[derive(Debug, Deserialize)]
    struct Own<'a> {
        sub: &'a str,
        #[serde(borrow)]
        custom: HashMap<&'a str, Vec<u8>>,
        #[serde(default)]
        absent: Option<String>,
    }
    #[derive(Debug, Deserialize)]
    struct Other {
        _missing: String,
    }
    let draft = Draft::good().claim("custom", r#"{"a":[1,2]}"#);
    let claims = AUTH.accepts("deserialize", &draft.sign());
    let own: Own<'_> = claims.deserialize().unwrap();
    assert_eq!((own.sub, &own.custom["a"], own.absent), ("user-1", &vec![1, 2], None));
    let all: Value = claims.deserialize().unwrap();
    assert_eq!(all, serde_json::from_str::<Value>(&draft.payload.to_json()).unwrap(), "nothing is lost");
    assert!(claims.deserialize::<Other>().unwrap_err().to_string().starts_with("the payload cannot be read"));
}

#[test]
fn fields_say_what_the_token_says() {
    let draft = Draft::good()
        .claim("sub", r#""0b8f7c5e""#)
        .claim("email", r#""ada@example.com""#)
        .claim("email_verified", "true")
        .claim("name", r#""Ada""#)
        .claim("preferred_username", r#""countess""#)
        .claim("given_name", r#""Augusta Ada""#)
        .claim("family_name", r#""King""#)
        .claim("org_id", r#""org""#)
        .claim("roles", r#"["user"]"#)
        .claim("scope", r#""a b""#);
    let claims = AUTH.accepts("fields", &draft.sign());
    assert_eq!(claims.sub, "0b8f7c5e");
    assert_eq!(claims.email.as_deref(), Some("ada@example.com"));
    assert_eq!(claims.email_verified, Some(true));
    assert_eq!(claims.name.as_deref(), Some("Ada"));
    assert_eq!(claims.preferred_username.as_deref(), Some("countess"));
    assert_eq!((claims.given_name.as_deref(), claims.family_name.as_deref()), (Some("Augusta Ada"), Some("King")));
    assert_eq!(claims.org_id.as_deref(), Some("org"));
    assert_eq!(claims.roles, ["user"]);
    assert_eq!(claims.scope, "a b");
    assert_eq!(claims.iss, ISSUER);
    assert_eq!(claims.aud.iter().collect::<Vec<_>>(), [AUDIENCE]);
    assert_eq!((claims.iat, claims.exp), (Some(NOW - 60), NOW + 600));
    for told in [format!("{claims:?}"), format!("{:?}", **claims)] {
        assert!(told.contains("0b8f7c5e"), "{told}");
        for personal in ["ada@example.com", "Ada", "countess", "King"] {
            assert!(!told.contains(personal), "Debug leaves personal data out: {told}");
        }
    }
}

#[test]
fn whole_payload_is_json_again() {
    #[derive(serde::Serialize)]
    struct Answer<'a> {
        user: &'a rampart_core::Claims,
    }
    let draft = Draft::good()
        .claim("email", "1")
        .claim("custom", r#"{"b":[1,-2,1.5,null,true],"a":{"é":"\ud83d\ude00"}}"#)
        .claim("big", "18446744073709551615")
        .also("esc\\u0061ped", r#""\u00e9""#)
        .claim("nothing", "null");
    let claims = AUTH.accepts("to_json", &draft.sign());
    let own: Value = serde_json::from_str(&draft.payload.to_json()).unwrap();
    assert_eq!(claims.to_json(), own, "nothing is lost, and nothing is put right");
    assert_eq!(serde_json::to_value(&*claims).unwrap(), own);
    assert_eq!(serde_json::from_str::<Value>(&serde_json::to_string(&claims.to_json()).unwrap()).unwrap(), own);
    assert_eq!(serde_json::to_string(&json!({"user": &*claims})).unwrap(), format!(r#"{{"user":{own}}}"#));
    // As part of an answer.
    let answer = serde_json::to_string(&Answer { user: &claims }).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), json!({"user": own}));
    // The largest that a token can hold, and what is deepest.
    let deep = format!("{}1{}", "[".repeat(32), "]".repeat(32));
    let large = Draft::good().claim("deep", &deep).claim("text", &format!("{:?}", "x".repeat(8000)));
    let claims = AUTH.accepts("large and deep", &large.sign());
    assert_eq!(claims.to_json(), serde_json::from_str::<Value>(&large.payload.to_json()).unwrap());
    // A member that stands twice below the top, where nobody decides by it: the last, as everywhere.
    let twice = AUTH.accepts("twice", &Draft::good().claim("x", r#"{"a":1,"a":2}"#).sign());
    assert_eq!(twice.to_json()["x"], json!({"a": 2}));
}
