//! One configuration file for all that Rampart's crates can be told, in TOML: `examples/config-file/rampart.toml` has every setting.
//!
//! It is made to be copied: an application adds the sections of its own to [`Sections`]. What it says of a file that cannot be used
//! names file, line, column and member, with the nearest name that there is, and never a value or a line of the file, which may hold
//! what no log should.

mod introspection;
mod mistakes;
mod sections;
mod shared;

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use rampart_core::{ConfigError, RampartAuth, RampartAuthBuilder, Settings};
use toml::de::DeTable;

pub use crate::sections::Sections;
pub use crate::shared::Shared;

/// The variable that names the file.
pub const VARIABLE: &str = "RAMPART_CONFIG";

/// A configuration file that has been read.
#[derive(Clone)]
pub struct ConfigFile {
    /// Its sections. What is made of [`Sections::auth`] alone leaves out what the others say; what is taken away here has no part in
    /// [`auth`](Self::auth) any more.
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
        let refused = |problem, at| Err(ConfigFileError { place: mistakes::place(&path, &text, at), problem });
        // In two steps, because the first says nothing of values, and the second may.
        let table = match DeTable::parse(&text) {
            Ok(table) => table,
            Err(error) => return refused(error.message().to_owned(), error.span()),
        };
        match toml::from_str(&text) {
            Ok(sections) => Ok(Self { sections, path, text }),
            Err(error) => {
                let at = error.span();
                let member = at.as_ref().and_then(|at| mistakes::member_at(table.get_ref(), at.start));
                refused(mistakes::without_values(error.message(), member), at)
            }
        }
    }

    /// The object that verifies tokens as the file says, all of it: with `[redis]` what one replica has revoked is refused, and a proof that
    /// was spent on one passes no more. That needs a tokio runtime, as [`shared`](Self::shared) does.
    ///
    /// For an API that revokes nothing itself; one that does takes [`builder_sharing`](Self::builder_sharing), and the list beside it.
    ///
    /// # Errors
    /// [`ConfigFileError`] with the setting that cannot be used.
    pub fn auth(&self) -> Result<RampartAuth, ConfigFileError> {
        self.build(self.builder()?)
    }

    /// The same, for what only code can say; then [`build`](Self::build).
    ///
    /// # Errors
    /// [`ConfigFileError`] with the setting that cannot be used.
    pub fn builder(&self) -> Result<RampartAuthBuilder, ConfigFileError> {
        match &self.sections.redis {
            Some(_) => self.builder_sharing(&self.shared()?),
            None => self.builder_of(self.sections.auth.clone()),
        }
    }

    fn builder_of(&self, mut settings: Settings) -> Result<RampartAuthBuilder, ConfigFileError> {
        let issuers = self.issuers(std::mem::take(&mut settings.issuers))?;
        Ok(issuers.into_iter().fold(RampartAuthBuilder::from(settings), RampartAuthBuilder::issuer))
    }

    /// The same of an API that revokes: what it revokes in [`shared`](Self::shared) is refused here, and with `[redis]` by the other replicas.
    ///
    /// # Errors
    /// [`ConfigFileError`] with the setting that cannot be used.
    pub fn builder_sharing(&self, shared: &Shared) -> Result<RampartAuthBuilder, ConfigFileError> {
        let mut settings = self.sections.auth.clone();
        let proofs = shared.proofs(&mut settings);
        let builder = self.builder_of(settings)?.revocations(shared.revocations.clone());
        Ok(match proofs {
            Some(dpop) => builder.dpop(dpop),
            None => builder,
        })
    }

    /// Makes the object; what cannot be used is found in the file.
    ///
    /// # Errors
    /// [`ConfigFileError`] with the setting that cannot be used.
    pub fn build(&self, builder: RampartAuthBuilder) -> Result<RampartAuth, ConfigFileError> {
        builder.build().map_err(|error| self.blame(&error))
    }

    /// Where the setting that cannot be used stands, if it stands there once.
    fn blame(&self, error: &ConfigError) -> ConfigFileError {
        let mut found = self.in_file(|table| mistakes::places(table, error.field()));
        let at = if found.len() == 1 { found.pop() } else { None };
        self.refusal(at, error.to_string())
    }

    /// What is looked up in the file, as it was parsed before.
    fn in_file<T: Default>(&self, look_up: impl FnOnce(&DeTable<'_>) -> T) -> T {
        DeTable::parse(&self.text).map(|table| look_up(table.get_ref())).unwrap_or_default()
    }

    fn refusal(&self, at: Option<Range<usize>>, problem: String) -> ConfigFileError {
        ConfigFileError { place: mistakes::place(&self.path, &self.text, at), problem }
    }
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
