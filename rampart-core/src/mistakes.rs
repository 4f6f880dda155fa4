//! What is often written into a setting by mistake, and what to write instead.

use crate::jose::key_set::KeySetError;
use crate::token::pointer::{Pointer, PointerError};
use rampart_http::{ConfigError, checked_issuer_name, checked_text};

/// The elements of a list with commas, of which there is at least one; a space may stand beside a comma.
pub(crate) fn listed(text: &str) -> Result<Vec<String>, ConfigError> {
    let last = text.split(',').count() - 1;
    let element = |(at, element): (usize, &str)| {
        let element = if at > 0 { element.trim_start_matches(' ') } else { element };
        let element = if at < last { element.trim_end_matches(' ') } else { element };
        if element.is_empty() && last > 0 {
            return Err(ConfigError::invalid("audience", "has an empty element; remove the comma that is too many"));
        }
        Ok(element.to_owned())
    };
    text.split(',').enumerate().map(element).collect()
}

/// Refuses an audience that no token can have, or that would not be checked.
pub(crate) fn checked_audience(field: &'static str, audience: &str) -> Result<(), ConfigError> {
    if audience.trim().is_empty() {
        return Err(ConfigError::invalid(
            field,
            "is empty, so that it would not be checked; write what the tokens have in aud, such as the client ID of the front end",
        ));
    }
    checked_text(field, audience)
}

/// Refuses an alias that no issuer could go by.
pub(crate) fn checked_alias(alias: &str) -> Result<(), ConfigError> {
    checked_issuer_name(alias).map_err(|error| match error {
        ConfigError::Invalid { problem, .. } => ConfigError::invalid("aliases", problem),
        other => other,
    })
}

/// Refuses what stands in the place of a tenant's ID in an issuer of Microsoft Entra: no token names it there.
pub(crate) fn checked_entra_issuer(issuer: &str) -> Result<(), ConfigError> {
    let tenant = issuer.strip_prefix("https://login.microsoftonline.com/").and_then(|rest| rest.strip_suffix("/v2.0"));
    match tenant {
        Some(tenant) if !tenant.contains('/') => checked_entra_tenant("issuer_url", tenant),
        _ => Ok(()),
    }
}

/// Refuses what is no ID of a tenant as tokens have it: a GUID in lower case.
pub(crate) fn checked_entra_tenant(field: &'static str, tenant: &str) -> Result<(), ConfigError> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = |(at, byte): (usize, u8)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { is_hex(byte) };
    if tenant.len() == 36 && tenant.bytes().enumerate().all(fits) {
        return Ok(());
    }
    checked_text(field, tenant)?;
    Err(ConfigError::invalid(
        field,
        format!(
            "names {tenant:?} as the tenant, which no token does; write its ID as tokens have it in tid: a GUID in lower case. For several tenants give Issuer::entra_tenants([..], ..) to issuers(..)"
        ),
    ))
}

/// What is wrong with fixed keys, and what to do about what is often given in their place.
pub(crate) fn unusable_keys(text: &str, error: KeySetError) -> String {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_json = start.starts_with('{');
    if text.contains("-----BEGIN") && !is_json {
        let whose = if text.contains("PRIVATE KEY-----") { ". A private key belongs to the issuer alone" } else { "" };
        return format!(
            "is a PEM, not a key set; write its public key as a JWK (RFC 7517 section 4), such as by node -p 'JSON.stringify({{keys:[crypto.createPublicKey(fs.readFileSync(\"key.pem\")).export({{format:\"jwk\"}})]}})'{whose}"
        );
    }
    if error != KeySetError::NotAKeySet {
        return format!("cannot be used: {error}");
    }
    if text.starts_with('\u{feff}') {
        return "begins with a byte order mark (U+FEFF), which is no JSON; save the file without one".into();
    }
    let hint = match start.chars().next() {
        Some('[') => r#". A list of keys alone is no set; write {"keys": [..]} around it"#,
        Some('"' | '\'') => ". It stands in quotes, which count as a part of it; remove them",
        Some('{') if is_one_key(start) => r#". One key alone is no set; write {"keys": [..]} around it"#,
        Some('{') => "",
        _ => ". Give the content of a file, not its name; an address belongs to jwks_url(..)",
    };
    format!("cannot be used: {error}{hint}")
}

/// A JWK by itself: its one member that must be there (RFC 7517 section 4.1).
fn is_one_key(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Jwk {
        #[serde(rename = "kty")]
        _kty: String,
        #[serde(rename = "keys")]
        keys: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Jwk>(text).is_ok_and(|jwk| jwk.keys.is_none())
}

/// Where a claim stands, which other libraries write in other ways.
pub(crate) fn checked_pointer(field: &'static str, text: &str) -> Result<Pointer, ConfigError> {
    checked_text(field, text)?;
    Pointer::parse(text).map_err(|error| {
        let problem = match error {
            PointerError::NoSlash => {
                // The name of a claim that is a URL, or a path in the notation of other libraries.
                let is_url = text.contains("://");
                let path = if is_url { text.replace('~', "~0").replace('/', "~1") } else { text.replace('.', "/") };
                format!("is not a JSON pointer; write /{path}")
            }
            PointerError::NoName => {
                "names a claim with an empty name; write the path to the claim, such as /realm_access/roles".into()
            }
            PointerError::Tilde => {
                format!("is not a JSON pointer: {text} has a ~ that is neither ~0 nor ~1; within a name, ~ is written ~0 and / is written ~1")
            }
        };
        ConfigError::invalid(field, problem)
    })
}

/// Where a claim stands that decides who somebody is or what they may do: not where users write what they like.
pub(crate) fn checked_deciding_pointer(
    field: &'static str,
    text: &str,
    may_users_write: bool,
) -> Result<Pointer, ConfigError> {
    let pointer = checked_pointer(field, text)?;
    if !may_users_write && pointer.names().any(is_written_by_users) {
        return Err(ConfigError::invalid(
            field,
            format!(
                "leads through what users write themselves, so that all could give themselves what {text} should say of them; name a claim that the issuer alone writes"
            ),
        ));
    }
    Ok(pointer)
}

/// What stands in for a subject: no name or address, which pass from one to another.
pub(crate) fn checked_subject(field: &'static str, text: &str, may_users_write: bool) -> Result<Pointer, ConfigError> {
    let pointer = checked_deciding_pointer(field, text, may_users_write)?;
    let passes_on = |name: &str| matches!(name, "email" | "preferred_username" | "upn");
    if pointer.member() == Some("name") || pointer.names().last().is_some_and(passes_on) {
        return Err(ConfigError::invalid(
            field,
            format!(
                "is {text}, which users may change and which may pass to somebody else; name what the issuer calls a client for good, such as /client_id"
            ),
        ));
    }
    Ok(pointer)
}

/// `user_metadata` (Supabase, Auth0) and `unsafe_metadata` (Clerk) in any spelling, within a name that is a URL too.
fn is_written_by_users(name: &str) -> bool {
    let last = name.rsplit(['/', ':', '.']).next().unwrap_or_default();
    let letters: String = last.chars().filter(|char| !matches!(char, '_' | '-')).collect();
    ["usermetadata", "unsafemetadata"].iter().any(|written| letters.eq_ignore_ascii_case(written))
}

/// A claim that must be there: a pointer where it begins with a slash, the name of a member at the top otherwise.
pub(crate) fn checked_required_claim(name: &str) -> Result<Pointer, ConfigError> {
    const FIELD: &str = "required_claims";
    if name.is_empty() {
        return Err(ConfigError::invalid(FIELD, "has an empty name; write the names as they stand in the token"));
    }
    checked_text(FIELD, name)?;
    if name.starts_with('/') { checked_pointer(FIELD, name) } else { Ok(Pointer::to_member(name)) }
}
