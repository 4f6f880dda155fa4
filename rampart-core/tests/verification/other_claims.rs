//! What other issuers say otherwise: claims that are missing, or stand elsewhere. Each is allowed by a setting of its own, and no other way.

use rampart_core::{AuthError, Grants, Mark, RolesFromNames};

use crate::common::log;
use crate::common::{AUDIENCE, AUTH, Auth, Draft, NOW, quoted, ready};
use crate::config::{accepted, fetching, refused};

#[test]
fn token_without_iat_is_accepted_where_it_is_optional() {
    let auth = Auth::new(|builder| builder.issued_at_optional(true));
    let absent = [("absent", Draft::good().without("iat")), ("null", Draft::good().claim("iat", "null"))];
    for (id, draft) in &absent {
        assert_eq!(auth.accepts(id, &draft.sign()).iat, None, "{id}");
        AUTH.answers(id, &draft.sign(), &AuthError::missing_claim("iat"), "V6b");
    }
    assert_eq!(auth.accepts("there", &Draft::good().sign()).iat, Some(NOW - 60));
    for iat in [&quoted("1"), "true", "[]", "-1", "253402300800", &(NOW + 6).to_string()] {
        auth.refuses(&format!("iat {iat}"), &Draft::good().claim("iat", iat).sign(), "V9");
    }
    auth.refuses("nbf has not come", &absent[0].1.clone().claim("nbf", &(NOW + 6).to_string()).sign(), "V9");
    let required = Auth::new(|builder| builder.issued_at_optional(true).required_claims(["iat"]));
    for (id, draft) in &absent {
        required.answers(id, &draft.sign(), &AuthError::missing_claim("iat"), "V10");
    }
    required.accepts("required and there", &Draft::good().sign());
}

#[test]
fn cl03_other_claim_stands_in_for_aud_only_where_that_is_absent() {
    let auth = Auth::new(|builder| builder.audience_claim("/azp"));
    let asked_by = |azp: &str| Draft::good().claim("azp", azp);
    let ours = || asked_by(&quoted(AUDIENCE));
    for (id, draft) in [("absent", ours().without("aud")), ("null", ours().claim("aud", "null"))] {
        let claims = auth.accepts(id, &draft.sign());
        assert!(claims.aud.iter().eq([AUDIENCE]), "{id}");
        AUTH.answers(id, &draft.sign(), &AuthError::missing_claim("aud"), "V6b");
    }
    let several = asked_by(&format!(r#"["other",{}]"#, quoted(AUDIENCE))).without("aud");
    assert!(auth.accepts("several", &several.sign()).aud.iter().eq(["other", AUDIENCE]));
    for aud in [r#""other""#, r#"["other"]"#, "[]", "1", "true", "{}", r#""""#] {
        auth.refuses(&format!("aud {aud}"), &ours().claim("aud", aud).sign(), "V8");
    }
    auth.accepts("aud decides alone", &asked_by(r#""other""#).sign());
    auth.accepts("nothing stands in", &Draft::good().sign());
    let silent = || Draft::good().without("aud");
    for azp in [r#""other""#, r#""""#, "[]", "1", "{}", r#"["other"]"#] {
        auth.refuses(&format!("azp {azp}"), &silent().claim("azp", azp).sign(), "V8");
    }
    for (id, draft) in [("neither", silent()), ("both null", silent().claim("azp", "null").claim("aud", "null"))] {
        auth.answers(id, &draft.sign(), &AuthError::missing_claim("aud"), "V6b");
    }
    let below = Auth::new(|builder| builder.audience_claim("/client/id"));
    below.accepts("below", &silent().claim("client", &format!(r#"{{"id":{}}}"#, quoted(AUDIENCE))).sign());
    below.answers("no way", &silent().claim("client", "1").sign(), &AuthError::missing_claim("aud"), "V6b");
    let required = Auth::new(|builder| builder.audience_claim("/azp").required_claims(["aud"]));
    required.answers("aud itself is required", &ours().without("aud").sign(), &AuthError::missing_claim("aud"), "V10");
}

#[test]
fn cl06_client_stands_in_for_a_missing_subject_and_is_no_user() {
    let auth = Auth::new(|builder| builder.subject_claim("/client_id"));
    let verbatim = Auth::new(|builder| builder.subject_claim_verbatim("/client_id"));
    let by_alice = || Draft::good().claim("client_id", r#""alice""#);
    let silent = [
        ("absent", by_alice().without("sub")),
        ("null", by_alice().claim("sub", "null")),
        ("empty", by_alice().claim("sub", r#""""#)),
    ];
    for (id, draft) in &silent {
        let claims = auth.accepts(id, &draft.sign());
        assert_eq!((&*claims.sub, claims.is_client()), ("client:alice", true), "{id}");
        assert_eq!(claims.user().1, "client:alice");
        let claims = verbatim.accepts(id, &draft.sign());
        assert_eq!((&*claims.sub, claims.is_client()), ("alice", true), "{id}");
        assert!(ready(AUTH.cached.verify(&draft.sign())).is_err(), "{id}");
    }
    let user = auth.accepts("a user of that name", &by_alice().claim("sub", r#""alice""#).sign());
    assert_eq!((&*user.sub, user.is_client()), ("alice", false));
    assert!(!AUTH.accepts("no setting", &by_alice().sign()).is_client());

    for sub in ["1", "[]", "{}", "true", r#"["alice"]"#] {
        for auth in [&auth, &verbatim] {
            auth.refuses(&format!("sub {sub}"), &by_alice().claim("sub", sub).sign(), "V10");
        }
    }
    for sub in [r#""client:x""#, r#""client:alice""#, r#""client:""#] {
        let own = by_alice().claim("sub", sub).sign();
        auth.refuses(&format!("sub {sub}"), &own, "V10");
        assert!(!verbatim.accepts("no client looks like it", &own).is_client());
        AUTH.accepts("nor does one without the setting", &own);
    }
    let near = auth.accepts("another case", &by_alice().claim("sub", r#""Client:x""#).sign());
    assert_eq!((&*near.sub, near.is_client()), ("Client:x", false));

    let client = |json: &str| Draft::good().claim("client_id", json);
    let named = auth.accepts("a client that looks like one", &client(r#""client:x""#).without("sub").sign());
    assert_eq!(named.sub, "client:client:x");
    for json in [r#""""#, "1", "[]", r#"["a"]"#, "{}", "true"] {
        auth.refuses(&format!("client_id {json}"), &client(json).without("sub").sign(), "V10");
    }
    for (id, draft) in [("neither", Draft::good().without("sub")), ("both null", client("null").claim("sub", "null"))] {
        auth.answers(id, &draft.sign(), &AuthError::missing_claim("sub"), "V6b");
    }
    auth.refuses("empty, and nothing stands in", &Draft::good().claim("sub", r#""""#).sign(), "V10");
    let required = Auth::new(|builder| builder.subject_claim("/client_id").required_claims(["sub"]));
    required.answers("sub itself is required", &silent[0].1.sign(), &AuthError::missing_claim("sub"), "V10");
}

#[test]
fn cl06_subject_is_nothing_that_may_change_or_pass_to_somebody_else() {
    for pointer in ["/email", "/preferred_username", "/upn", "/name", "/user/email", "/a/upn"] {
        refused(pointer, fetching().subject_claim(pointer).build(), "subject_claim");
        refused(pointer, fetching().subject_claim_verbatim(pointer).build(), "subject_claim_verbatim");
    }
    for pointer in ["/client_id", "/azp", "/common_name", "/workload/name", "/Email"] {
        accepted(pointer, fetching().subject_claim(pointer).build());
    }
    let both = fetching().subject_claim("/client_id").subject_claim_verbatim("/client_id");
    refused("both", both.build(), "subject_claim_verbatim");
}

#[test]
fn cl01_token_of_another_owner_is_refused_whatever_its_audience() {
    let auth = Auth::new(|builder| builder.require_claim("/repository_owner_id", ["4242", "17"]));
    let owned = |json: &str| Draft::good().claim("repository_owner_id", json);
    for owner in ["\"4242\"", "\"17\"", r#""\u00317""#] {
        auth.accepts(owner, &owned(owner).sign());
    }
    for owner in [
        r#""4243""#,
        r#""424""#,
        r#""42420""#,
        r#"" 4242""#,
        r#""""#,
        "4242",
        "17.0",
        "null",
        "true",
        "[]",
        r#"["4242"]"#,
        r#"["4242","evil"]"#,
        r#"{"4242":true}"#,
    ] {
        auth.refuses(&format!("owner {owner}"), &owned(owner).sign(), "V10");
    }
    auth.refuses("absent", &Draft::good().sign(), "V10");
    auth.refuses("by another name", &Draft::good().claim("Repository_owner_id", r#""17""#).sign(), "V10");
    let below = Auth::new(|builder| builder.require_claim("/project/id", ["a"]));
    below.accepts("below", &Draft::good().claim("project", r#"{"id":"a"}"#).sign());
    below.refuses("no way", &Draft::good().claim("project", r#""a""#).sign(), "V10");

    log::clear();
    assert!(ready(auth.uncached.verify(&owned(r#""evil\u2028""#).sign())).is_err());
    let text = log::take().remove(0).text;
    assert!(text.contains(r#"says=/repository_owner_id: "evil\u{2028}""#), "{text}");

    let nobody: [&str; 0] = [];
    refused("no value", fetching().require_claim("/azp", nobody).build(), "require_claim");
    for value in ["", " x", "x\n", "'x'"] {
        refused(value, fetching().require_claim("/azp", ["x", value]).build(), "require_claim");
    }
}

#[test]
fn cl02_service_account_of_somebody_else_is_refused() {
    let auth = Auth::new(|builder| builder.require_claim("/azp", ["ours"]).require_claim("/hd", ["example.com"]));
    let by = |azp: &str, hd: &str| {
        let draft = Draft::good().claim("azp", &quoted(azp)).claim("hd", &quoted(hd));
        draft.claim("email", r#""robot@evil.iam.gserviceaccount.com""#).sign()
    };
    auth.accepts("ours", &by("ours", "example.com"));
    auth.refuses("somebody else's", &by("107517467455664443765", "example.com"), "V10");
    auth.refuses("all must hold", &by("ours", "evil.example"), "V10");
    let email = Auth::new(|builder| builder.required_claims(["email"]).require_claim("/azp", ["ours"]));
    email.answers("in their order", &Draft::good().sign(), &AuthError::missing_claim("email"), "V10");
    auth.refuses("after the dates", &Draft::good().claim("exp", "true").sign(), "V9");
}

#[test]
fn mark_is_ignored_by_its_name_and_no_other_with_it() {
    let marks = [(Mark::AtHash, "at_hash"), (Mark::CHash, "c_hash"), (Mark::Nonce, "nonce")];
    let marked = |name: &str| Draft::good().header("typ", r#""JWT""#).claim(name, r#""x""#);
    for (mark, name) in marks {
        let auth = Auth::new(|builder| builder.insecure_ignore_mark(mark));
        let both = Auth::new(|builder| builder.insecure_ignore_mark(Mark::Nonce).insecure_ignore_mark(mark));
        for (other, mark) in marks.map(|(_, mark)| (mark, marked(mark).sign())) {
            AUTH.refuses(other, &mark, "V12");
            if other == name {
                auth.accepts(other, &mark);
                both.accepts(other, &mark);
            } else {
                auth.refuses(other, &mark, "V12");
            }
        }
        both.accepts("each that is named", &marked("nonce").claim(name, "1").sign());
        for (claim, json) in [
            ("typ", r#""ID""#),
            ("typ", r#""Refresh""#),
            ("token_use", r#""id""#),
            ("events", "{}"),
            ("cnf", r#"{"jkt":"x"}"#),
            ("token_type", r#""refresh""#),
        ] {
            both.refuses(&format!("{name} and {claim}"), &marked(name).claim(claim, json).sign(), "V12");
        }
    }
}

const ROLES: &str = "/urn:zitadel:iam:org:project:roles";

fn zitadel(roles: &str) -> Draft {
    Draft::good().claim("urn:zitadel:iam:org:project:roles", roles)
}

#[test]
fn cl05_role_counts_by_what_its_name_holds() {
    let any = Auth::new(|builder| builder.roles_from_names(ROLES));
    let ours = Auth::new(|builder| builder.roles_from_names(RolesFromNames::at(ROLES).granted_by(["ours", "too"])));
    let by_anybody = ["true", r#""x""#, r#"["x"]"#, "[null]", r#"{"evil":"x"}"#, r#"{"evil":null}"#];
    let by_us = [r#"{"ours":"x"}"#, r#"{"evil":"x","too":"y"}"#, r#"{"ours":true}"#, r#"{"\u006furs":["x"]}"#];
    let by_nobody = ["false", "null", "0", "1", "1.5", r#""""#, "{}", "[]"];
    let named_in_vain = [
        r#"{"ours":null}"#,
        r#"{"ours":false}"#,
        r#"{"ours":""}"#,
        r#"{"ours":0}"#,
        r#"{"Ours":"x"}"#,
        r#"{"x":{"ours":"x"}}"#,
        r#"["ours"]"#,
        r#""ours""#,
    ];
    let roles = |auth: &Auth, value: &str| {
        let json = format!(r#"{{"first":{value},"admin":{value}}}"#);
        let claims = auth.accepts(value, &zitadel(&json).claim("roles", r#"["decoy"]"#).sign());
        assert!(!claims.has_role("decoy"), "instead");
        assert_eq!(claims.has_role("admin"), claims.has_role("first"), "{value}");
        claims.has_role("admin")
    };
    for value in by_us {
        assert!(roles(&any, value) && roles(&ours, value), "{value}");
    }
    for value in by_anybody.iter().chain(&named_in_vain) {
        assert!(roles(&any, value) && !roles(&ours, value), "{value}");
    }
    for value in by_nobody {
        assert!(!roles(&any, value) && !roles(&ours, value), "{value}");
    }
    for auth in [&any, &ours] {
        for (id, draft) in [("absent", Draft::good()), ("null", zitadel("null")), ("empty", zitadel("{}"))] {
            assert!(auth.accepts(id, &draft.sign()).roles.is_empty(), "{id}");
        }
        for json in ["1", "1.5", "true", r#""admin""#, r#"["admin"]"#, "[]"] {
            auth.refuses(json, &zitadel(json).sign(), "V11");
        }
        for json in [
            r#"{"admin":true,"admin":true}"#,
            r#"{"admin":{"ours":"x"},"x":1,"\u0061dmin":false}"#,
            r#"{"admin":{"ours":"x","ours":"x"}}"#,
            r#"{"x":{"a":1,"a":2},"admin":{"ours":"x"}}"#,
        ] {
            auth.refuses(json, &zitadel(json).sign(), "V6");
        }
    }
    let mixed = r#"{"admin":{"evil":"x"},"editor":{"ours":"x"}}"#;
    assert_eq!(ours.accepts("each by itself", &zitadel(mixed).sign()).roles, ["editor"]);
}

#[test]
fn roles_from_names_may_stand_below_and_beside_others() {
    let below = Auth::new(|builder| builder.roles_from_names("/a/b"));
    assert_eq!(below.accepts("below", &Draft::good().claim("a", r#"{"b":{"r":true}}"#).sign()).roles, ["r"]);
    below.refuses("no way", &Draft::good().claim("a", "1").sign(), "V11");
    for json in [r#"{"b":{"r":true},"b":{}}"#, r#"{"b":{"r":true},"d":1,"d":1}"#] {
        below.refuses(json, &Draft::good().claim("a", json).sign(), "V6");
    }
    let union = Auth::new(|builder| builder.roles_from_names("/a").roles_claims(["/roles"]));
    let both = Draft::good().claim("a", r#"{"r":true,"s":true}"#).claim("roles", r#"["q","r"]"#);
    assert_eq!(union.accepts("together", &both.sign()).roles, ["q", "r", "s"]);
    let granted = Auth::new(|builder| builder.roles_from_names("/a").grants(Grants::roles(["r"])));
    assert_eq!(granted.accepts("what the issuer may grant", &both.sign()).roles, ["r"]);

    let nobody: [&str; 0] = [];
    let names = || RolesFromNames::at("/a");
    refused("nobody", fetching().roles_from_names(names().granted_by(nobody)).build(), "roles_from_names");
    for id in ["", " a", "\"a\""] {
        refused(id, fetching().roles_from_names(names().granted_by(["a", id])).build(), "roles_from_names");
    }
    refused("written by users", fetching().roles_from_names("/user_metadata/roles").build(), "roles_from_names");
    accepted("a name", fetching().roles_from_names(String::from("/a")).build());
}

#[test]
fn cl07_scope_counts_only_where_it_is_a_permission_too() {
    let auth = Auth::new(|builder| builder.permissions_claim("/permissions"));
    let scope = |scope: &str, permissions: &str| {
        let draft = Draft::good().claim("scope", scope).claim("permissions", permissions);
        auth.accepts(&format!("{scope} {permissions}"), &draft.sign()).scope.clone()
    };
    for (asked, permissions, both) in [
        (r#""read""#, r#"["read","write"]"#, "read"),
        (r#""read write delete""#, r#"["write","read"]"#, "read write"),
        (r#""read write""#, r#"["read"]"#, "read"),
        (r#""openid read""#, r#""write read""#, "read"),
        (r#"["read","write"]"#, r#"["write"]"#, "write"),
        (r#""read""#, "[]", ""),
        (r#""read""#, "null", ""),
        (r#""read""#, r#""""#, ""),
        (r#""read""#, r#"["Read","rea","read write"," read"]"#, ""),
        (r#"" ""#, r#"[""," "]"#, ""),
        ("null", r#"["read"]"#, ""),
    ] {
        assert_eq!(scope(asked, permissions), both, "{asked} of {permissions}");
    }
    let draft = Draft::good().claim("scope", r#""read""#);
    let claims = auth.accepts("no permissions", &draft.sign());
    assert!(!claims.has_scope("read") && claims.scope.is_empty());
    let scp = Draft::good().claim("scp", r#"["read","write"]"#).claim("permissions", r#"["write"]"#);
    assert_eq!(auth.accepts("scp", &scp.sign()).scope, "write");
    for json in ["1", "true", "{}", r#"["read",1]"#] {
        auth.refuses(json, &draft.clone().claim("permissions", json).sign(), "V11");
    }
    let below = Auth::new(|builder| builder.permissions_claim("/a/b").scope_claim("/c"));
    let draft = Draft::good().claim("c", r#""x y""#).claim("a", r#"{"b":["y","z"]}"#);
    assert_eq!(below.accepts("elsewhere", &draft.sign()).scope, "y");
    below.refuses("no way", &draft.claim("a", r#"["b"]"#).sign(), "V11");

    let implied = Auth::new(|builder| builder.permissions_claim("/permissions").scope_implies("write", ["read"]));
    let draft = Draft::good().claim("scope", r#""write""#).claim("permissions", r#"["read","write"]"#);
    assert!(implied.accepts("what it includes", &draft.sign()).has_all_scopes(&["read", "write"]));
    let draft = draft.claim("permissions", r#"["read"]"#);
    assert!(!implied.accepts("what does not count includes nothing", &draft.sign()).has_scope("read"));

    refused("itself", fetching().permissions_claim("/scope").build(), "permissions_claim");
    refused("itself", fetching().permissions_claim("/p").scope_claim("/p").build(), "permissions_claim");
    accepted("another", fetching().permissions_claim("/scope").scope_claim("/p").build());
}
