//! What the pages of the documentation say of each other and of the code: what is true of all stands once, links lead
//! somewhere, and the tests, settings and log lines that they name exist.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rampart_core::adapter::{Authorization, Verification};
use rampart_core::{AuthError, Dpop, RampartAuth};

/// What is the same everywhere stands once, in the core's README; these lead there.
const LINKING: [&str; 4] =
    ["README.md", "rampart-axum/README.md", "rampart-actix/README.md", "rampart-rocket/README.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder with this ending, but for what is built.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                files(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn all_files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), ending, &mut found);
    found
}

fn sources() -> String {
    all_files(".rs").iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// A section, from its heading to the next one.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, from) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    from.split_once("\n## ").map_or(from, |(section, _)| section).trim_end()
}

/// What stands between backticks in a text, code blocks apart.
fn code(text: &str) -> Vec<&str> {
    let in_code = |(at, part)| (at % 2 == 1).then_some(part);
    text.split('`').enumerate().filter_map(in_code).filter(|part| !part.is_empty()).collect()
}

/// The rows of the tables of a page, in their cells.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn settings_and_answers_stand_once_and_every_readme_leads_there() {
    let core = read("rampart-core/README.md");
    for (heading, anchor) in
        [("## Settings", "settings"), ("## What the caller gets", "what-the-caller-gets"), ("## The log", "the-log")]
    {
        let own = rows(section(&core, heading));
        for readme in LINKING {
            let page = read(readme);
            assert!(page.contains(&format!("rampart-core/README.md#{anchor}")), "{readme} does not lead to {heading}");
            let copied: Vec<_> = rows(&page).into_iter().filter(|row| own.contains(row)).collect();
            assert!(copied.is_empty(), "{readme} repeats {heading}: {copied:?}");
        }
    }
}

#[test]
fn every_setting_of_the_builder_is_in_the_table_and_no_other() {
    let builder = read("rampart-core/src/builder/mod.rs") + &read("rampart-core/src/builder/first_issuer.rs");
    let methods =
        builder.split("    pub fn ").skip(1).filter(|method| method.contains("self") && method.contains("-> Self"));
    let mut own: Vec<&str> = methods.map(|method| method.split(['(', '<']).next().unwrap()).collect();
    // A clause of several lines hides its `self` from nobody: everything that gives the builder back is a setting.
    // What is hidden (`__..`) is none.
    own.retain(|name| *name != "build" && !name.starts_with("__"));
    let readme = read("rampart-core/README.md");
    let table = section(&readme, "## Settings");
    let names = rows(table).into_iter().skip(1).flat_map(|row| code(row[0]));
    let mut told: Vec<&str> = names.map(|name| name.split('(').next().unwrap()).collect();
    own.sort_unstable();
    told.sort_unstable();
    assert_eq!(own, told);
}

rampart_core::scopes!(EmailSend = "email:send");

#[test]
fn table_of_answers_is_what_the_core_answers() {
    let auth = RampartAuth::builder("https://auth.example.com", "my-api")
        .static_jwks(
            r#"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#,
        )
        .build()
        .unwrap();
    let with_proofs = RampartAuth::builder("https://auth.example.com", "my-api")
        .dpop(Dpop::required().public_url("https://api.example.com"))
        .build()
        .unwrap();
    let readme = read("rampart-core/README.md");
    let rows = rows(section(&readme, "## What the caller gets"));
    let errors = [
        AuthError::MissingToken,
        AuthError::InvalidRequest,
        AuthError::InvalidToken,
        AuthError::missing_claim("email"),
        AuthError::TokenExpired,
        AuthError::TokenRevoked,
        AuthError::insufficient_role(["admin"]),
        AuthError::insufficient_scope(["email:send"]),
        AuthError::invalid_proof(),
        AuthError::UseNonce,
        AuthError::state_unavailable(Duration::from_secs(1)),
        AuthError::keys_unavailable(Duration::from_secs(1)),
        AuthError::NotConfigured,
    ];
    for error in errors {
        let debug = format!("{error:?}");
        let name = debug.split(['(', ' ']).next().unwrap();
        let row = rows.iter().find(|row| code(row[0]).contains(&name)).unwrap_or_else(|| panic!("no row for {name}"));
        assert_eq!((row[1], code(row[2])[0]), (error.status().to_string().as_str(), error.code()), "{name}");
        let rejection = match error {
            // Of a route that asks for scopes.
            AuthError::MissingToken => match auth.verification(&Authorization::<&str>::new([])) {
                Verification::Ready(fresh) => fresh.outcome().required::<EmailSend>().unwrap_err(),
                Verification::Pending(_) => panic!("nothing is there to wait for"),
            },
            error @ (AuthError::InvalidProof { .. } | AuthError::UseNonce) => with_proofs.rejection(error),
            error => auth.rejection(error),
        };
        match rejection.challenges().next() {
            None => assert!(row[3].starts_with("none"), "{name}"),
            Some(challenge) => {
                for part in code(row[3]) {
                    assert!(challenge.contains(part.trim_end_matches("..\"")), "{name}: {challenge}");
                }
            }
        }
        let retry_after = rejection.headers().any(|(header, _)| header == "retry-after");
        assert_eq!(retry_after, row[3].contains("`Retry-After`"), "{name}");
    }
}

#[test]
fn links_lead_to_files_that_are_there() {
    let mut checked = 0;
    for page in all_files(".md") {
        let text = fs::read_to_string(&page).unwrap();
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
        let listed =
            text.lines().filter(|line| line.starts_with('[')).filter_map(|line| Some(line.split_once("]: ")?.1));
        for target in inline.chain(listed) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.contains(' ') {
                continue;
            }
            assert!(page.parent().unwrap().join(file).exists(), "{}: {target}", page.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} links found");
}

#[test]
fn tests_that_the_threats_name_exist() {
    let (page, sources) = (read("rampart-core/src/manual/threats.md"), sources());
    let mut named = 0;
    for row in rows(&page) {
        for name in row.get(2).map(|cell| code(cell)).unwrap_or_default() {
            // A function, or the name of a case of the conformance suite.
            let exists = [format!("fn {name}("), format!("\"{name}\"")].iter().any(|text| sources.contains(text));
            assert!(exists, "no test or case is called {name}");
            named += 1;
        }
    }
    assert!(named > 70, "only {named} tests named");
}

#[test]
fn log_lines_of_the_manual_are_those_of_the_code() {
    let (page, sources) = (read("rampart-core/src/manual/log.md"), sources());
    let told: Vec<&str> =
        rows(&page).into_iter().filter(|row| row[0].starts_with('`')).flat_map(|row| code(row[0])).collect();
    assert!(told.len() > 15, "{told:?}");
    for event in told {
        let text = event.trim_end_matches("..").trim_end();
        assert!(sources.contains(text), "nothing logs {event:?}");
    }
}
