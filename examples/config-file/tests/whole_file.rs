//! The file with every setting: it can be read, and it has them all.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config_file::{ConfigFile, Sections};
use rampart_core::{Grants, Issuer, Settings};
use toml::de::{DeTable, DeValue};

const TEXT: &str = include_str!("../rampart.toml");

fn path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rampart.toml"))
}

/// The same file, with the secrets that it names in files of this test run.
fn with_secrets(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("whole-file-{test}"));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("rampart.toml");
    std::fs::write(directory.join("introspection"), "a secret\n").unwrap();
    std::fs::write(directory.join("state"), "A".repeat(43)).unwrap();
    // The variable belongs to whoever runs it; the URL may stand in its place.
    let text = TEXT.replace("url_env = \"REDIS_URL\"", "url = \"redis://127.0.0.1:1\"");
    std::fs::write(&file, text.replace("/run/secrets", directory.to_str().unwrap())).unwrap();
    file
}

#[tokio::test]
async fn file_makes_an_object_of_its_issuers() {
    let file = ConfigFile::read(with_secrets("object")).unwrap();
    let names: Vec<_> = file.auth().unwrap().issuers().into_iter().map(|issuer| issuer.name).collect();
    assert_eq!(names[..2], ["https://auth.example.com", "https://login.partner.example"]);
    let Settings { realm, issuers, .. } = file.sections.auth;
    assert_eq!(realm.as_deref(), Some("default"));
    let partner = Grants::roles(["auditor"]).scopes(["reports:read"]).role_prefix("partner:").org_id("partner");
    assert_eq!(issuers[1].grants, Some(partner));
}

/// The names that serde knows, by what it says of one that it does not.
fn known(section: &str) -> BTreeSet<String> {
    let error = toml::from_str::<Sections>(&format!("{section}\nno_such_member = 1\n")).unwrap_err();
    let (_, names) = error.message().split_once("expected").unwrap();
    names.split('`').skip(1).step_by(2).map(Into::into).collect()
}

fn members_of<'t>(value: &'t DeValue<'_>, found: &mut BTreeSet<&'t str>) {
    let tables = value.as_array().into_iter().flatten().map(toml::Spanned::get_ref).chain([value]);
    tables.filter_map(DeValue::as_table).for_each(|table| found.extend(table.keys().map(|key| &**key.get_ref())));
}

#[test]
fn file_has_every_member_that_there_is() {
    let file = DeTable::parse(TEXT).unwrap();
    let auth = file.get_ref().get("auth").unwrap().get_ref();
    let mut found = BTreeSet::new();
    members_of(auth, &mut found);
    for section in ["issuers", "dpop"] {
        members_of(auth.as_table().unwrap().get(section).unwrap().get_ref(), &mut found);
    }
    for section in ["introspection", "redis"] {
        members_of(file.get_ref().get(section).unwrap().get_ref(), &mut found);
    }
    let mut sections = ["[auth]", "[[auth.issuers]]", "[auth.dpop]", "[introspection]", "[redis]"].map(known);
    for (section, member) in sections.iter().zip(["realm", "jwks_url", "public_url", "token_prefix", "prefix"]) {
        assert!(section.contains(member), "{section:?}");
    }
    // It is known so that its place can be said, and never the value.
    assert!(sections[3].remove("client_secret"));
    // Where two exclude each other, one of them stands in a comment.
    found.extend(TEXT.lines().filter_map(|line| line.strip_prefix("# ")?.split_once(" = ")).map(|(name, _)| name));
    let missing: Vec<_> = sections.iter().flatten().filter(|name| !found.contains(name.as_str())).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn file_says_what_code_can_say() {
    let in_code = Issuer::new("https://login.partner.example", "my-api").discovery();
    let in_file = ConfigFile::read(path()).unwrap().sections.auth.issuers.remove(1);
    let in_code = in_code.grants(in_file.grants.clone().unwrap());
    assert_eq!(format!("{in_code:?}"), format!("{:?}", Issuer::from(in_file)));
}

#[test]
fn file_for_replicas_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("replicas.toml");
    let redis = ConfigFile::read(path).unwrap().sections.redis.unwrap();
    assert_eq!((redis.url.as_deref(), redis.initialize), (Some("redis://127.0.0.1:6379"), true));
}

/// Which variable holds the secret, and that it is set, is for whoever runs it.
#[test]
fn file_for_the_local_issuer_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("local.toml");
    let Sections { auth, introspection, .. } = ConfigFile::read(path).unwrap().sections;
    let issuer = auth.issuers[0].issuer_url.as_deref().unwrap();
    assert_eq!(introspection.iter().map(|section| &*section.issuer_url).collect::<Vec<_>>(), [issuer]);
}
