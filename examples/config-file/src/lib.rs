//! One configuration file for all that Rampart's crates can be told, in TOML: `examples/config-file/rampart.toml` has every setting.
//!
//! It is made to be copied: an application adds the sections of its own to [`Sections`]. What it says of a file that cannot be used
//! names file, line, column and member, with the nearest name that there is, and never a value or a line of the file, which may hold
//! what no log should.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use rampart_core::{ConfigError, RampartAuth, Settings};
use serde::Deserialize;
use toml::de::DeTable;

/// The variable that names the file.
pub const VARIABLE: &str = "RAMPART_CONFIG";

/// The sections of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Sections {
    /// `[auth]`: whose tokens are accepted, and how.
    pub auth: Settings,
}

/// A configuration file that has been read.
#[derive(Clone)]
pub struct ConfigFile {
    /// Its sections.
    pub sections: Sections,
    path: PathBuf,
    text: String,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub struct ConfigFileError {
    /// The file, with line and column where they are known.
    place: String,
    problem: String,
}

impl ConfigFile {
    /// The file that `RAMPART_CONFIG` names, where it is set. It stands in place of other variables: with one of these set too,
    /// nobody could tell which counts.
    ///
    /// # Errors
    /// [`ConfigFileError`], also where one of `in_place_of` is set, which it then names together with `RAMPART_CONFIG`.
    pub fn from_env(in_place_of: &[&str]) -> Result<Option<Self>, ConfigFileError> {
        let Some(path) = std::env::var_os(VARIABLE) else { return Ok(None) };
        let of_variable = |problem: String| ConfigFileError { place: VARIABLE.into(), problem };
        if path.is_empty() {
            return Err(of_variable("is set, but empty: set it to the path of a file, or unset it".into()));
        }
        if let Some(other) = in_place_of.iter().find(|name| std::env::var_os(name).is_some()) {
            return Err(of_variable(format!(
                "is set together with {other}, which belongs into that file then; unset one of the two"
            )));
        }
        Self::read(path).map(Some)
    }

    /// # Errors
    /// [`ConfigFileError`] where there is no such file, or where it has what it may not have.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, ConfigFileError> {
        let path = path.into();
        let unreadable =
            |error| ConfigFileError { place: path.display().to_string(), problem: format!("cannot be read: {error}") };
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let refused = |problem, at| Err(ConfigFileError { place: place(&path, &text, at), problem });
        // In two steps, because the first says nothing of values, and the second may.
        let table = match DeTable::parse(&text) {
            Ok(table) => table,
            Err(error) => return refused(error.message().to_owned(), error.span()),
        };
        match toml::from_str(&text) {
            Ok(sections) => Ok(Self { sections, path, text }),
            Err(error) => {
                let at = error.span();
                let member = at.as_ref().and_then(|at| member_at(table.get_ref(), at.start));
                refused(without_values(error.message(), member), at)
            }
        }
    }

    /// # Errors
    /// [`ConfigFileError`] with the setting that cannot be used.
    pub fn auth(&self) -> Result<RampartAuth, ConfigFileError> {
        RampartAuth::from_settings(self.sections.auth.clone()).map_err(|error| self.blame(&error))
    }

    /// Where the setting that cannot be used stands, if it stands there once.
    fn blame(&self, error: &ConfigError) -> ConfigFileError {
        let field = error.field();
        let mut found = Vec::new();
        if let Ok(table) = DeTable::parse(&self.text) {
            find_in_section(table.get_ref(), field, &mut found);
        }
        let at = if found.len() == 1 { found.pop() } else { None };
        ConfigFileError { place: place(&self.path, &self.text, at), problem: error.to_string() }
    }
}

/// The same of `section.name`; where the section lacks it, the section is what is wrong.
fn find_in_section(table: &DeTable<'_>, field: &str, found: &mut Vec<Range<usize>>) {
    let Some((section, name)) = field.split_once('.') else { return find(table, field, found) };
    for (key, value) in table {
        match value.get_ref().as_table() {
            Some(inner) if key.get_ref() == section => {
                find(inner, name, found);
                if found.is_empty() {
                    found.push(key.span());
                }
            }
            Some(inner) => find_in_section(inner, field, found),
            None => {}
        }
    }
}

/// Every place of a member of this name, or of this name with its unit.
fn find(table: &DeTable<'_>, name: &str, found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        let own = key.get_ref();
        if own.strip_prefix(name).is_some_and(|unit| unit.is_empty() || unit == "_seconds") {
            found.push(key.span());
        }
        let elements = value.get_ref().as_array().into_iter().flatten();
        for value in elements.chain([value]) {
            if let Some(table) = value.get_ref().as_table() {
                find(table, name, found);
            }
        }
    }
}

/// The name of the member whose value stands there.
fn member_at<'t>(table: &'t DeTable<'_>, at: usize) -> Option<&'t str> {
    table.iter().find_map(|(key, value)| {
        let elements = value.get_ref().as_array().into_iter().flatten();
        let mut inner = elements.chain([value]).filter_map(|value| value.get_ref().as_table());
        let found = inner.find_map(|table| member_at(table, at));
        found.or_else(|| value.span().contains(&at).then(|| key.get_ref().as_ref()))
    })
}

/// `rampart.toml, line 3, column 1`.
fn place(path: &std::path::Path, text: &str, at: Option<Range<usize>>) -> String {
    let before = at.and_then(|at| text.get(..at.start));
    let Some(before) = before else { return path.display().to_string() };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
    format!("{}, line {line}, column {column}", path.display())
}

/// What serde says of a member, less what stands in it. Its own sentences are the ones below; of any other, nobody knows what it quotes.
fn without_values(message: &str, member: Option<&str>) -> String {
    if let Some((name, known)) = quoted(message, "unknown field `") {
        let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
        return match nearest(name, &known) {
            Some(nearest) => format!("there is no {name:?} here; did you mean {nearest}?"),
            None => format!("there is no {name:?} here"),
        };
    }
    if let Some((name, _)) = quoted(message, "missing field `") {
        return format!("{name} is missing");
    }
    let member = member.unwrap_or("a value");
    // What was found stands before it, and may have anything in it.
    match message.rsplit_once(", expected ") {
        Some((_, "u64" | "usize")) => format!("{member}: expected a whole number from 0 on"),
        Some((_, expected)) => format!("{member}: expected {expected}"),
        None => format!("{member} cannot be used"),
    }
}

fn quoted<'m>(message: &'m str, start: &str) -> Option<(&'m str, &'m str)> {
    message.strip_prefix(start)?.split_once('`')
}

/// The name that was meant, if one is near enough: one that goes on from there, or that is two slips away, or three in a long one.
fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let slips = |known: &str| strsim::damerau_levenshtein(name, known);
    let allowed = if name.len() < 9 { 2 } else { 3 };
    let nearest = known.iter().copied().min_by_key(|known| slips(known)).filter(|nearest| slips(nearest) <= allowed);
    nearest.or_else(|| known.iter().copied().find(|known| known.starts_with(name)))
}

impl fmt::Display for ConfigFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, problem } = self;
        write!(f, "{place}: {problem}")
    }
}

impl std::error::Error for ConfigFileError {}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sections, path, text: _ } = self;
        f.debug_struct("ConfigFile").field("path", path).field("sections", sections).finish_non_exhaustive()
    }
}
