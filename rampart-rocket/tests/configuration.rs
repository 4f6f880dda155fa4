//! Settings out of Rocket's own configuration: what it says, and what is said of its mistakes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use rampart_issuer::LocalIssuer;
use rampart_rocket::{AuthError, Rampart, RampartAuth, RampartAuthExt, RequireAuth};
use rocket::error::ErrorKind;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket::figment::value::Value;
use rocket::{get, routes};
use support::{bare, forged, issuer, log, offline_auth, plain, serve};

#[get("/user")]
fn user(user: RequireAuth) -> String {
    user.sub.clone()
}

#[get("/inside")]
fn inside() -> &'static str {
    "inside"
}

/// As Rocket reads its own file: with the profiles on top.
fn configured(toml: &str) -> Figment {
    bare().figment().clone().merge(Toml::string(toml).nested())
}

fn section(issuer: &LocalIssuer, profile: &str, realm: &str) -> String {
    let (url, audience, keys) = (issuer.url(), issuer.audience(), issuer.jwks_json());
    format!(
        "[{profile}.rampart]\nissuer_url = '{url}'\naudience = '{audience}'\nrealm = '{realm}'\nstatic_jwks = '{keys}'\n"
    )
}

#[tokio::test]
async fn fairing_takes_its_settings_from_rockets_configuration() {
    let issuer = issuer().await;
    let figment = configured(&section(&issuer, "default", "tasks"));
    let client = serve(rocket::custom(figment).attach(Rampart::from_figment()).mount("/", routes![user])).await;
    client.get_with("/user", &plain(&issuer)).await.is_ok("ada");
    assert_eq!(client.get("/user").await.header("www-authenticate"), Some("Bearer realm=\"tasks\""));
    assert_eq!(client.get_with("/user", &forged(&issuer)).await.status, 401);
}

#[tokio::test]
async fn settings_are_those_of_the_selected_profile() {
    let issuer = issuer().await;
    let toml = section(&issuer, "default", "tasks") + "[staging.rampart]\nrealm = 'staging'\n";
    for (profile, realm) in [("staging", "staging"), ("production", "tasks")] {
        let rocket = rocket::custom(configured(&toml).select(profile)).attach(Rampart::from_figment());
        let client = serve(rocket.mount("/", routes![user])).await;
        client.get_with("/user", &plain(&issuer)).await.is_ok("ada");
        let challenge = format!("Bearer realm=\"{realm}\"");
        assert_eq!(client.get("/user").await.header("www-authenticate"), Some(&*challenge));
    }
}

/// Rocket reads its environment variables by this parser.
#[tokio::test]
async fn section_may_stand_in_one_variable() {
    let issuer = issuer().await;
    let variable = format!("{{issuer_url=\"{}\",audience={}}}", issuer.url(), issuer.audience());
    let value: Value = variable.parse().unwrap();
    let figment = bare().figment().clone().merge(("rampart", value));
    let client = serve(rocket::custom(figment).attach(Rampart::from_figment()).mount("/", routes![user])).await;
    client.get_with("/user", &plain(&issuer)).await.is_ok("ada");
}

/// The documented way to groups: one object for them and the fairing, of the same section.
#[tokio::test]
async fn groups_take_the_same_section() {
    let issuer = issuer().await;
    let rocket = rocket::custom(configured(&section(&issuer, "default", "tasks")));
    let auth = RampartAuth::from_settings(rocket.figment().extract_inner("rampart").unwrap()).unwrap();
    let rocket = rocket
        .attach(Rampart::fairing(auth.clone()))
        .mount("/", routes![user])
        .mount("/group", auth.require_auth().routes(routes![inside, user]));
    let client = serve(rocket).await;
    for path in ["/user", "/group/user", "/group/inside"] {
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
    }
    client.get_with("/group/user", &plain(&issuer)).await.is_ok("ada");
    client.get_with("/group/inside", &plain(&issuer)).await.is_ok("inside");
    assert_eq!(client.get("/group/inside").await.header("www-authenticate"), Some("Bearer realm=\"tasks\""));
}

#[tokio::test]
async fn mistake_in_the_section_stops_the_launch_by_the_name_of_the_key() {
    const SECRET: &str = "s3cr3t";
    log::listen();
    let good = "issuer_url = 'https://auth.example.com'\naudience = 'my-api'\n";
    let below = |lines: &str| format!("[default.rampart]\n{lines}");
    let with = |line: &str| below(&format!("{good}{line}"));
    let remedy = r#"write `issuer_url` and `audience` below [default.rampart] in Rocket.toml, or set ROCKET_RAMPART='{issuer_url="https://..",audience=".."}'"#;
    let cases = [
        (String::new(), format!("there is no section `rampart`: {remedy}")),
        // A profile of that name: the mistake that is nearest.
        (format!("[rampart]\n{good}"), format!("there is no section `rampart`: {remedy}")),
        (format!("[release.rampart]\n{good}"), format!("there is no section `rampart`: {remedy}")),
        (format!("[default]\nrampart = '{SECRET}'"), format!("`rampart` must be a section: {remedy}")),
        (below(&format!("audience = '{SECRET}'")), format!("`rampart.issuer_url` is missing: {remedy}")),
        (below("issuer_url = 'https://auth.example.com'"), format!("`rampart.audience` is missing: {remedy}")),
        (with(&format!("audiance = '{SECRET}'")), "`rampart.audiance` is no setting; these are: ".into()),
        (
            below("issuer_url = 'https://auth.example.com'\naudience = 7"),
            "`rampart.audience` must be a text, in quotes".into(),
        ),
        (with(&format!("audiences = '{SECRET}'")), "`rampart.audiences` must be a list, in brackets".into()),
        (with("audiences = ['a', 7]"), "`rampart.audiences.1` must be a text, in quotes".into()),
        (with(&format!("discovery = '{SECRET}'")), "`rampart.discovery` must be true or false, without quotes".into()),
        (
            with("clock_tolerance_seconds = -1"),
            "`rampart.clock_tolerance_seconds` must be a whole number that is not negative, without quotes".into(),
        ),
        (
            with(&format!("max_token_bytes = '{SECRET}'")),
            "`rampart.max_token_bytes` must be a whole number that is not negative, without quotes".into(),
        ),
        (with(&format!("algorithms = ['{SECRET}']")), "`rampart.algorithms.0` must be one of".into()),
        // What the builder refuses.
        (with("clock_tolerance_seconds = 3600"), "section `rampart`: clock_tolerance".into()),
        (with(&format!("jwks_url = 'https://{SECRET}@auth.example.com/keys'")), "section `rampart`: ".into()),
    ];
    for (toml, expected) in cases {
        let profile = "debug";
        let rocket = rocket::custom(configured(&toml).select(profile)).attach(Rampart::from_figment());
        let error = rocket.mount("/", routes![user]).ignite().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::FailedFairings(_)), "{toml}\n{error}");
        log::is_logged(&format!("Rocket's configuration, profile `{profile}`: {expected}"));
    }
    assert!(!log::text().contains(SECRET));
}

#[tokio::test]
async fn another_object_beside_that_of_the_section_stops_the_launch() {
    log::listen();
    let issuer = issuer().await;
    let toml = section(&issuer, "default", "tasks");
    let (first, second) = (Rampart::from_figment(), Rampart::from_figment());
    for rocket in [
        rocket::custom(configured(&toml)).attach(first).attach(second),
        rocket::custom(configured(&toml)).manage(offline_auth(&issuer)).attach(Rampart::from_figment()),
    ] {
        let error = rocket.ignite().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::FailedFairings(_)), "{error}");
    }
    log::is_logged("attach the fairing once");
}
