//! The arguments of the programs.

use std::ffi::OsString;

use rampart_core::DpopMode;

use crate::StartError;

/// What the arguments say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// `--custom-errors`.
    pub(crate) custom_errors: bool,
    /// `--dpop`, or `--dpop=required`.
    pub(crate) dpop: Option<DpopMode>,
}

impl Arguments {
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, StartError> {
        let mut read = Self::default();
        for argument in arguments {
            match argument.to_str() {
                Some("--custom-errors") => read.custom_errors = true,
                Some("--dpop") => read.dpop = Some(DpopMode::Accepted),
                Some("--dpop=required") => read.dpop = Some(DpopMode::Required),
                _ => return Err(StartError::Argument(argument.to_string_lossy().into_owned())),
            }
        }
        Ok(read)
    }
}
