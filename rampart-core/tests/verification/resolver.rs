//! Issuers that are known only at run time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rampart_core::{AuthError, Claims, Event, Grants, Issuer, RampartAuth, RampartAuthBuilder};
use rampart_issuer::SigningKey;

use crate::common::log;
use crate::common::{AUDIENCE, Draft, EC, ISSUER, NOW, RSA, at, jwk_with, key_set, quoted, ready};
use crate::threads::ask_around;

const TENANT: &str = "https://a.tenants.example";

fn set_of(key: &SigningKey) -> String {
    key_set([jwk_with(key, "kid", "k1")])
}

fn token_of(key: &SigningKey, iss: &str) -> Draft {
    let draft = Draft::by(key).header("kid", r#""k1""#).claim("iss", &quoted(iss)).claim("aud", r#""tenant-api""#);
    draft.claim("roles", r#"["admin"]"#).claim("scope", r#""tasks:write""#)
}

fn tenant(iss: &str) -> Issuer {
    Issuer::new(iss, "tenant-api").static_jwks(set_of(&EC))
}

fn verify(auth: &RampartAuth, draft: &Draft) -> Result<Arc<Claims>, AuthError> {
    ready(auth.verify(&draft.sign()))
}

/// What the resolver says, and how often it was asked.
#[derive(Clone, Default)]
struct Tenants {
    issuers: Arc<Mutex<HashMap<String, Issuer>>>,
    asked: Arc<AtomicUsize>,
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Tenants {
    fn set(&self, iss: &str, issuer: Option<Issuer>) {
        match issuer {
            Some(issuer) => drop(self.issuers.lock().insert(iss.into(), issuer)),
            None => drop(self.issuers.lock().remove(iss)),
        }
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.complaints.lock())
    }

    fn builder(&self) -> RampartAuthBuilder {
        let (tenants, told) = (self.clone(), self.clone());
        RampartAuth::builder(ISSUER, AUDIENCE)
            .static_jwks(set_of(&RSA))
            .aliases(["https://alias.example"])
            .issuers(move |iss: &str| {
                tenants.asked.fetch_add(1, Ordering::Relaxed);
                tenants.issuers.lock().get(iss).cloned()
            })
            .on_event(move |event| {
                if let Event::ResolverMisused { problem, .. } = event {
                    told.complaints.lock().push((*problem).to_owned());
                }
            })
            .clock(|| at(Duration::from_secs(NOW)))
            .__apart_from_others()
    }
}

fn world() -> (Tenants, RampartAuth) {
    let tenants = Tenants::default();
    tenants.set(TENANT, Some(tenant(TENANT)));
    let auth = tenants.builder().build().unwrap();
    (tenants, auth)
}

#[test]
fn token_of_a_tenant_is_judged_by_what_the_resolver_says() {
    let (tenants, auth) = world();
    for _ in 0..3 {
        let claims = verify(&auth, &token_of(&EC, TENANT)).unwrap();
        assert_eq!(claims.iss, TENANT);
        // is33: what nobody has granted is not granted.
        assert!(claims.roles.is_empty() && claims.scope.is_empty());
    }
    assert_eq!(tenants.asked(), 1, "its word holds");
    assert!(verify(&auth, &Draft::by(&RSA).header("kid", r#""k1""#)).is_ok());
    assert_eq!(tenants.asked(), 0, "the fixed list comes first");
    let forged = token_of(&RSA, TENANT);
    assert_eq!(verify(&auth, &forged).unwrap_err(), AuthError::InvalidToken);
    let granted = "https://b.tenants.example";
    tenants.set(granted, Some(tenant(granted).grants(Grants::roles(["admin"]))));
    let claims = verify(&auth, &token_of(&EC, granted)).unwrap();
    assert!(claims.has_role("admin") && !claims.has_scope("tasks:write"));
}

#[test]
fn resolver_alone_is_enough() {
    let auth = RampartAuth::builder_of(|iss: &str| (iss == TENANT).then(|| tenant(TENANT)))
        .clock(|| at(Duration::from_secs(NOW)))
        .build()
        .unwrap();
    assert!(verify(&auth, &token_of(&EC, TENANT)).is_ok());
    assert_eq!(verify(&auth, &token_of(&EC, "https://else.example")).unwrap_err(), AuthError::InvalidToken);
    // A resolver's issuers never count; but where there are no others, nobody would ever send the first token.
    assert!(auth.health().is_ready() && auth.issuers().is_empty());
    let error = RampartAuth::builder_of(|_: &str| None).max_issuers(0).build().unwrap_err();
    assert_eq!(error.field(), "max_issuers");
}

#[tokio::test(start_paused = true)]
async fn is38_issuer_that_the_resolver_no_longer_names_is_gone_within_a_minute() {
    let (tenants, auth) = world();
    let token = token_of(&EC, TENANT).sign();
    assert!(ready(auth.verify(&token)).is_ok());
    tenants.set(TENANT, None);
    tokio::time::advance(Duration::from_millis(59_999)).await;
    assert!(ready(auth.verify(&token)).is_ok());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(ready(auth.verify(&token)).unwrap_err(), AuthError::InvalidToken, "the cached one too");
    assert_eq!(tenants.asked(), 2);
    assert_eq!(ready(auth.verify(&token)).unwrap_err(), AuthError::InvalidToken);
    assert_eq!(tenants.asked(), 1, "a no is not remembered");
}

#[tokio::test(start_paused = true)]
async fn is16_another_definition_begins_anew_and_the_same_goes_on() {
    let (tenants, auth) = world();
    let token = token_of(&EC, TENANT).sign();
    let first = ready(auth.verify(&token)).unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(Arc::ptr_eq(&first, &ready(auth.verify(&token)).unwrap()), "the same definition: the cached token goes on");
    assert_eq!(tenants.asked(), 2);

    tenants.set(TENANT, Some(Issuer::new(TENANT, "other-api").static_jwks(set_of(&EC))));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(ready(auth.verify(&token)).unwrap_err(), AuthError::InvalidToken, "another audience");
    tenants.set(TENANT, Some(Issuer::new(TENANT, "tenant-api").static_jwks(set_of(&RSA))));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(ready(auth.verify(&token)).unwrap_err(), AuthError::InvalidToken, "other keys");
    assert!(verify(&auth, &token_of(&RSA, TENANT)).is_ok());
    let auth = tenants.builder().issuers_expire_after(Duration::from_secs(1)).build().unwrap();
    assert!(verify(&auth, &token_of(&RSA, TENANT)).is_ok());
    tenants.set(TENANT, None);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(verify(&auth, &token_of(&RSA, TENANT)).is_err());
}

#[test]
fn is15_token_that_many_threads_share_goes_with_its_issuer() {
    let (tenants, auth) = world();
    let token = token_of(&EC, TENANT).sign();
    let ask = || ready(auth.verify(&token)).map(drop);
    let forget = || {
        tenants.set(TENANT, None);
        assert_eq!(auth.forget_issuer(TENANT), Ok(true));
    };
    ask_around(forget, || assert_eq!(ask(), Ok(())), || assert_eq!(ask(), Err(AuthError::InvalidToken)));
    // Another one of that name, with other rules: what was verified by the old ones does not count.
    let other = Issuer::new(TENANT, "other-api").static_jwks(set_of(&EC));
    tenants.set(TENANT, Some(tenant(TENANT)));
    let replace = || {
        tenants.set(TENANT, Some(other));
        assert_eq!(auth.forget_issuer(TENANT), Ok(true));
    };
    ask_around(replace, || assert_eq!(ask(), Ok(())), || assert_eq!(ask(), Err(AuthError::InvalidToken)));
}

#[test]
fn is15_forgotten_issuer_is_asked_for_again_at_once() {
    let (tenants, auth) = world();
    let token = token_of(&EC, TENANT).sign();
    let first = ready(auth.verify(&token)).unwrap();
    assert_eq!(auth.forget_issuer(TENANT), Ok(true));
    let again = ready(auth.verify(&token)).unwrap();
    assert!(first.sub.as_ptr() != again.sub.as_ptr(), "verified anew");
    assert_eq!(tenants.asked(), 2);
    tenants.set(TENANT, None);
    assert_eq!(auth.forget_issuer(TENANT), Ok(true));
    let value = format!("Bearer {token}");
    let optional = auth.authenticate_optional([&value]).now().unwrap();
    assert_eq!(optional.unwrap_err(), AuthError::InvalidToken, "is10: never anonymous");
    assert_eq!(auth.forget_issuer(TENANT), Ok(false));
    for fixed in [ISSUER, "https://alias.example"] {
        assert_eq!(auth.forget_issuer(fixed).unwrap_err().field(), "issuers");
    }
}

#[test]
fn is15_resolver_that_answers_before_somebody_forgets_is_asked_again() {
    let (auth, calls) = {
        let calls = Arc::new(AtomicUsize::new(0));
        let holder: Arc<Mutex<Option<RampartAuth>>> = Arc::default();
        let (count, inner) = (Arc::clone(&calls), Arc::clone(&holder));
        let auth = RampartAuth::builder_of(move |iss: &str| {
            // The answer is on its way when the issuer is closed.
            (count.fetch_add(1, Ordering::Relaxed) == 0).then(|| {
                let auth = inner.lock().clone().unwrap();
                assert_eq!(auth.forget_issuer(iss), Ok(false));
                tenant(iss)
            })
        })
        .clock(|| at(Duration::from_secs(NOW)))
        .build()
        .unwrap();
        *holder.lock() = Some(auth.clone());
        (auth, calls)
    };
    assert_eq!(verify(&auth, &token_of(&EC, TENANT)).unwrap_err(), AuthError::InvalidToken);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn is22_name_that_no_issuer_has_does_not_reach_the_resolver() {
    let (tenants, auth) = world();
    for iss in [
        "a".repeat(1025),
        format!("{TENANT}\u{7}"),
        format!("{TENANT}\n"),
        "https://user@a.tenants.example".into(),
        format!("{TENANT}?a=b"),
        format!("{TENANT}#a"),
        "javascript:alert(1)".into(),
        "file:///etc/passwd".into(),
        r"https:\\a.tenants.example".into(),
        "https:a.tenants.example".into(),
        String::new(),
    ] {
        tenants.set(&iss, Some(tenant(&iss)));
        assert_eq!(verify(&auth, &token_of(&EC, &iss)).unwrap_err(), AuthError::InvalidToken, "{iss:?}");
        assert_eq!(tenants.asked(), 0, "{iss:?}");
    }
    // A name that is no URL may well be one.
    tenants.set("acme", Some(tenant("acme")));
    assert_eq!(verify(&auth, &token_of(&EC, "acme")).unwrap().iss, "acme");
}

#[test]
fn is23_resolver_that_is_misused_is_told_so() {
    let (tenants, auth) = world();
    let asked = "https://c.tenants.example";
    let cases = [
        ("another name", Issuer::new(TENANT, "tenant-api").static_jwks(set_of(&EC))),
        ("the asked one as an alias", tenant(TENANT).aliases([asked])),
        ("is37: an alias of the fixed list", tenant(asked).aliases(["https://alias.example"])),
        ("is37: the name of the fixed list as an alias", tenant(asked).aliases([ISSUER])),
    ];
    for (id, issuer) in cases {
        tenants.set(asked, Some(issuer));
        assert_eq!(verify(&auth, &token_of(&EC, asked)).unwrap_err(), AuthError::InvalidToken, "{id}");
        assert_eq!(tenants.complaints().len(), 1, "{id}");
    }
    tenants.set(asked, Some(tenant(asked).algorithms([])));
    let unusable = verify(&auth, &token_of(&EC, asked)).unwrap_err();
    assert_eq!(unusable.status(), 503, "the operator's mistake is no fault of the token's");
    let told = tenants.complaints();
    assert!(told.len() == 1 && told[0].starts_with("algorithms: "), "{told:?}");
    assert!(verify(&auth, &token_of(&EC, TENANT)).is_ok());
}

/// A closure that panics for some names, which anybody can send: no request panics, and neither the log nor whoever counts answers of 503
/// hears of each.
#[test]
fn is23_panic_of_the_resolver_is_no_outage() {
    let told = Arc::new(AtomicUsize::new(0));
    let heard = Arc::clone(&told);
    let resolver = |iss: &str| -> Option<Issuer> {
        assert_eq!(iss, TENANT, "a bug");
        Some(tenant(iss))
    };
    let auth = RampartAuth::builder_of(resolver)
        .on_event(move |event| {
            if let Event::ResolverMisused { .. } = event {
                heard.fetch_add(1, Ordering::Relaxed);
            }
        })
        .clock(|| at(Duration::from_secs(NOW)))
        .__apart_from_others()
        .build()
        .unwrap();
    let stranger = token_of(&EC, "https://c.tenants.example").sign();
    let started = Instant::now();
    log::clear();
    let verdicts: Vec<_> = (0..500).map(|_| ready(auth.verify(&stranger)).unwrap_err()).collect();
    let lines = log::take();
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    let unavailable = verdicts.iter().filter(|error| error.status() == 503).count();
    assert!((10..=10 * seconds).contains(&unavailable), "{unavailable} of 503 in {seconds} s");
    assert!(verdicts.iter().all(|error| error.status() == 503 || *error == AuthError::InvalidToken));
    assert_eq!(told.load(Ordering::Relaxed), 500);
    let about_it = lines.iter().filter(|line| line.text.contains("misused")).count();
    assert!((1..=seconds + 1).contains(&about_it), "{about_it} lines");
    assert!(verify(&auth, &token_of(&EC, TENANT)).is_ok());
}

#[test]
fn is23_panic_of_what_sets_up_the_http_client_is_no_panic_of_a_request() {
    let auth = RampartAuth::builder_of(|iss: &str| Some(Issuer::new(iss, "tenant-api")))
        .http_client(|_| panic!("a bug"))
        .clock(|| at(Duration::from_secs(NOW)))
        .__apart_from_others()
        .build()
        .unwrap();
    assert_eq!(verify(&auth, &token_of(&EC, TENANT)).unwrap_err().status(), 503);
}

#[test]
fn resolver_that_forgets_whatever_it_is_asked_for_holds_no_request_up() {
    let (holder, asked) = (Arc::<Mutex<Option<RampartAuth>>>::default(), Arc::new(AtomicUsize::new(0)));
    let (inner, count) = (Arc::clone(&holder), Arc::clone(&asked));
    let auth = RampartAuth::builder_of(move |iss: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        let auth = inner.lock().clone().unwrap();
        auth.forget_issuer(iss).unwrap();
        Some(tenant(iss))
    })
    .clock(|| at(Duration::from_secs(NOW)))
    .__apart_from_others()
    .build()
    .unwrap();
    *holder.lock() = Some(auth.clone());
    assert_eq!(verify(&auth, &token_of(&EC, TENANT)).unwrap_err().status(), 503);
    assert_eq!(asked.load(Ordering::Relaxed), 8);
    // Else both keep each other for ever.
    *holder.lock() = None;
}

#[test]
fn is36_alias_of_a_resolved_issuer_is_asked_for_by_itself() {
    let (tenants, auth) = world();
    let alias = "https://alias.tenants.example";
    tenants.set(TENANT, Some(tenant(TENANT).aliases([alias])));
    assert!(verify(&auth, &token_of(&EC, TENANT)).is_ok());
    assert_eq!(verify(&auth, &token_of(&EC, alias)).unwrap_err(), AuthError::InvalidToken, "nobody's");
    tenants.set(alias, Some(Issuer::new(alias, "tenant-api").static_jwks(set_of(&RSA))));
    assert_eq!(verify(&auth, &token_of(&EC, alias)).unwrap_err(), AuthError::InvalidToken, "another's key");
    assert_eq!(verify(&auth, &token_of(&RSA, alias)).unwrap().iss, alias);
}

#[test]
fn is20_invented_issuers_leave_nothing_behind() {
    let (tenants, auth) = world();
    assert!(verify(&auth, &token_of(&EC, TENANT)).is_ok());
    let draft = token_of(&EC, "https://invented.example");
    for number in 0..2_000 {
        let draft = draft.clone().claim("iss", &quoted(&format!("https://{number}.invented.example")));
        assert_eq!(verify(&auth, &draft).unwrap_err(), AuthError::InvalidToken);
    }
    assert_eq!(tenants.asked(), 2_001);
    assert!(verify(&auth, &token_of(&EC, TENANT)).is_ok());
    assert_eq!(tenants.asked(), 0, "the good one is still known");
}

#[test]
fn is21_issuers_of_good_tokens_stay_and_the_others_make_room() {
    let tenants = Tenants::default();
    let auth = tenants.builder().max_issuers(10).build().unwrap();
    let name = |number: usize| format!("https://{number}.tenants.example");
    for number in 0..5 {
        tenants.set(&name(number), Some(tenant(&name(number))));
        assert!(verify(&auth, &token_of(&EC, &name(number))).is_ok());
    }
    for number in 100..200 {
        tenants.set(&name(number), Some(tenant(&name(number))));
        assert_eq!(verify(&auth, &token_of(&RSA, &name(number))).unwrap_err(), AuthError::InvalidToken);
    }
    tenants.asked();
    for number in 0..5 {
        assert!(verify(&auth, &token_of(&EC, &name(number))).is_ok());
    }
    assert_eq!(tenants.asked(), 0, "none of the good ones was given up");
    // Where all are good, the one that was not asked for the longest goes.
    for number in 5..12 {
        tenants.set(&name(number), Some(tenant(&name(number))));
        assert!(verify(&auth, &token_of(&EC, &name(number))).is_ok());
    }
    assert_eq!(tenants.asked(), 7);
    for number in 0..12 {
        assert!(verify(&auth, &token_of(&EC, &name(number))).is_ok());
    }
    assert!((2..=12).contains(&tenants.asked()));
}
