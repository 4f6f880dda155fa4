//! The waits after failures: those that one set has earned, and those that hold for the whole client.

use std::time::Duration;

use parking_lot::Mutex;
use rampart_core::outbound::{self, TOTAL_TIMEOUT};
use tokio::time::Instant;

use crate::error::ClientError;

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// How long to wait after so many failures in a row: no less than the server asks for.
fn wait(failures: u32, error: &ClientError) -> Duration {
    let back_off = outbound::back_off(failures, FIRST_BACK_OFF, LONGEST_BACK_OFF);
    error.retry_after().map_or(back_off, |asked| asked.max(back_off))
}

/// A failure that every set would meet, such as a wrong secret or too many requests, makes all of them wait: otherwise each would
/// try for itself, and the server would be asked as often as there are sets.
#[derive(Debug, Default)]
pub(crate) struct Pause(Mutex<Option<Fault>>);

#[derive(Debug)]
struct Fault {
    error: ClientError,
    noted: Instant,
    until: Instant,
    failures: u32,
}

impl Pause {
    /// The failure for which the whole client waits.
    pub(crate) fn reason(&self, now: Instant) -> Option<ClientError> {
        self.0.lock().as_ref().filter(|fault| now < fault.until).map(|fault| fault.error.clone())
    }

    /// Allows a request that starts when it is due. The first one after a pause goes alone: the others wait for what becomes of it.
    pub(crate) fn admit(&self, now: Instant, due: Instant) -> Result<(), ClientError> {
        match self.0.lock().as_mut() {
            Some(fault) if now < fault.until => Err(fault.error.clone()),
            Some(fault) => {
                fault.until = due + TOTAL_TIMEOUT;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A request that started then has given a token.
    pub(crate) fn succeeded(&self, start: Instant) {
        // One that was under way already says nothing about now.
        self.0.lock().take_if(|fault| start > fault.noted);
    }

    /// A request that started then has failed, for the so many-th time in a row for its set. How long that set waits.
    pub(crate) fn failed(&self, error: &ClientError, failures: u32, start: Instant, now: Instant) -> Duration {
        let mut pause = self.0.lock();
        if !error.is_of_the_client() {
            if let Some(fault) = pause.as_mut().filter(|fault| start > fault.noted) {
                fault.until = fault.until.min(now);
            }
            return wait(failures, error);
        }
        match pause.as_mut() {
            // Many at the same time are one failure.
            Some(fault) if start <= fault.noted => {
                let wait = wait(failures, error);
                fault.until = fault.until.max(now + wait);
                wait
            }
            fault => {
                let in_a_row = fault.map_or(0, |fault| fault.failures).saturating_add(1);
                let wait = wait(failures.max(in_a_row), error);
                *pause = Some(Fault { error: error.clone(), noted: now, until: now + wait, failures: in_a_row });
                wait
            }
        }
    }
}
