//! `tests/security-cases.toml` is whole, and what it names exists; and what no test of one library can show because it is about
//! the workspace itself (X04, X07) or about what another crate may do to all (S05b).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};

use rampart_client::RampartClient;
use rampart_conformance::cases::ALL;
use rampart_core::{AuthError, RampartAuth};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer};
use reqwest::ClientBuilder;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use serde::Deserialize;

/// Every id: the letter of its section with the highest number of those without a gap, and the others.
const SECTIONS: [(&str, usize); 16] = [
    ("A", 23),
    ("B", 15),
    ("C", 10),
    ("CL", 9),
    ("D", 8),
    ("DP", 26),
    ("E", 10),
    ("H", 24),
    ("IN", 24),
    ("IS", 19),
    ("K", 12),
    ("O", 29),
    ("R", 8),
    ("S", 34),
    ("T", 8),
    ("X", 8),
];
const FURTHER: [&str; 113] = [
    "DP30", "DP31", "DP32", "DP33", "DP34", "DP35", "DP36", "DP37", "DP38", "DP39", "DP40", "DP41", "DP42", "DP43",
    "DP44", "DP45", "DP46", "DP47", "DP48", "DP53", "DP54", "DP55", "DP56", "DP57", "DP58", "DP59", "DP60", "DP61",
    "DP62", "DP63", "DP64", "DP65", "DP66", "DP67", "DP68", "DP69", "DP70", "DP71", "DP72", "IN28", "IN29", "IN30",
    "IN31", "IN32", "IS20", "IS21", "IS22", "IS23", "IS24", "IS25", "IS26", "IS27", "IS28", "IS29", "IS30", "IS31",
    "IS32", "IS33", "IS34", "IS35", "IS36", "IS37", "IS38", "IS39", "IS40", "IS41", "S05b", "S06b", "S26b", "CX26",
    "ST02", "ST03", "RV01", "RV02", "RV03", "RV04", "RV05", "RV06", "RV07", "RV09", "RV10", "RV11", "RV12", "RV13",
    "RV14", "RV15", "RV16", "RV17", "RV28", "RV30", "RV33", "RV34", "RV35", "RV37", "DP49", "DP50", "DP51", "DP52",
    "ST01", "RV08", "RV18", "RV19", "RV20", "RV21", "RV22", "RV23", "RV24", "RV25", "RV26", "RV29", "RV31", "RV32",
    "RV36",
];

/// The crates whose code meets input from outside.
const LIBRARIES: [&str; 7] = [
    "rampart-core",
    "rampart-core/http",
    "rampart-core/redis",
    "rampart-axum",
    "rampart-actix",
    "rampart-rocket",
    "rampart-client",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    says: String,
    #[serde(default)]
    tests: Vec<String>,
    #[serde(default)]
    gate: Vec<String>,
    does_not_apply: Option<String>,
}

fn rows() -> BTreeMap<String, Row> {
    Figment::from(Toml::string(&read("tests/security-cases.toml"))).extract().unwrap()
}

fn ids() -> BTreeSet<String> {
    let numbered = |(section, last): (&str, usize)| {
        let width = if section == "R" { 1 } else { 2 };
        (1..=last).map(|number| format!("{section}{number:0width$}")).collect::<Vec<_>>()
    };
    SECTIONS.into_iter().flat_map(numbered).chain(FURTHER.map(String::from)).collect()
}

#[test]
fn every_row_is_there_and_no_other() {
    let found: BTreeSet<_> = rows().into_keys().collect();
    let missing: Vec<_> = ids().difference(&found).cloned().collect();
    let unknown: Vec<_> = found.difference(&ids()).cloned().collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn every_row_has_tests_or_a_reason_why_it_needs_none() {
    for (id, row) in rows() {
        assert!(row.says.ends_with('.') || row.says.ends_with(')'), "{id}: a sentence");
        match row.does_not_apply {
            Some(reason) => {
                let shown = !row.tests.is_empty() || !row.gate.is_empty();
                assert!(!shown && reason.starts_with("because "), "{id}: a reason, or tests");
            }
            None => {
                let shown = !row.tests.is_empty() || !row.gate.is_empty();
                assert!(shown, "{id}: {} Which test shows it?", row.says);
            }
        }
        let once: BTreeSet<_> = row.tests.iter().collect();
        assert_eq!(once.len(), row.tests.len(), "{id}: a test stands twice");
    }
}

#[test]
fn rows_about_http_and_about_answers_are_shown_on_every_framework() {
    let is_about_answers = |id: &str| id.starts_with(['H', 'R']) && !id.starts_with("RV");
    for (id, row) in rows().into_iter().filter(|(id, _)| is_about_answers(id)) {
        let on_each = |test: &String| test.starts_with("conformance::") || test.starts_with("tests/conformance::");
        assert!(row.tests.iter().any(on_each), "{id}: {}", row.says);
    }
}

/// Of the other tests, `.ci/run attacks` asks the test programs.
#[test]
fn cases_and_steps_that_are_named_exist() {
    let (rows, gate) = (rows(), read(".ci/run"));
    let mut cases = 0;
    for (id, row) in &rows {
        for name in row.tests.iter().filter_map(|test| test.strip_prefix("conformance::")) {
            assert!(ALL.iter().any(|case| case.name == name), "{id}: no table has a case {name}");
            cases += 1;
        }
        for step in &row.gate {
            let runs = |line: &str| line.starts_with("all=(") && line.split(['(', ' ', ')']).any(|own| own == step);
            assert!(gate.lines().any(runs) && gate.contains(&format!("\nstep_{step}() {{\n")), "{id}: no step {step}");
        }
    }
    assert!(cases > 200, "only {cases} cases are named");
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The source files of packages, each up to its unit tests.
fn sources_of(packages: impl IntoIterator<Item = &'static str>) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]").next().unwrap().to_owned();
                found.push((path, code));
            }
        }
    }
    let mut found = Vec::new();
    for package in packages {
        walk(&workspace().join(package).join("src"), &mut found);
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

#[test]
fn x04_arithmetic_is_checked_where_tests_run() {
    let sum = std::panic::catch_unwind(|| black_box(u8::MAX) + black_box(1));
    assert!(sum.is_err(), "overflow checks are off");
}

/// That their enums can grow is what a lint of the workspace asks for; none looks at variants.
#[test]
fn x07_fields_of_errors_can_grow() {
    let mut variants = 0;
    // What is no interface of its own is for these crates themselves, which need each other in the same version. Users meet the
    // errors of it.
    let inner = workspace().join("rampart-core/http");
    let hidden = |(path, _): &(PathBuf, String)| path.starts_with(&inner) && !path.ends_with("error.rs");
    let sources = sources_of(LIBRARIES.into_iter().chain(["tests/issuer"]));
    for (path, source) in sources.into_iter().filter(|source| !hidden(source)) {
        let mut of_variant = Vec::new();
        let mut in_error = false;
        for line in source.lines() {
            if let Some(name) = line.strip_prefix("pub enum ") {
                in_error = name.trim_end_matches(" {").ends_with("Error");
                of_variant.clear();
            } else if line == "}" {
                in_error = false;
            } else if in_error && line.starts_with("    ") && !line.starts_with("     ") {
                if line.ends_with(" {") {
                    let grows = of_variant.contains(&"    #[non_exhaustive]");
                    assert!(grows, "{}: the variant {line} is not #[non_exhaustive]", path.display());
                    variants += 1;
                }
                of_variant.push(line);
                if line.ends_with(',') || line == "    }" {
                    of_variant.clear();
                }
            }
        }
    }
    assert!(variants >= 10, "only {variants} variants were found");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// O24.
#[tokio::test]
async fn s05b_compressed_answers_are_refused_where_another_crate_has_turned_decompression_on() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
    let answer = |encoding: &str, body: Vec<u8>| Fault::Respond {
        status: 200,
        headers: vec![("content-encoding".into(), encoding.into())],
        body,
    };
    let set = issuer.jwks_json();
    issuer.inject(Endpoint::Jwks, answer("gzip", gzip(set.as_bytes())));
    let client = ClientBuilder::new().no_proxy().build().unwrap();
    let inflated = client.get(issuer.jwks_url()).send().await.unwrap().text().await.unwrap();
    assert_eq!(inflated, set, "control: it is on");

    for (id, fault) in [
        ("the key set", answer("gzip", gzip(set.as_bytes()))),
        ("twice", answer("gzip, gzip", gzip(&gzip(set.as_bytes())))),
        ("a bomb", answer("gzip", gzip(&vec![b' '; 4 << 20]))),
        ("not compressed at all", answer("gzip", set.clone().into_bytes())),
    ] {
        issuer.inject(Endpoint::Jwks, fault);
        let builder = || RampartAuth::builder(issuer.url(), issuer.audience());
        for builder in [builder(), builder().http_client(|client| client.gzip(true))] {
            let auth = builder.build().unwrap();
            assert!(matches!(auth.warm_up().await, Err(AuthError::KeysUnavailable { .. })), "{id}");
            let why = auth.health().last_error.unwrap();
            assert!(why.contains("content encoding"), "{id}: {why}");
        }
    }
    let unlabelled = Fault::Respond { status: 200, headers: Vec::new(), body: gzip(set.as_bytes()) };
    issuer.inject(Endpoint::Jwks, unlabelled);
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    assert!(auth.warm_up().await.is_err());

    let token = r#"{"access_token":"abc","token_type":"Bearer","expires_in":60}"#;
    issuer.inject(Endpoint::Token, answer("gzip", gzip(token.as_bytes())));
    let client = RampartClient::builder(issuer.url(), "id", "secret").build().unwrap();
    let error = client.client_credentials_token(&["a"]).await.unwrap_err();
    assert!(error.to_string().contains("content encoding"), "{error}");
}
