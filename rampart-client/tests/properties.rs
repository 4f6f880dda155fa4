//! Properties of what a token endpoint answers: whatever comes, there is a token as RFC 6749 section 5.1 has it or an error
//! that is fit for a log. Through the real client and a real socket. `PROPTEST_CASES` sets how many answers are tried.
#![cfg(test)]

mod common;

use std::collections::BTreeMap;

use common::{Outcome, World, is_malformed};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use rampart_client::ClientError;
use rampart_issuer::Fault;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// So many answers, unless `PROPTEST_CASES` says otherwise. Failures are printed, not written into the tree.
fn cases(default: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().map(|number| number.parse().expect("PROPTEST_CASES: a number"));
    Config { cases: wanted.unwrap_or(default), failure_persistence: None, ..Config::default() }
}

/// Gives each answer to a client that has asked for scopes that nobody has asked for before.
fn for_each<S: Strategy>(
    answers: S,
    fault: impl Fn(&S::Value) -> Fault,
    check: impl Fn(&S::Value, &Outcome) -> Result<(), TestCaseError>,
) where
    S::Value: Clone,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let outcome = TestRunner::new(cases(250)).run(&answers, |answer| {
        let outcome = runtime.block_on(world.answered(&fault(&answer)));
        check(&answer, &outcome)
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// JSON text of any value, seldom not quite JSON.
fn json_text() -> impl Strategy<Value = String> {
    const ODD: &[&str] =
        &["null", "1e400", "-0", "1e30", "01", "NaN", r#""\ud83d""#, r#""\u001b[2J""#, r#""infinity""#, "\"\u{202e}\""];
    let leaf = prop_oneof![
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        "[A-Za-z0-9._~+/=-]{0,40}".prop_map(|text| Value::from(text).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("JSON has neither", |number| number.is_finite()).prop_map(|number| number.to_string()),
        select(ODD).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            (inner, 0_usize..150).prop_map(|(one, levels)| format!(
                "{}{one}{}",
                "[".repeat(levels),
                "]".repeat(levels)
            )),
        ]
    })
}

/// Members of a token response or an error, fitting and unfitting, some of them twice; or the same values in an array.
fn nearly_good() -> impl Strategy<Value = String> {
    const NAMES: &[&str] =
        &["access_token", "token_type", "expires_in", "scope", "error", "error_description", "refresh_token", "x"];
    let value = prop_oneof![
        2 => json_text(),
        1 => select(&[r#""Bearer""#, r#""bearer""#, r#""DPoP""#, r#""a.good-token""#, r#""a b""#, "300", r#""300""#, "0", "-1"])
            .prop_map(str::to_owned),
    ];
    (vec((select(NAMES), value), 0..4), 0..10).prop_map(|(members, shape)| {
        let good =
            [("access_token", r#""2YotnFZFEjr1zCsicMWpAA""#), ("token_type", r#""Bearer""#), ("expires_in", "3600")];
        let mut all: Vec<(&str, String)> = good.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        for (name, value) in members {
            if shape > 0 {
                all.retain(|(own, _)| *own != name);
            }
            all.push((name, value));
        }
        if shape == 1 {
            let values: Vec<_> = all.into_iter().map(|(_, value)| value).collect();
            return format!("[{}]", values.join(","));
        }
        let members: Vec<_> = all.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn is_fit(outcome: &Outcome) -> Result<(), TestCaseError> {
    let shown = match outcome {
        Ok(token) => {
            let text = token.access_token.expose();
            prop_assert!(!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
            prop_assert!(token.token_type.eq_ignore_ascii_case("Bearer"));
            // A scope may say anything, the text of the token too.
            let is_said = text.len() < 16 || token.scope.contains(text);
            let shown = format!("{token:?}");
            prop_assert!(is_said || !shown.contains(text));
            return Ok(());
        }
        Err(error) => format!("{error} {error:?}"),
    };
    prop_assert!(shown.len() < 3000, "{shown}");
    prop_assert!(!shown.contains("service-secret") && !shown.contains(char::is_control), "{shown}");
    Ok(())
}

/// The answer is what another reading finds in the members of the body. Members that nobody asks for may hold anything.
fn is_what_it_says(body: &str, outcome: &Outcome) -> Result<(), TestCaseError> {
    is_fit(outcome)?;
    if let Ok(token) = outcome {
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(body).expect("accepted, so an object");
        let text = |name: &str| members.get(name).map(|value| serde_json::from_str::<String>(value.get()).unwrap());
        prop_assert_eq!(text("access_token"), Some(token.access_token.expose().to_owned()));
        prop_assert_eq!(text("token_type"), Some(token.token_type.clone()));
        match members.get("scope").map(|scope| serde_json::from_str(scope.get()).unwrap()) {
            None | Some(Value::Null) => {}
            Some(Value::String(scope)) => prop_assert_eq!(scope, token.scope.clone()),
            Some(Value::Array(list)) => {
                let list: Vec<_> = list.iter().map(|scope| scope.as_str().expect("a string")).collect();
                prop_assert_eq!(list.join(" "), token.scope.clone());
            }
            Some(other) => prop_assert!(false, "{}", other),
        }
        let error = members.get("error").map_or("null", |error| error.get());
        prop_assert!(["null", "\"\"", "false"].contains(&error), "{}", error);
    }
    Ok(())
}

#[test]
fn any_bytes_are_no_token() {
    for_each(
        vec(any::<u8>(), 0..300),
        |body| Fault::Respond { status: 200, headers: Vec::new(), body: body.clone() },
        |_, outcome| {
            prop_assert!(outcome.is_err());
            is_fit(outcome)
        },
    );
}

#[test]
fn any_members_give_what_they_say_or_an_error() {
    for_each(nearly_good(), |body| Fault::body(body.clone()), |body, outcome| is_what_it_says(body, outcome));
}

#[test]
fn any_json_gives_what_it_says_or_an_error() {
    for_each(json_text(), |body| Fault::body(body.clone()), |body, outcome| is_what_it_says(body, outcome));
}

#[test]
fn any_status_gives_what_the_body_says_or_an_error_that_is_fit_for_a_log() {
    let waits = select(&["0", "1", "-1", "99999999999999999999", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "1.5", ""]);
    let header = (select(&["Retry-After", "Location", "WWW-Authenticate", "Content-Encoding"]), waits);
    let answer = ((201_u16..600), vec(header, 0..3), prop_oneof![nearly_good(), json_text(), any::<String>()]);
    let fault = |(status, headers, body): &(u16, Vec<(&str, &str)>, String)| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fault::Respond { status: *status, headers, body: body.clone().into_bytes() }
    };
    for_each(answer, fault, |(status, _, body), outcome| {
        if outcome.is_ok() {
            prop_assert!((200..300).contains(status));
            return is_what_it_says(body, outcome);
        }
        is_fit(outcome)
    });
}

/// What a derived reader would take: the members in their order, without their names.
#[tokio::test]
async fn an_array_is_no_token_response() {
    let world = World::new().await;
    let token = json!(["2YotnFZFEjr1zCsicMWpAA", "Bearer", 3600, "a"]);
    let outcome = world.answered(&Fault::body(token.to_string())).await;
    let problem = "the body is not a JSON object without duplicate members";
    is_malformed(&outcome.unwrap_err(), 200, problem);
    let outcome = world.answered(&Fault::json(400, r#"["invalid_client","why"]"#)).await;
    assert!(matches!(outcome, Err(ClientError::Malformed { status: 400, .. })), "{outcome:?}");
}
