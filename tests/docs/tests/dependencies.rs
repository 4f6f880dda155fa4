//! Which package of this workspace may stand on which: the direction is never reversed.
#![cfg(test)]

use std::fs;
use std::path::Path;

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket::figment::value::{Dict, Value};
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    dependencies: Dict,
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a package needs of this workspace, tests and examples of it apart; in brackets where a feature needs it alone.
fn ours(package: &str) -> Vec<String> {
    let manifest = read(&format!("{package}/Cargo.toml"));
    let manifest: Manifest = Figment::from(Toml::string(&manifest)).extract().unwrap();
    let ours = manifest.dependencies.into_iter().filter(|(name, _)| name.starts_with("rampart-"));
    let is_optional =
        |needed: &Value| needed.find_ref("optional").is_some_and(|optional| optional.to_bool() == Some(true));
    ours.map(|(name, needed)| if is_optional(&needed) { format!("[{name}]") } else { name }).collect()
}

#[test]
fn each_library_stands_on_those_below_it_alone() {
    assert_eq!(ours("rampart-core/http"), [""; 0]);
    assert_eq!(ours("tests/issuer"), ["[rampart-core]"]);
    assert_eq!(ours("rampart-core"), ["rampart-http"]);
    assert_eq!(ours("rampart-client"), ["rampart-http"]);
    for adapter in ["rampart-axum", "rampart-actix", "rampart-rocket"] {
        assert_eq!(ours(adapter), ["rampart-core"], "{adapter}");
    }
}

#[test]
fn what_is_no_interface_of_its_own_is_needed_in_the_very_same_version() {
    let manifest = read("Cargo.toml");
    for package in ["rampart-http", "rampart-core"] {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{package} = "))).unwrap();
        assert!(line.contains(&format!(r#"version = "={}""#, env!("CARGO_PKG_VERSION"))), "{line}");
    }
}
