//! V10: claims of which the settings say what must stand there.

use rampart_http::json::Value;

use super::pointer::{Found, Pointer};
use crate::rule::{Refusal, Rule};

/// A claim, and the values of which it must have one.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// Its pointer, as the settings write it.
    pub(crate) name: String,
    pub(crate) pointer: Pointer,
    pub(crate) values: Vec<String>,
}

impl Demand {
    /// V10: a string, and as a whole one of the values. A list of strings is none: who else stands there may matter.
    pub(super) fn check(&self, found: Found<'_>) -> Result<(), Refusal> {
        let refusal = Refusal::invalid(Rule::V10, "a claim has none of the values that the settings require of it");
        match found.value() {
            Some(Value::Str(text)) if self.values.iter().any(|value| *value == text) => Ok(()),
            Some(Value::Str(text)) => Err(refusal.saying(&format_args!("{}: {text:?}", self.name))),
            _ => Err(refusal.saying(&format_args!("{}: no string", self.name))),
        }
    }
}
