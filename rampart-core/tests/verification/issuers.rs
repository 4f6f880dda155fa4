//! Several issuers in one object: whose keys and rules decide, and what each may grant.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_core::{
    Algorithm, AuthError, Claims, Event, Grants, Issuer, Policy, RampartAuth, RampartAuthBuilder, Requirement, Rule,
    Settings,
};

use rampart_issuer::SigningKey;

use crate::common::log;
use crate::common::{AUDIENCE, Draft, EC, ISSUER, NOW, RSA, at, jwk_with, key_set, quoted, ready, sign};

const OTHER: &str = "https://other.example/";
const ALIAS: &str = "https://old.example";

/// A set of this key, under an ID that every issuer uses.
fn set_of(key: &SigningKey) -> String {
    key_set([jwk_with(key, "kid", "k1")])
}

fn by(key: &SigningKey) -> Draft {
    Draft::by(key).header("kid", r#""k1""#)
}

/// The first issuer has an RSA key, the second an EC key of the same ID.
fn builder(second: Issuer) -> RampartAuthBuilder {
    RampartAuth::builder(ISSUER, AUDIENCE)
        .static_jwks(set_of(&RSA))
        .aliases([ALIAS])
        .issuer(second)
        .clock(|| at(Duration::from_secs(NOW)))
}

fn other() -> Issuer {
    Issuer::new(OTHER, "other-api").static_jwks(set_of(&EC)).grants(Grants::everything())
}

fn first() -> Draft {
    by(&RSA)
}

fn second() -> Draft {
    by(&EC).claim("iss", &quoted(OTHER)).claim("aud", r#""other-api""#)
}

fn verify(auth: &RampartAuth, draft: &Draft) -> Result<Arc<Claims>, AuthError> {
    ready(auth.verify(&draft.sign()))
}

#[test]
fn is01_each_token_is_judged_by_its_own_issuer() {
    let auth = builder(other()).build().unwrap();
    for _ in 0..2 {
        let (one, two) = (verify(&auth, &first()).unwrap(), verify(&auth, &second()).unwrap());
        assert_eq!((&*one.iss, &*two.iss), (ISSUER, OTHER));
        assert_eq!(one.sub, two.sub, "of two people");
        assert_ne!(one.user(), two.user());
    }
}

rampart_core::issued_by! {
    Staff = "https://issuer.example/";
    Partners = "https://other.example/", "https://third.example";
    Either = "https://issuer.example/", "https://other.example/";
}

/// A route may be for the tokens of one issuer alone, by whatever spelling of its name they come.
#[test]
fn route_is_bound_to_the_issuers_that_it_names() {
    let auth = builder(other()).build().unwrap();
    let claims = |draft: Draft| verify(&auth, &draft).unwrap();
    let (ours, aliased, theirs) = (claims(first()), claims(first().claim("iss", &quoted(ALIAS))), claims(second()));
    let denied = Err(AuthError::insufficient_role::<String>([]));
    for own in [&ours, &aliased] {
        assert_eq!((Staff::check(own), Partners::check(own), Either::check(own)), (Ok(()), denied.clone(), Ok(())));
        assert_eq!(Policy::issuer(ISSUER).check(own), Ok(()));
        assert_eq!(Policy::issuer(OTHER).check(own), denied);
        assert_eq!(Policy::issuer(OTHER).or(Policy::issuer(ISSUER)).check(own), Ok(()));
    }
    assert_eq!(
        (Staff::check(&theirs), Partners::check(&theirs), Either::check(&theirs)),
        (denied.clone(), Ok(()), Ok(()))
    );
    // Another spelling of the configured name is no name of it here.
    for name in [ALIAS, "https://issuer.example", "https://ISSUER.example/"] {
        assert_eq!(Policy::issuer(name).check(&ours), denied, "{name}");
    }
    let rejection = auth.rejection(AuthError::insufficient_role::<String>([]));
    assert_eq!(rejection.status(), 403);
    assert!(rejection.challenges().eq([
        r#"Bearer realm="default", error="insufficient_scope", error_description="Access to this resource is denied""#
    ]));
}

/// A mistake in the program, never "any issuer".
#[test]
fn issuer_without_a_name_denies_everyone() {
    let auth = builder(other()).build().unwrap();
    assert!(Policy::issuer("").check(&verify(&auth, &first()).unwrap()).is_err());
}

#[test]
fn is02_keys_audiences_and_algorithms_of_one_issuer_are_nothing_to_another() {
    let auth = builder(other().algorithms([Algorithm::ES256])).build().unwrap();
    let cases = [
        ("signed by the other's key", by(&RSA).claim("iss", &quoted(OTHER)).claim("aud", r#""other-api""#)),
        ("the reverse", by(&EC)),
        ("no kid and the other's key", by(&EC).without_header("kid")),
        ("is03: the other's audience", second().claim("aud", &quoted(AUDIENCE))),
        ("is03: the other's audience among several", first().claim("aud", r#"["other-api","more"]"#)),
        (
            "is07: the header names another issuer",
            second().header("iss", &quoted(ISSUER)).claim("aud", &quoted(AUDIENCE)),
        ),
    ];
    for (id, draft) in cases {
        assert_eq!(verify(&auth, &draft).unwrap_err(), AuthError::InvalidToken, "{id}");
    }
    let several = first().claim("aud", &format!(r#"["other-api",{}]"#, quoted(AUDIENCE)));
    assert!(verify(&auth, &several).is_ok());
}

#[test]
fn is05_token_that_names_no_issuer_is_invalid_and_never_no_token() {
    let auth = builder(other()).build().unwrap();
    let mut drafts: Vec<_> =
        ["null", "1", "true", r#""""#, "[]", r#"["https://issuer.example"]"#, "{}", r#""https://evil.example""#]
            .into_iter()
            .map(|iss| first().claim("iss", iss))
            .collect();
    drafts.push(first().without("iss"));
    for near in [
        ISSUER.to_uppercase(),
        ISSUER.trim_end_matches('/').to_owned(),
        format!("{ISSUER}/"),
        format!("{ISSUER}.evil"),
        "https://issuer.example:443/".to_owned(),
        "https://issuer.example./".to_owned(),
        "https://issuer.example/%2e".to_owned(),
        OTHER.trim_end_matches('/').to_owned(),
        OTHER.replace("https", "http"),
    ] {
        drafts.push(first().claim("iss", &quoted(&near)));
        drafts.push(second().claim("iss", &quoted(&near)));
    }
    for draft in drafts {
        let value = format!("Bearer {}", draft.sign());
        let mut optional = auth.authenticate_optional([&value]);
        assert_eq!(optional.now().unwrap().unwrap_err(), AuthError::InvalidToken, "{}", draft.payload.to_json());
    }
}

#[test]
fn is06_issuer_that_stands_there_twice_is_nobodys() {
    let auth = builder(other()).build().unwrap();
    for (one, two) in [(ISSUER, OTHER), (OTHER, ISSUER), (ISSUER, ISSUER)] {
        for name in ["iss", r"i\u0073s"] {
            for key in [&*RSA, &*EC] {
                let payload = format!(
                    r#"{{"iss":{},"aud":[{},"other-api"],"sub":"u","iat":{NOW},"exp":{},"{name}":{}}}"#,
                    quoted(one),
                    quoted(AUDIENCE),
                    NOW + 60,
                    quoted(two),
                );
                let token = sign(by(key).header.to_json(), &payload, key);
                assert_eq!(ready(auth.verify(&token)).unwrap_err(), AuthError::InvalidToken, "{payload}");
            }
        }
    }
}

#[test]
fn is13_no_two_issuers_go_by_one_name() {
    let same = || Issuer::new(ISSUER, "x").static_jwks(set_of(&EC)).grants(Grants::nothing());
    let cases = [
        ("twice", builder(same()), "issuer_url"),
        ("an alias is the other's name", builder(other().aliases([ISSUER])), "aliases"),
        ("one alias for two", builder(other().aliases([ALIAS])), "aliases"),
        ("an alias is its own name", builder(other().aliases([OTHER])), "aliases"),
        ("an alias that no issuer has", builder(other().aliases([""])), "aliases"),
        ("an alias in quotes", builder(other().aliases(["'https://a.example'"])), "aliases"),
    ];
    for (id, builder, field) in cases {
        assert_eq!(builder.build().unwrap_err().field(), field, "{id}");
    }
    // By so little alone: two issuers, each with its own tokens, and a warning.
    for near in [format!("{ISSUER}/"), ISSUER.replace("issuer", "ISSUER"), ISSUER.replace("https", "http")] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let nearly = Issuer::new(&*near, "other-api").static_jwks(set_of(&EC)).grants(Grants::nothing());
        let listening = builder(nearly).on_event(move |event| {
            if let Event::IssuersAlike { one, other, .. } = event {
                let mut names = [(*one).to_owned(), (*other).to_owned()];
                names.sort();
                heard.lock().push(names);
            }
        });
        let auth = listening.build().unwrap();
        let mut names = [ISSUER.to_owned(), near.clone()];
        names.sort();
        assert_eq!(*told.lock(), [names]);
        assert_eq!(verify(&auth, &first()).unwrap().iss, ISSUER);
        assert_eq!(verify(&auth, &second().claim("iss", &quoted(&near))).unwrap().iss, near);
    }
    // Other spellings of one issuer are no two issuers.
    log::clear();
    builder(other().aliases([OTHER.trim_end_matches('/')])).build().unwrap();
    assert!(log::take().iter().all(|line| !line.text.contains("two issuers")));
}

#[test]
fn is14_alias_is_the_issuer_under_another_spelling() {
    for auth in [builder(other()).build().unwrap(), {
        RampartAuth::builder(ISSUER, AUDIENCE)
            .static_jwks(set_of(&RSA))
            .aliases([ALIAS])
            .clock(|| at(Duration::from_secs(NOW)))
            .build()
            .unwrap()
    }] {
        let own = verify(&auth, &first()).unwrap();
        let alias = verify(&auth, &first().claim("iss", &quoted(ALIAS))).unwrap();
        assert_eq!((&*alias.iss, alias.user()), (ISSUER, own.user()));
        assert_eq!(alias.get::<String>("iss").unwrap().as_deref(), Some(ALIAS), "as the token has it");
        let near = first().claim("iss", &quoted(&format!("{ALIAS}/")));
        assert_eq!(verify(&auth, &near).unwrap_err(), AuthError::InvalidToken);
    }
}

#[test]
fn is17_rules_of_one_issuer_do_not_bind_the_other_and_those_of_the_object_bind_both() {
    let hour = Duration::from_secs(3600);
    let strict = || other().require_at_jwt(true).required_claims(["email"]).max_token_lifetime(hour);
    let fits = |draft: Draft| {
        draft.header("typ", r#""at+jwt""#).claim("email", r#""a@b.example""#).claim("exp", &(NOW + 3600).to_string())
    };
    let lacking = |draft: fn() -> Draft| {
        [
            (fits(draft()).header("typ", r#""JWT""#), AuthError::InvalidToken),
            (fits(draft()).without("email"), AuthError::missing_claim("email")),
            (fits(draft()).claim("exp", &(NOW + 3606).to_string()), AuthError::InvalidToken),
        ]
    };
    let of_the_second = builder(strict()).build().unwrap();
    let of_all = builder(other()).require_at_jwt(true).required_claims(["email"]).max_token_lifetime(hour);
    let of_all = of_all.build().unwrap();
    for auth in [&of_the_second, &of_all] {
        assert!(verify(auth, &fits(first())).is_ok() && verify(auth, &fits(second())).is_ok());
        assert!(verify(auth, &fits(second()).claim("exp", &(NOW + 3605).to_string())).is_ok(), "with the tolerance");
        for (draft, error) in lacking(second) {
            assert_eq!(verify(auth, &draft).unwrap_err(), error);
        }
    }
    for (draft, error) in lacking(first) {
        assert!(verify(&of_the_second, &draft).is_ok());
        assert_eq!(verify(&of_all, &draft).unwrap_err(), error);
    }
    // The shorter counts, whoever says it.
    let minute = Duration::from_secs(60);
    for builder in [
        builder(strict()).max_token_lifetime(minute),
        builder(strict().max_token_lifetime(minute)).max_token_lifetime(hour),
    ] {
        let auth = builder.build().unwrap();
        assert_eq!(verify(&auth, &fits(second())).unwrap_err(), AuthError::InvalidToken);
    }
    assert_eq!(builder(other()).max_token_lifetime(Duration::ZERO).build().unwrap_err().field(), "max_token_lifetime");
    assert_eq!(builder(other().max_token_lifetime(Duration::ZERO)).build().unwrap_err().field(), "max_token_lifetime");
}

#[test]
fn is32_further_issuer_grants_what_it_may_and_no_more() {
    let says = |draft: Draft| {
        draft
            .claim("roles", r#"["admin","auditor"]"#)
            .claim("scope", r#""tasks:write reports:read""#)
            .claim("org_id", r#""acme""#)
    };
    let cases: [(Grants, &[&str], &str, Option<&str>); 5] = [
        (Grants::everything(), &["admin", "auditor"], "tasks:write reports:read", Some("acme")),
        (Grants::nothing(), &[], "", None),
        (Grants::roles(["auditor"]), &["auditor"], "", None),
        (Grants::nothing().role_prefix("partner:"), &["partner:admin", "partner:auditor"], "", None),
        (
            Grants::roles(["auditor"]).scopes(["reports:read"]).org_id("partner"),
            &["auditor"],
            "reports:read",
            Some("partner"),
        ),
    ];
    for (grants, roles, scope, organization) in cases {
        let auth = builder(other().grants(grants.clone())).build().unwrap();
        let claims = verify(&auth, &says(second())).unwrap();
        assert_eq!(
            (&*claims.roles, &*claims.scope),
            (&*roles.iter().map(ToString::to_string).collect::<Vec<_>>(), scope)
        );
        assert_eq!(claims.org_id.as_deref(), organization, "{grants:?}");
        assert_eq!(Policy::roles(["admin"]).check(&claims).is_ok(), roles.contains(&"admin"));
        let of_the_first = verify(&auth, &says(first())).unwrap();
        assert!(of_the_first.has_role("admin") && of_the_first.has_scope("tasks:write"));
        // The first, too, where it is said.
        let auth = builder(other()).grants(grants).build().unwrap();
        assert_eq!(verify(&auth, &says(first())).unwrap().roles, roles);
    }
}

#[test]
fn is34_grants_come_before_what_rights_include() {
    let auth = builder(other().grants(Grants::roles(["editor"]).scopes(["tasks:read"])))
        .role_implies("admin", ["editor"])
        .role_implies("editor", ["reader"])
        .scope_implies("tasks:write", ["tasks:read"])
        .build()
        .unwrap();
    let says = |draft: Draft, role: &str, scope: &str| {
        verify(&auth, &draft.claim("roles", &quoted(role)).claim("scope", &quoted(scope))).unwrap()
    };
    let admin = says(second(), "admin", "tasks:write");
    assert!(!admin.has_role("admin") && !admin.has_role("editor") && !admin.has_scope("tasks:read"));
    let editor = says(second(), "editor", "tasks:read");
    assert!(editor.has_role("editor") && editor.has_role("reader") && !editor.has_scope("tasks:write"));
    let own = says(first(), "admin", "tasks:write");
    assert!(own.has_all_roles(&["admin", "editor", "reader"]) && own.has_all_scopes(&["tasks:write", "tasks:read"]));
    assert_eq!((&*own.roles, &*own.scope), (&["admin".to_owned()][..], "tasks:write"), "as the token has them");
    assert!(Policy::scopes(["tasks:read"]).and(Policy::roles(["reader"])).check(&own).is_ok());
    for builder in
        [builder(other()).role_implies("a", ["a"]), builder(other()).role_implies("a", ["b"]).role_implies("b", ["a"])]
    {
        assert_eq!(builder.build().unwrap_err().field(), "role_implies");
    }
}

#[test]
fn is35_further_issuer_must_say_what_it_grants() {
    let silent = || Issuer::new(OTHER, "other-api").static_jwks(set_of(&EC));
    let error = builder(silent()).build().unwrap_err();
    assert_eq!(error.field(), "grants");
    assert!(error.to_string().contains(OTHER), "{error}");
    assert!(builder(silent().grants(Grants::nothing())).build().is_ok());
    assert!(RampartAuth::of(silent()).is_ok(), "alone it is the first");
}

#[test]
fn is31_log_and_listeners_hear_of_strangers_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let auth = builder(other())
        .on_event(move |event| {
            if let Event::TokenRefused(token) = event {
                heard.lock().push((token.rule(), token.why()));
            }
        })
        .build()
        .unwrap();
    let stranger = first().claim("iss", r#""https://evil.example\u001b[2J""#).sign();
    log::clear();
    for _ in 0..100 {
        ready(auth.verify(&stranger)).unwrap_err();
    }
    let lines = log::take();
    assert_eq!(told.lock().len(), 100);
    assert!(told.lock().iter().all(|told| *told == (Rule::V7, "iss is none of the configured issuers")));
    let texts: Vec<_> = lines.iter().map(|record| &*record.text).collect();
    // One a second, should the machine be slow.
    assert!((1..100).contains(&texts.len()), "{texts:?}");
    assert!(texts.iter().all(|text| text.contains(r"https://evil.example\u{1b}[2J")), "{texts:?}");
}

#[test]
fn is12_issuer_is_compared_as_it_is_written() {
    let issuer = "https://münchen.a.example/";
    let auth = builder(Issuer::new(issuer, "other-api").static_jwks(set_of(&EC)).grants(Grants::nothing())).build();
    let auth = auth.unwrap();
    assert_eq!(verify(&auth, &second().claim("iss", &quoted(issuer))).unwrap().iss, issuer);
    for near in [
        "https://münchen.a.example",
        "https://münchen.a.example//",
        "HTTPS://münchen.a.example/",
        "http://münchen.a.example/",
        "https://MÜNCHEN.A.example/",
        "https://münchen.A.example/",
        "https://münchen.a.example:443/",
        "https://münchen.a.example/%2e",
        "https://münchen.a.example/.",
        "https://münchen.a.example./",
        "https://xn--mnchen-3ya.a.example/",
        "https://mu\u{308}nchen.a.example/",
        "https://münchen.\u{430}.example/",
        " https://münchen.a.example/",
        "https://münchen.a.example/\u{0}",
    ] {
        let error = verify(&auth, &second().claim("iss", &quoted(near))).unwrap_err();
        assert_eq!(error, AuthError::InvalidToken, "{near:?}");
    }
}

/// The cache of one object is nobody else's.
#[test]
fn is18_what_one_object_has_verified_is_nothing_to_another() {
    let (both, alone) = (builder(other()).build().unwrap(), {
        let alone = RampartAuth::builder(ISSUER, AUDIENCE).static_jwks(set_of(&RSA));
        alone.clock(|| at(Duration::from_secs(NOW))).build().unwrap()
    });
    let token = second().sign();
    for _ in 0..2 {
        assert!(ready(both.verify(&token)).is_ok());
        assert_eq!(ready(alone.verify(&token)).unwrap_err(), AuthError::InvalidToken);
    }
}

#[test]
fn is17_cached_token_of_one_issuer_is_never_judged_by_the_others_rules() {
    // The second would take the tokens of the first, were they its own: same audience, same key.
    let same = |grants| Issuer::new(OTHER, AUDIENCE).static_jwks(set_of(&RSA)).grants(grants);
    let auth = builder(same(Grants::nothing())).build().unwrap();
    let (one, two) =
        (first().claim("roles", r#"["admin"]"#), first().claim("roles", r#"["admin"]"#).claim("iss", &quoted(OTHER)));
    for _ in 0..2 {
        assert!(verify(&auth, &one).unwrap().has_role("admin"));
        assert!(!verify(&auth, &two).unwrap().has_role("admin"));
    }
}

#[test]
fn is39_what_is_said_of_the_object_in_a_file_binds_every_issuer() {
    let file = serde_json::json!({
        "issuer_url": ISSUER, "audience": AUDIENCE, "static_jwks": set_of(&RSA),
        "require_at_jwt": true, "required_claims": ["email"], "max_token_lifetime_seconds": 3600,
        "issuers": [
            {"issuer_url": OTHER, "audience": "other-api", "static_jwks": set_of(&EC), "grants": "everything"},
        ],
    });
    let settings: Settings = serde_json::from_value(file).unwrap();
    let auth = RampartAuthBuilder::from(settings).clock(|| at(Duration::from_secs(NOW))).build().unwrap();
    for draft in [first, second] {
        let fits = || {
            let draft = draft().header("typ", r#""at+jwt""#).claim("email", r#""a@b.example""#);
            draft.claim("exp", &(NOW + 3600).to_string())
        };
        assert!(verify(&auth, &fits()).is_ok());
        assert_eq!(verify(&auth, &fits().header("typ", r#""JWT""#)).unwrap_err(), AuthError::InvalidToken);
        assert_eq!(verify(&auth, &fits().without("email")).unwrap_err(), AuthError::missing_claim("email"));
        let long = fits().claim("exp", &(NOW + 3606).to_string());
        assert_eq!(verify(&auth, &long).unwrap_err(), AuthError::InvalidToken);
    }
}

#[test]
fn is31_bad_token_of_one_of_a_hundred_issuers_is_one_line() {
    let further = |number| {
        let name = format!("https://{number}.partners.example");
        Issuer::new(name, "other-api").static_jwks(set_of(&EC)).grants(Grants::nothing())
    };
    let auth = (0..98).map(further).fold(builder(other()), RampartAuthBuilder::issuer).build().unwrap();
    log::clear();
    let forged = by(&RSA).claim("iss", r#""https://42.partners.example""#).claim("aud", r#""other-api""#);
    assert_eq!(verify(&auth, &forged).unwrap_err(), AuthError::InvalidToken);
    assert_eq!(log::take().len(), 1);
    // However long and whatever its signs, the name of a stranger is a short line.
    let strange = format!("https://evil.example/\u{202e}{}", "é".repeat(400));
    let auth = builder(other()).build().unwrap();
    assert_eq!(verify(&auth, &first().claim("iss", &quoted(&strange))).unwrap_err(), AuthError::InvalidToken);
    let line = log::take().pop().unwrap().text;
    assert!(line.contains(r"\u{202e}") && line.chars().count() < 400, "{line}");
    assert!(!line.contains(log::misleads));
}
