//! What the operator reads when a token is refused: the level, the rule, a reason that says what to do, the key ID.

use crate::common::log::{self, Record};
use crate::common::{
    AUTH, Auth, Draft, EC, EC_384, KEYS, NOW, RSA, SignWith, base64url, builder, jwk_with, key_set, parts, ready, sign,
};
use std::time::Duration;

use rampart_core::{Algorithm, KeySet, RampartAuth};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use tracing::Level;

/// The one line that is logged for the token.
fn line(auth: &Auth, token: &str) -> Record {
    log::clear();
    ready(auth.uncached.verify(token)).unwrap_err();
    let mut records = log::take();
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

#[test]
fn refused_token_is_one_line_with_its_level_rule_reason_and_key_id() {
    let good = Draft::good;
    let payload = good().payload.to_json();
    let cases: [(&str, String, Level, &str, &str); 26] = [
        ("not a token", "abc".into(), Level::INFO, "V2", "the token does not have exactly three parts"),
        ("alg none", good().header("alg", r#""none""#).sign(), Level::INFO, "V3", "alg is none of the supported"),
        ("alg HS256", good().header("alg", r#""HS256""#).sign(), Level::INFO, "V3", "alg is none of the supported"),
        ("alg on request", Draft::by(&RSA).with(SignWith::PS256).sign(), Level::INFO, "V3", "name it in algorithms"),
        ("crit", good().header("crit", r#"["exp"]"#).sign(), Level::INFO, "V3", "crit is present"),
        ("typ", good().header("typ", r#""logout+jwt""#).sign(), Level::INFO, "V3", "typ is neither JWT nor at+jwt"),
        ("kid of nobody", good().header("kid", r#""gone""#).sign(), Level::INFO, "V4", r#"kid="gone""#),
        ("kid of another", Draft::by(&EC_384).header("kid", r#""ec-1""#).sign(), Level::INFO, "V4", r#"kid="ec-1""#),
        ("forged", tampered(&good().sign()), Level::INFO, "V5", r#"the signature does not hold kid="ec-1""#),
        ("not JSON", sign(good().header.to_json(), "x", &EC), Level::INFO, "V6", "the payload is not a JSON object"),
        ("no aud", good().without("aud").sign(), Level::INFO, "V6b", "claim=aud"),
        ("aud null", good().claim("aud", "null").sign(), Level::INFO, "V6b", "claim=aud"),
        ("no iss", good().without("iss").sign(), Level::INFO, "V7", "iss is missing or not a string"),
        (
            "iss",
            good().claim("iss", r#""https://else.example""#).sign(),
            Level::INFO,
            "V7",
            "issuer=https://issuer.example/",
        ),
        (
            "slash",
            good().claim("iss", r#""https://issuer.example""#).sign(),
            Level::INFO,
            "V7",
            "only by a trailing slash",
        ),
        ("aud", good().claim("aud", r#""web""#).sign(), Level::INFO, "V8", r#"accepted=["https://api.example"]"#),
        ("expired", good().claim("exp", &(NOW - 60).to_string()).sign(), Level::DEBUG, "V9", "exp has passed"),
        ("exp", good().claim("exp", r#""1""#).sign(), Level::INFO, "V9", "exp is not a number"),
        ("iat", good().claim("iat", "true").sign(), Level::INFO, "V9", "iat is not a number"),
        ("nbf", good().claim("nbf", "-1").sign(), Level::INFO, "V9", "nbf is not a number"),
        ("early", good().claim("nbf", &(NOW + 60).to_string()).sign(), Level::INFO, "V9", "nbf has not come yet"),
        ("sub", good().claim("sub", "1").sign(), Level::INFO, "V10", "sub is not a non-empty string"),
        ("roles", good().claim("roles", "1").sign(), Level::INFO, "V11", "the roles are neither"),
        ("scope", good().claim("scope", "1").sign(), Level::INFO, "V11", "the scopes are neither"),
        (
            "refresh token",
            good().claim("token_type", r#""refresh""#).sign(),
            Level::INFO,
            "V12",
            "this is a refresh token",
        ),
        ("ID token", good().claim("at_hash", r#""x""#).sign(), Level::INFO, "V12", "this is an ID token"),
    ];
    assert!(payload.contains("user-1"));
    for (id, token, level, rule, says) in cases {
        let Record { level: own, rule: by, text } = line(&AUTH, &token);
        assert_eq!((own, by.as_deref()), (level, Some(rule)), "{id}: {text}");
        assert!(text.starts_with("rampart ") && text.contains("message=access token refused"), "{id}: {text}");
        assert!(text.contains(says), "{id}: {text}");
        assert!(!text.contains("user-1"), "{id}: a claim is in the log: {text}");
        // From the choice of the key on, the line names it.
        let names_key = ["V4", "V5", "V6", "V6b", "V7", "V8", "V9", "V10", "V11", "V12"].contains(&rule);
        assert_eq!(text.contains("kid="), names_key, "{id}: {text}");
    }
}

/// F11: what Auth0 gives where no API was named is encrypted, for itself alone.
#[test]
fn encrypted_token_is_told_as_such_with_the_way_to_a_signed_one() {
    let part = |text: &str| base64url(text);
    let direct = part(r#"{"alg":"dir","enc":"A256GCM","iss":"https://shop.eu.auth0.com/"}"#);
    let wrapped = part(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    let says = "why=the token is encrypted (five parts): ask the issuer for a signed one; \
                with Auth0, request the audience of this API";
    for (id, token) in [
        ("no encrypted key", format!("{direct}..{0}.{0}.{0}", part("0123456789ab"))),
        ("with one", format!("{wrapped}.{0}.{0}.{0}.{0}", part("0123456789ab"))),
    ] {
        let Record { level, rule, text } = line(&AUTH, &token);
        assert_eq!((level, rule.as_deref()), (Level::INFO, Some("V2")), "{id}");
        assert!(text.contains(says), "{id}: {text}");
        log::clear();
        KEYS.verify(&token, &[Algorithm::ES256]).unwrap_err();
        assert!(log::take()[0].text.contains(says), "{id}: the signature layer alone");
    }
    let token = Draft::good().sign();
    let [header, payload, signature] = parts(&token);
    for (id, token, says) in [
        ("four", format!("{token}.{signature}"), "does not have exactly three parts"),
        ("six", format!("{token}.{token}"), "does not have exactly three parts"),
        ("two", format!("{header}.{payload}"), "does not have exactly three parts"),
        ("empty payload", format!("{header}..{signature}"), "a part of the token is empty"),
        ("padding", format!("{header}.{payload}=.{signature}"), "is not strict base64url"),
    ] {
        let text = line(&AUTH, &token).text;
        assert!(text.contains(says), "{id}: {text}");
    }
}

#[test]
fn required_claim_is_named() {
    let auth = Auth::new(|builder| builder.required_claims(["email"]));
    let Record { level, rule, text } = line(&auth, &Draft::good().sign());
    assert_eq!((level, rule.as_deref()), (Level::INFO, Some("V10")));
    assert!(text.contains("claim=email") && text.contains("a required claim is missing"), "{text}");
}

/// What the log advises must not disarm the API: whose token it is, and of what kind, is not for a setting to overlook.
#[test]
fn cl04_log_names_no_setting_for_a_foreign_audience_or_another_kind_of_token() {
    let standing_in = Auth::new(|builder| builder.audience_claim("/azp"));
    let foreign = Draft::good().claim("azp", r#""https://api.example""#).claim("aud", r#""web""#);
    let silent = || Draft::good().without("aud");
    let cases = [
        (&*AUTH, "a foreign aud", foreign.clone(), "aud holds no accepted audience"),
        (&standing_in, "beside what could stand in", foreign, "why=aud holds no accepted audience"),
        (
            &standing_in,
            "what stands in",
            silent().claim("azp", r#""web""#),
            "why=what stands in for aud holds no accepted audience accepted=[\"https://api.example\"] says=[\"web\"] kid=",
        ),
        (&standing_in, "a number stands in", silent().claim("azp", "1"), "why=what stands in for aud is neither"),
        (&*AUTH, "an ID token", Draft::good().claim("at_hash", r#""x""#), "this is an ID token"),
        (&*AUTH, "one by its nonce", Draft::good().header("typ", r#""JWT""#).claim("nonce", "1"), "as in an ID token"),
        (&*AUTH, "one by its typ", Draft::good().claim("typ", r#""ID""#), "this is an ID token"),
        (
            &*AUTH,
            "one by its use",
            Draft::good().claim("token_use", r#""id""#),
            "token_use says that this is an ID token",
        ),
        (&*AUTH, "a refresh token", Draft::good().claim("typ", r#""Refresh""#), "this is a refresh token"),
        (&*AUTH, "an offline token", Draft::good().claim("typ", r#""Offline""#), "this is a refresh token"),
        (&*AUTH, "a logout token", Draft::good().claim("typ", r#""Logout""#), "this is a logout token"),
        (&*AUTH, "one by its events", Draft::good().claim("events", "{}"), "this is a logout token"),
    ];
    for (auth, id, draft, says) in cases {
        let text = line(auth, &draft.sign()).text;
        assert!(text.contains(says), "{id}: {text}");
        for setting in ["audience_claim", "audiences(", "insecure", "aliases", "ignore_mark", "accept_id_tokens"] {
            assert!(!text.contains(setting), "{id}: {text}");
        }
    }
}

#[test]
fn audience_that_is_not_accepted_comes_with_a_hint_of_what_rampart_writes_there() {
    let with = |aud: &str| line(&AUTH, &Draft::good().claim("aud", aud).sign());
    let hint = " hint=with Rampart, aud is the client ID of the front end, or the issuer's URL after a direct login \
                or a renewal: accept each that you serve kid=";
    for aud in [r#""web-app""#, r#"["web-app"]"#, r#"["https://issuer.example/"]"#, "[]"] {
        let Record { level, rule, text } = with(aud);
        assert_eq!((level, rule.as_deref()), (Level::INFO, Some("V8")));
        assert!(
            text.contains("why=aud holds no accepted audience accepted=[\"https://api.example\"] says="),
            "{aud}: {text}"
        );
        assert!(text.contains(hint), "{aud}: {text}");
    }
    for aud in ["1", "[1]"] {
        let Record { rule, text, .. } = with(aud);
        assert_eq!(rule.as_deref(), Some("V8"));
        assert!(!text.contains("hint="), "{aud}: {text}");
    }
}

/// F17: by then the token is authentic, and whoever has to find the mistake needs both values.
#[test]
fn f17_issuer_and_audiences_of_an_authentic_token_are_shown_escaped_and_shortened() {
    let says = |claim: &str, value: &str| line(&AUTH, &Draft::good().claim(claim, value).sign()).text;
    let elsewhere = says("iss", r#""https://else.example""#);
    assert!(
        elsewhere.contains(r#"says="https://else.example" kid="ec-1" issuer=https://issuer.example/"#),
        "{elsewhere}"
    );
    for (aud, shown) in [(r#""web""#, r#"["web"]"#), (r#"["web","mobile"]"#, r#"["web", "mobile"]"#), ("[]", "[]")] {
        let text = says("aud", aud);
        assert!(text.contains(&format!(r#"accepted=["https://api.example"] says={shown} hint="#)), "{aud}: {text}");
    }
    // What could forge or disguise a line.
    for claim in ["iss", "aud"] {
        let text = says(claim, r#""a\u000a\u001b[31m\u202eb\u200f""#);
        assert!(text.contains(r"a\n\u{1b}[31m\u{202e}b\u{200f}") && !text.contains(log::misleads), "{claim}: {text:?}");
        let text = says(claim, &format!(r#""{}""#, "x".repeat(5000)));
        assert!(text.contains(&"x".repeat(190)) && !text.contains(&"x".repeat(201)) && text.len() < 700, "{claim}");
    }
    // Of another type there is nothing to compare.
    assert!(!says("iss", "1").contains("says=") && !says("aud", "1").contains("says="));
}

/// F17: of a token that nobody has verified, nothing but its key ID.
#[test]
fn f17_unverified_token_is_not_quoted() {
    let forged = |claim: &str| tampered(&Draft::good().claim(claim, r#""https://else.example""#).sign());
    let cold = RampartAuth::builder("https://issuer.example/", "https://api.example")
        .jwks_url("http://127.0.0.1:9/")
        .require_claim("/azp", ["web"])
        .clock(|| std::time::UNIX_EPOCH + Duration::from_secs(NOW))
        .build()
        .unwrap();
    log::clear();
    ready(cold.verify(&Draft::good().claim("azp", r#""https://else.example""#).sign())).unwrap_err();
    let text = &log::take()[0].text;
    assert!(text.contains("rule=V10") && !text.contains("else.example") && !text.contains("says="), "{text}");
    for claim in ["iss", "aud"] {
        let text = line(&AUTH, &forged(claim)).text;
        assert!(text.contains("rule=V5") && !text.contains("else.example"), "{text}");
        log::clear();
        ready(cold.verify(&forged(claim))).unwrap_err();
        let text = &log::take()[0].text;
        assert!(["rule=V7", "rule=V8"].iter().any(|rule| text.contains(rule)), "{text}");
        assert!(!text.contains("else.example") && !text.contains("says="), "{text}");
    }
}

/// F16.
#[test]
fn f16_values_that_differ_in_their_spelling_alone_come_with_a_hint() {
    let cases = [
        ("https://api.example/v1", "https://api.example/v1/", Some("only by a trailing slash")),
        ("https://api.example/v1/", "https://api.example/v1", Some("only by a trailing slash")),
        ("https://API.example/v1", "https://api.example/v1", Some("only by the case of its host")),
        ("http://api.example/v1", "https://api.example/v1", Some("http or https")),
        ("HTTPS://api.example/v1/", "https://Api.Example/v1", Some("only by the case of its host")),
        ("https://api.example/V1", "https://api.example/v1", None),
        ("https://api.example:8443/v1", "https://api.example/v1", None),
        ("https://api.example.org/v1", "https://api.example/v1", None),
        ("https://api.example/v1/x", "https://api.example/v1", None),
        ("api://example", "API://example", None),
        ("api", "api/", Some("only by a trailing slash")),
    ];
    for (token, configured, says) in cases {
        let iss = line(&Auth::of(configured, "a"), &Draft::good().claim("iss", &format!("{token:?}")).sign()).text;
        assert!(iss.contains("rule=V7"), "{iss}");
        assert_eq!(iss.contains("differs from"), says.is_some(), "{token}: {iss}");
        let ours = Draft::good().claim("aud", &format!(r#"["other",{token:?}]"#)).sign();
        let aud = line(&Auth::of("https://issuer.example/", configured), &ours).text;
        assert!(aud.contains("rule=V8"), "{aud}");
        assert_eq!(aud.contains("differs from"), says.is_some(), "{token}: {aud}");
        assert_eq!(aud.contains("hint=with Rampart"), says.is_none(), "{token}: {aud}");
        for text in [iss, aud] {
            assert!(says.is_none_or(|says| text.contains(says)), "{token}: {text}");
        }
    }
}

#[test]
fn signature_layer_logs_in_the_same_way() {
    log::clear();
    KEYS.verify(&tampered(&Draft::good().sign()), &[Algorithm::ES256]).unwrap_err();
    let [Record { level, rule, text }] = &*log::take() else { panic!("not one line") };
    assert_eq!((*level, rule.as_deref()), (Level::INFO, Some("V5")));
    assert!(text.contains("message=signature refused") && text.ends_with(r#" kid="ec-1""#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn token_that_too_many_keys_fit_is_a_warning_once_a_minute() {
    let keys: Vec<_> = (0..5).map(|at| jwk_with(&EC, "kid", format!("ec-{at}"))).collect();
    let auth = Auth::with_keys(&keys);
    let alone = KeySet::from_json(&key_set(&keys)).unwrap();
    let garbage = tampered(&Draft::good().without_header("kid").sign());
    let lines = async |tokens: usize| {
        log::clear();
        for _ in 0..tokens {
            auth.uncached.verify(&garbage).await.unwrap_err();
        }
        let records = log::take();
        let of = |level: Level| records.iter().filter(|record| record.level == level).count();
        (of(Level::WARN), of(Level::INFO))
    };
    assert_eq!(lines(100).await, (1, 100), "each refusal is told, and once what the issuer should mend");
    tokio::time::advance(Duration::from_millis(59_999)).await;
    assert_eq!(lines(10).await, (0, 10));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(lines(10).await, (1, 10));
    log::clear();
    alone.verify(&garbage, &[Algorithm::ES256]).unwrap_err();
    alone.clone().verify(&garbage, &[Algorithm::ES256]).unwrap_err();
    let levels: Vec<_> = log::take().iter().map(|record| record.level).collect();
    assert_eq!(levels, [Level::WARN, Level::INFO, Level::INFO], "another set tells it for itself");
}

/// The minute is that of the issuer, not of the set.
#[tokio::test]
async fn new_set_does_not_repeat_the_warning() {
    let issuer = LocalIssuer::builder().algorithm(SignWith::ES256).start().await.unwrap();
    for _ in 0..4 {
        issuer.add_key(SignWith::ES256).unwrap();
    }
    let auth = RampartAuth::builder(issuer.url(), issuer.audience()).token_cache_bytes(0).build().unwrap();
    auth.warm_up().await.unwrap();
    let garbage = tampered(&issuer.token().without_header("kid").sign().unwrap());
    let warnings = async || {
        log::clear();
        auth.verify(&garbage).await.unwrap_err();
        log::take().iter().filter(|record| record.level == Level::WARN).count()
    };
    assert_eq!(warnings().await, 1);
    issuer.add_key(SignWith::ES256).unwrap();
    auth.refresh_keys().await.unwrap();
    assert_eq!((warnings().await, auth.health().keys), (0, 6));
}

#[test]
fn good_token_is_no_line_at_all() {
    let auth = builder().build().unwrap();
    log::clear();
    ready(auth.verify(&Draft::good().sign())).unwrap();
    assert!(log::take().is_empty());
}

#[tokio::test]
async fn failed_fetch_is_a_warning_with_the_address_the_error_and_the_wait() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.inject(Endpoint::Jwks, Fault::status(404));
    let jwks_url = format!("{}?key=c2VjcmV0", issuer.jwks_url());
    let auth = RampartAuth::builder(issuer.url(), issuer.audience()).jwks_url(jwks_url).build().unwrap();
    log::clear();
    auth.verify(&issuer.token().sign().unwrap()).await.unwrap_err();
    let warnings: Vec<Record> = log::take().into_iter().filter(|record| record.level == Level::WARN).collect();
    let [Record { text, .. }] = warnings.as_slice() else { panic!("{warnings:?}") };
    let says = format!("url={} error=the issuer answered with status 404; leave out jwks_url(..),", issuer.jwks_url());
    assert!(text.contains("message=the issuer's keys could not be fetched") && text.contains(&says), "{text}");
}

/// The same token with another signature of the same length.
fn tampered(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let replacement = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{replacement}{}", &signature[1..])
}

/// What the token says, and the setting by which it would pass without anything being checked less.
#[test]
fn setting_that_would_admit_a_token_without_loosening_anything_is_named() {
    let good = Draft::good;
    let client = || good().claim("client_id", r#""shop\n\"web""#).claim("azp", r#""other""#);
    let no_aud = r#"hint=no aud; the token's client_id is "shop\n\"web": if the audience of this issuer stands there, set audience_claim"#;
    let no_sub = r#"hint=no sub; the token's client_id is "shop\n\"web": if it speaks for that client and no user, set subject_claim"#;
    let no_iat = "hint=no iat: if the tokens of this issuer have none, set issued_at_optional";
    for (token, rule, hint) in [
        (client().without("aud"), "V6b", no_aud),
        (client().without("sub"), "V6b", no_sub),
        (client().claim("sub", r#""""#), "V10", no_sub),
        (
            good().without("sub").claim("common_name", r#""a.access""#),
            "V6b",
            r#"the token's common_name is "a.access":"#,
        ),
        (good().without("iat"), "V6b", no_iat),
    ] {
        let Record { rule: by, text, .. } = line(&AUTH, &token.sign());
        assert_eq!(by.as_deref(), Some(rule), "{text}");
        assert!(text.contains(hint) && text.contains("issuer=https://issuer.example/"), "{text}");
    }
    // Nothing is known of these, they are of another kind, or nothing is authentic.
    for token in [
        good().without("aud").sign(),
        good().without("aud").claim("common_name", r#""shop""#).sign(),
        good().without("sub").sign(),
        good().without("exp").sign(),
        good().claim("sub", "1").claim("client_id", r#""shop""#).sign(),
        client().without("aud").claim("typ", r#""Refresh""#).sign(),
        client().without("sub").claim("at_hash", r#""x""#).sign(),
        good().without("iat").claim("token_use", r#""id""#).sign(),
        tampered(&client().without("aud").sign()),
    ] {
        let Record { text, .. } = line(&AUTH, &token);
        assert!(!text.contains("hint") || text.contains("rule=V5"), "{text}");
        assert!(!text.contains("_claim") && !text.contains("optional") && !text.contains("shop"), "{text}");
    }
    // Where the setting has been made already, it is not named again.
    let set = Auth::new(|builder| builder.audience_claim("/client_id").subject_claim("/client_id"));
    let client = || good().claim("azp", r#""shop""#);
    for token in [client().without("aud").sign(), client().without("sub").sign()] {
        let text = line(&set, &token).text;
        assert!(text.contains("rule=V6b") && !text.contains("hint="), "{text}");
    }
}

/// V11: what stands there is another thing than looked for, so that it may be looked for in another place or way.
#[test]
fn roles_and_scopes_that_cannot_be_read_come_with_the_setting_that_says_where_they_are() {
    let by_names = Auth::new(|builder| builder.roles_from_names("/roles"));
    let by_ways = Auth::new(|builder| builder.roles_claims(["/realm/roles"]).permissions_claim("/permissions"));
    let roles_elsewhere = "hint=if the roles of this issuer stand elsewhere, say where in roles_claims";
    let names_elsewhere = "hint=if the roles of this issuer stand elsewhere, say where in roles_from_names, or in roles_claims if they are a list";
    for (auth, claim, value, hint) in [
        (&*AUTH, "roles", "1", roles_elsewhere),
        (
            &AUTH,
            "roles",
            r#"{"admin": {}}"#,
            "hint=if the roles of this issuer are the names of that object's members, set roles_from_names; if they stand elsewhere",
        ),
        (&AUTH, "scope", "1", "hint=if the scopes of this issuer stand elsewhere, say where in scope_claim"),
        (&by_names, "roles", r#"["admin"]"#, names_elsewhere),
        (
            &by_ways,
            "realm",
            "1",
            "hint=say where they stand in the tokens of this issuer: in roles_claims, scope_claim",
        ),
        (&by_ways, "permissions", "1", "hint=if the permissions stand elsewhere, say where in permissions_claim"),
    ] {
        let Record { rule, text, .. } = line(auth, &Draft::good().claim(claim, value).sign());
        assert_eq!(rule.as_deref(), Some("V11"), "{text}");
        assert!(text.contains(hint) && !text.contains("admin"), "{text}");
    }
}

/// V9: whose clock is wrong is told by the two together.
#[test]
fn date_that_has_not_come_is_shown_beside_the_clock() {
    let auth = Auth::new(|builder| builder.max_token_lifetime(Duration::from_secs(600)));
    for (claim, date) in [("nbf", NOW + 60), ("iat", NOW + 60), ("exp", NOW + 86_400)] {
        let token = Draft::good().claim(claim, &date.to_string()).sign();
        let Record { rule, text, .. } = line(&auth, &token);
        assert_eq!(rule.as_deref(), Some("V9"), "{text}");
        assert!(text.contains(&format!("says={claim}: {date}, now: {NOW} ")), "{text}");
        let text = line(&auth, &tampered(&token)).text;
        assert!(text.contains("rule=V5") && !text.contains(&date.to_string()), "{text}");
    }
}
