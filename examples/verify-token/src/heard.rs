//! What the library says of a refused token: the fields of its line in the log, which the manual's page on the log describes.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Listens for the line about a refused token.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Refusal>>);

/// That line.
#[derive(Clone, Default)]
pub(crate) struct Refusal {
    message: String,
    /// The name of the rule.
    pub(crate) rule: String,
    pub(crate) why: String,
    /// Whose rules were asked; empty where the token names none of the issuers.
    pub(crate) issuer: String,
    /// The claim that is missing.
    pub(crate) claim: String,
    pub(crate) hint: String,
}

impl Heard {
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Refusal::default();
    }

    pub(crate) fn refusal(&self) -> Refusal {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Refusal {
    pub(crate) fn names(&self, issuer: &str) -> bool {
        self.issuer == issuer
    }
}

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut refusal = Refusal::default();
        event.record(&mut refusal);
        if refusal.message == "access token refused" {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        }
    }
}

impl Visit for Refusal {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let place = match field.name() {
            "message" => &mut self.message,
            "rule" => &mut self.rule,
            "why" => &mut self.why,
            "issuer" => &mut self.issuer,
            "claim" => &mut self.claim,
            "hint" => &mut self.hint,
            _ => return,
        };
        // A string takes whatever is written.
        let _ = write!(place, "{value:?}");
    }
}
