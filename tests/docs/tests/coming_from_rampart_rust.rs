//! The manual's page for those who come from the Rampart project's own crate, held against the list of what that crate offers: each name has
//! ours beside it, ours exists, and the answers that the page tells are those of the code.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rampart_core::AuthError;

/// What rampart-rust 1.0.0 has, what stands beside it, and the declaration that makes it true.
const NAMES: [(&str, &str, &str); 32] = [
    ("RampartAuth::new(", "RampartAuth::new(", "pub fn new(issuer_url"),
    ("RampartAuth::with_config(RampartConfig {", ".build()?", "pub fn builder(issuer_url"),
    ("issuer, cache_ttl }", ".jwks_cache_ttl(", "pub fn jwks_cache_ttl("),
    ("auth.issuer()", "claims.iss", "pub iss: String"),
    ("auth.verify_token(token).await?", "auth.verify(token).await?", "pub async fn verify("),
    ("RampartAuth::extract_bearer(", "auth.authenticate(values).await?", "pub fn authenticate<"),
    ("RS256 alone", ".algorithms([Algorithm::RS256])", "pub fn algorithms("),
    ("RampartLayer::new(auth)", "auth.require_auth()", "fn require_auth("),
    ("RampartClaims(claims): RampartClaims", "claims: RequireAuth", "pub struct RequireAuth<"),
    ("Extension<Claims>", "Extension<Arc<Claims>>", "pub struct Claims("),
    ("require_roles_middleware(&[\"admin\"])", "auth.require_roles([\"admin\"])", "fn require_roles<"),
    ("RampartMiddleware::new(", ".wrap(auth.require_auth())", "fn require_auth("),
    ("web::ReqData<Claims>", "web::ReqData<Arc<Claims>>", "pub struct Claims("),
    ("require_roles(&[\"admin\"])(claims)?", "roles!(Admin = \"admin\")", "macro_rules! roles"),
    ("RequireRoles::new(", "Policy::roles([\"admin\"]).check(&claims)?", "pub fn check("),
    ("claims.sub", "the same", "pub sub: String"),
    ("claims.iss", "the same", "pub iss: String"),
    ("claims.exp", "u64", "pub exp: u64"),
    ("claims.iat", "Option<u64>", "pub iat: Option<u64>"),
    ("claims.org_id", "Option<String>", "pub org_id: Option<String>"),
    ("claims.email`", "Option<String>", "pub email: Option<String>"),
    ("claims.email_verified", "Option<bool>", "pub email_verified: Option<bool>"),
    ("claims.preferred_username", "Option<String>", "pub preferred_username: Option<String>"),
    ("claims.given_name", "Option<String>", "pub given_name: Option<String>"),
    ("claims.family_name", "Option<String>", "pub family_name: Option<String>"),
    ("claims.roles", "the same", "pub roles: Vec<String>"),
    ("claims.has_role(", "the same", "pub fn has_role("),
    ("claims.has_all_roles(", "the same", "pub fn has_all_roles<"),
    ("claims.missing_roles(", "claims.has_role(role)", "pub fn has_role("),
    ("Json(claims)", "claims.to_json()", "pub fn to_json("),
    ("error.status_code()", "error.status()", "pub const fn status("),
    ("error.to_error_response()", "auth.rejection(error)", "pub fn rejection("),
];

/// Its errors, and ours in the order in which they stand beside them.
fn errors() -> [(&'static str, Vec<AuthError>); 7] {
    use AuthError::{InvalidToken, MissingToken, TokenExpired};
    [
        ("MissingAuthHeader", vec![MissingToken]),
        ("InvalidAuthHeader", vec![InvalidToken, MissingToken]),
        ("InvalidToken(_)", vec![InvalidToken, AuthError::missing_claim("email"), TokenExpired]),
        ("NoMatchingKey", vec![InvalidToken]),
        ("JwksFetchError(_)", vec![AuthError::keys_unavailable(Duration::from_secs(1))]),
        ("MissingRoles(_)", vec![AuthError::insufficient_role(["admin"])]),
        ("NotAuthenticated", vec![AuthError::NotConfigured]),
    ]
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn sources() -> String {
    fn read(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    for library in ["rampart-core", "rampart-axum", "rampart-actix"] {
        read(&root().join(library).join("src"), &mut text);
    }
    text
}

/// The rows of all tables, in their cells.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join("rampart-core/src/manual/coming_from_rampart_rust.md")).unwrap();
    let lines = page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| RS256"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_name_of_rampart_rust_has_ours_beside_it() {
    let (rows, sources) = (rows(), sources());
    for (theirs, ours, declaration) in NAMES {
        let of_that_name: Vec<_> = rows.iter().filter(|row| row[0].contains(theirs)).collect();
        assert!(!of_that_name.is_empty(), "the page does not say what takes the place of {theirs}");
        assert!(of_that_name.iter().any(|row| row[1].contains(ours)), "{ours} does not stand beside {theirs}");
        assert!(sources.contains(declaration), "{ours} stands there, but no library has {declaration:?}");
    }
}

#[test]
fn every_error_of_rampart_rust_has_ours_beside_it_with_its_answer() {
    let rows = rows();
    for (theirs, ours) in errors() {
        let name = format!("RampartError::{theirs}");
        let row = rows.iter().find(|row| row[0].contains(&name)).unwrap_or_else(|| panic!("nothing beside {name}"));
        for error in ours {
            let debug = format!("{error:?}");
            let own = debug.split(['(', ' ']).next().unwrap();
            assert!(row[1].contains(&format!("AuthError::{own}")), "{name}: {own} does not stand beside it");
            let answer = match error {
                AuthError::NotConfigured => error.status().to_string(),
                _ => format!("{} `{}`", error.status(), error.code()),
            };
            assert!(row[3].contains(&answer), "{name}: the answer of {own} is {answer}, and not {}", row[3]);
        }
    }
}
