//! Settings out of Rocket's own configuration.

use rampart_core::{RampartAuth, Settings};
use rocket::figment::Figment;
use rocket::figment::error::{Error, Kind};

const SECTION: &str = "rampart";

const REMEDY: &str = "write `issuer_url` and `audience` below [default.rampart] in Rocket.toml, or set \
     ROCKET_RAMPART='{issuer_url=\"https://..\",audience=\"..\"}'";

/// The auth object of the section `rampart`; or what is wrong with that, by the name of the key, and the remedy. No value is shown: a
/// secret may stand in the wrong place.
pub(crate) fn auth(figment: &Figment) -> Result<RampartAuth, String> {
    let profile = figment.profile();
    let says = |what: &str| format!("Rocket's configuration, profile `{profile}`: {what}");
    let settings: Settings = figment.extract_inner(SECTION).map_err(|error| says(&mistake(&error)))?;
    RampartAuth::from_settings(settings).map_err(|error| says(&format!("section `{SECTION}`: {error}")))
}

fn mistake(error: &Error) -> String {
    // Figment puts the section behind the keys within it.
    let keys = error.path.iter().map(String::as_str).filter(|key| *key != SECTION);
    let key = [SECTION].into_iter().chain(keys).collect::<Vec<_>>().join(".");
    match &error.kind {
        Kind::MissingField(name) if name == SECTION => format!("there is no section `{SECTION}`: {REMEDY}"),
        Kind::MissingField(name) => format!("`{key}.{name}` is missing: {REMEDY}"),
        Kind::UnknownField(_, known) => format!("`{key}` is no setting; these are: {}", known.join(", ")),
        Kind::InvalidType(..) if key == SECTION => format!("`{key}` must be a section: {REMEDY}"),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("`{key}` must be {}", described(expected))
        }
        // Of a setting that reads itself, and shows nothing.
        Kind::Message(message) if key != SECTION => format!("`{key}`: {message}"),
        _ => format!("`{key}` cannot be read"),
    }
}

/// What serde expects, for those who write configuration.
fn described(expected: &str) -> &str {
    match expected {
        "a string" => "a text, in quotes",
        "a sequence" => "a list, in brackets",
        "a boolean" => "true or false, without quotes",
        "u64" | "usize" => "a whole number that is not negative, without quotes",
        other => other,
    }
}
