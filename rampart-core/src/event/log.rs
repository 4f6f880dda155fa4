//! The log: one listener, with a level and a line for every event. The page `log` of the manual has them all.

use tracing::field::{debug, display};
use tracing::{debug, error, info, warn};

use super::list::{AmbiguousKey, Blame, Event, RefusedToken};
use crate::answer::error::AuthError;
use crate::rule::Rule;

/// Characters of a key ID that are shown; `Debug` escapes what could forge or disguise a line.
const SHOWN_OF_KEY_ID: usize = 64;

pub(crate) fn log(event: &Event<'_>) {
    match event {
        Event::TokenMissing => {
            debug!(target: "rampart", rule = "V1", "the request carries no bearer token");
        }
        Event::TokenRefused(token) => log_refused(token),
        Event::Insufficient { error } => {
            let required = match error {
                AuthError::InsufficientRole { required } | AuthError::InsufficientScope { required } => {
                    required.as_slice()
                }
                _ => &[],
            };
            debug!(target: "rampart", ?required, "the access token lacks a role or scope");
        }
        Event::ClaimMistyped { claim } => {
            debug!(
                target: "rampart", claim,
                "a claim of an access token has another type than it should; it counts as absent"
            );
        }
        Event::SignatureRefused(token) => {
            let (rule, why, kid) = (token.rule.as_str(), token.why, token.key_id.map(shown).map(debug));
            info!(target: "rampart", rule, why, kid, "signature refused");
        }
        Event::KeysFetched { .. }
        | Event::KeysChanged { .. }
        | Event::KeysElsewhere { .. }
        | Event::KeyFetchFailed { .. }
        | Event::KeyFetchAbandoned { .. }
        | Event::KeyFetchImpossible { .. }
        | Event::KeySkipped { .. }
        | Event::MoreKeysSkipped { .. }
        | Event::KeysCut { .. }
        | Event::KeyAmbiguous(_) => log_of_keys(event),
        Event::IntrospectionFailed { issuer, error, is_fault, pause, left_out } => {
            let (pause_s, left_out) = (pause.map(|pause| pause.as_secs()), Some(*left_out).filter(|lines| *lines > 0));
            if *is_fault {
                error!(
                    target: "rampart", issuer, error, pause_s,
                    "the issuer cannot be asked about tokens: check endpoint, client_id and client_secret of the introspection"
                );
            } else {
                warn!(target: "rampart", issuer, error, pause_s, left_out, "the issuer could not be asked about a token");
            }
        }
        Event::LoggedOut { .. } | Event::LogoutRefused { .. } | Event::LogoutUnavailable { .. } => log_logout(event),
        Event::PolicyDeniesEveryone { why } => {
            error!(target: "rampart", why, "a policy denies everyone");
        }
        Event::OutcomeTaken => {
            error!(target: "rampart", "the outcome of a verification was asked for again after it had been taken");
        }
        Event::ResolverMisused { iss, problem, left_out } => {
            let (iss, left_out) = (debug(shown(iss)), Some(*left_out).filter(|left_out| *left_out > 0));
            error!(target: "rampart", iss, problem, left_out, "a resolver of issuers is misused");
        }
        Event::IssuersAlike { one, other } => {
            warn!(
                target: "rampart", one, other,
                "two issuers differ only in a slash at the end, in upper and lower case, or in http and https"
            );
        }
        Event::RevocationsLoaded { .. }
        | Event::RevocationsRestored { .. }
        | Event::RevocationsInitialized
        | Event::RevocationFeedFailed { .. }
        | Event::RevocationFeedRecovered
        | Event::RevocationOutageIgnored { .. }
        | Event::RevocationSkipped { .. }
        | Event::RevocationsOutlived => log_of_revocations(event),
        Event::ClockBefore1970 => {
            error!(target: "rampart", "the system clock stands before 1970: no token can be judged");
        }
        Event::NotSetUp { problem } => {
            error!(target: "rampart", "{problem}");
        }
    }
}

fn log_of_keys(event: &Event<'_>) {
    match event {
        Event::KeysFetched { keys } => {
            info!(target: "rampart", keys, "the issuer's keys have been fetched");
        }
        Event::KeysChanged { keys } => {
            info!(target: "rampart", keys, "the issuer's keys have changed");
        }
        Event::KeysElsewhere { url } => {
            info!(target: "rampart", url, "the issuer's metadata says that its keys are on another origin");
        }
        Event::KeyFetchFailed { url, error, failures, retry_in } => {
            let retry_in_ms = retry_in.as_millis();
            warn!(target: "rampart", url, error, failures, retry_in_ms, "the issuer's keys could not be fetched");
        }
        Event::KeyFetchAbandoned { url } => {
            warn!(
                target: "rampart", url,
                "a fetch of the issuer's keys was left behind: the runtime of its task has ended, or nobody drives it"
            );
        }
        Event::KeyFetchImpossible { problem } => {
            error!(target: "rampart", "the issuer's keys cannot be fetched: {problem}");
        }
        Event::KeySkipped { position, why, is_fault: true } => {
            warn!(target: "rampart", position, why, "a key of the key set cannot be used; skipped");
        }
        Event::KeySkipped { position, why, is_fault: false } => {
            debug!(target: "rampart", position, why, "a key of the key set has another purpose; skipped");
        }
        Event::MoreKeysSkipped { skipped } => {
            warn!(target: "rampart", skipped, "more keys of the key set cannot be used than are named here");
        }
        Event::KeysCut { limit } => {
            warn!(target: "rampart", limit, "the key set holds more usable keys than are taken");
        }
        Event::KeyAmbiguous(AmbiguousKey { algorithm, limit, key_id }) => {
            let kid = key_id.map(shown).map(debug);
            warn!(
                target: "rampart", rule = "V4", limit, %algorithm, kid,
                "too many keys of the set fit one token; the issuer should publish distinct key IDs and tokens should carry them"
            );
        }
        _ => {}
    }
}

fn log_of_revocations(event: &Event<'_>) {
    match event {
        Event::RevocationsLoaded { entries } => {
            info!(target: "rampart", entries, "the shared revocations have been read");
        }
        Event::RevocationsRestored { entries } => {
            warn!(target: "rampart", entries, "the shared store had lost revocations, and was given them again");
        }
        Event::RevocationsInitialized => {
            warn!(
                target: "rampart",
                "the shared store of revocations was said to be new, as initialize asks for; take that away before the next start"
            );
        }
        Event::RevocationFeedFailed { error, failures, age, is_stale: false } => {
            let age_s = age.map(|age| age.as_secs());
            warn!(target: "rampart", error, failures, age_s, "the shared store of revocations cannot be used");
        }
        Event::RevocationFeedFailed { error, failures, age, is_stale: true } => {
            let age_s = age.map(|age| age.as_secs());
            error!(target: "rampart", error, failures, age_s, "nobody can say what is revoked: tokens are answered by 503");
        }
        Event::RevocationFeedRecovered => {
            info!(target: "rampart", "the shared store of revocations can be used again");
        }
        Event::RevocationOutageIgnored { age } => {
            let age_s = age.map(|age| age.as_secs());
            warn!(target: "rampart", age_s, "the shared store of revocations is away, and revoked tokens may pass");
        }
        Event::RevocationSkipped { why, left_out } => {
            let left_out = Some(*left_out).filter(|left_out| *left_out > 0);
            warn!(target: "rampart", why, left_out, "an entry of the shared store of revocations was skipped");
        }
        Event::RevocationsOutlived => {
            warn!(
                target: "rampart",
                "opaque tokens whose issuer does not say when they end may outlive what revokes them, which is remembered for max_token_lifetime"
            );
        }
        _ => {}
    }
}

fn log_logout(event: &Event<'_>) {
    match event {
        Event::LoggedOut { issuer } => {
            info!(target: "rampart", issuer, "a session has ended at the issuer: its tokens are revoked");
        }
        Event::LogoutRefused { why } => {
            info!(target: "rampart", why, "logout token refused");
        }
        Event::LogoutUnavailable { left_out } => {
            let left_out = Some(*left_out).filter(|left_out| *left_out > 0);
            warn!(target: "rampart", left_out, "a logout cannot be carried out now: its sender is told to come again");
        }
        _ => {}
    }
}

fn log_refused(token: &RefusedToken<'_>) {
    let RefusedToken { error: _, cause, rule, why, hint, key_id, says, blame } = token;
    let Blame { issuer, accepted, keys_age, hint: blamed, is_unlogged, left_out } = blame;
    if *is_unlogged {
        return;
    }
    // Of those that come while a store is away there may be as many as there are requests.
    let is_undecided = *rule == Rule::R1 && matches!(cause, AuthError::StateUnavailable { .. });
    let (rule, kid, hint) = (rule.as_str(), key_id.map(shown).map(debug), hint.or(*blamed));
    match cause {
        AuthError::TokenExpired | AuthError::KeysUnavailable { .. } | AuthError::UseNonce => {
            debug!(target: "rampart", rule, why, kid, issuer, "access token refused");
        }
        _ if is_undecided => {
            debug!(target: "rampart", rule, why, kid, issuer, "access token refused");
        }
        AuthError::MissingClaim { claim } => {
            info!(target: "rampart", rule, why, %claim, hint, kid, issuer, "access token refused");
        }
        _ => {
            let (accepted, says) = (accepted.map(debug), says.map(display));
            let keys_age_s = keys_age.map(|age| age.as_secs());
            info!(
                target: "rampart", rule, why, accepted, says, keys_age_s, hint, kid, issuer, left_out, "access token refused"
            );
        }
    }
}

/// The beginning of a key ID.
fn shown(kid: &str) -> &str {
    kid.char_indices().nth(SHOWN_OF_KEY_ID).map_or(kid, |(end, _)| kid.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fmt::Debug;
    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Level, Metadata, Subscriber};

    use super::*;
    use crate::jose::algorithm::Algorithm;
    use crate::rule::{Refusal, Rule};

    const SECOND: Duration = Duration::from_secs(1);

    /// One of each event, and of each form that its line can take.
    fn samples(tell: &mut dyn FnMut(&Event<'_>)) {
        let error = AuthError::insufficient_scope(["tasks:read"]);
        let events = [
            Event::TokenMissing,
            Event::Insufficient { error: &error },
            Event::ClaimMistyped { claim: "email" },
            Event::KeysFetched { keys: 1 },
            Event::KeysChanged { keys: 2 },
            Event::KeysElsewhere { url: "https://keys.example/" },
            Event::KeyFetchFailed { url: "https://a.example/", error: "status 500", failures: 3, retry_in: SECOND },
            Event::KeyFetchAbandoned { url: "https://a.example/" },
            Event::KeyFetchImpossible { problem: "there is no runtime" },
            Event::IntrospectionFailed {
                issuer: "https://a.example",
                error: "down",
                is_fault: false,
                pause: Some(SECOND),
                left_out: 3,
            },
            Event::IntrospectionFailed {
                issuer: "https://a.example",
                error: "401",
                is_fault: true,
                pause: Some(SECOND),
                left_out: 0,
            },
            Event::LoggedOut { issuer: "https://a.example" },
            Event::LogoutRefused { why: "because" },
            Event::LogoutUnavailable { left_out: 3 },
            Event::KeySkipped { position: 0, why: "its kty is missing", is_fault: true },
            Event::KeySkipped { position: 0, why: "its use is not sig", is_fault: false },
            Event::MoreKeysSkipped { skipped: 21 },
            Event::KeysCut { limit: 100 },
            Event::KeyAmbiguous(AmbiguousKey { algorithm: Algorithm::ES256, limit: 4, key_id: Some("a") }),
            Event::PolicyDeniesEveryone { why: "it has no names" },
            Event::OutcomeTaken,
            Event::ResolverMisused { iss: "https://a.example", problem: "it gives another issuer", left_out: 3 },
            Event::IssuersAlike { one: "https://a.example", other: "https://a.example/" },
            Event::RevocationsLoaded { entries: 1 },
            Event::RevocationsRestored { entries: 1 },
            Event::RevocationsInitialized,
            Event::RevocationFeedFailed { error: "away", failures: 1, age: Some(SECOND), is_stale: false },
            Event::RevocationFeedFailed { error: "away", failures: 1, age: Some(SECOND), is_stale: true },
            Event::RevocationFeedRecovered,
            Event::RevocationOutageIgnored { age: Some(SECOND) },
            Event::RevocationSkipped { why: "it is malformed", left_out: 3 },
            Event::RevocationsOutlived,
            Event::ClockBefore1970,
        ];
        events.iter().for_each(&mut *tell);
        for problem in [
            "a guard found no RampartAuth: add it",
            "a guard found two RampartAuth, one and another",
            "an error handler has answered with a stream, which cannot be kept",
            "a route needs a RampartAuth: add it",
            "the Rocket manages another RampartAuth already: attach one",
            "Rocket's configuration, profile `debug`: write it",
        ] {
            tell(&Event::NotSetUp { problem });
        }
        let (accepted, why) = (["my-api".to_owned()], "because");
        let keys_age = Some(SECOND);
        let of_issuer = || Blame { issuer: Some("a"), ..Blame::default() };
        let refusals = [
            (Refusal::invalid(Rule::V2, why), Blame::default()),
            (Refusal::invalid(Rule::V5, why), Blame { keys_age, hint: Some("look"), ..Blame::default() }),
            (Refusal::invalid(Rule::V7, why).saying(&"b"), of_issuer()),
            (Refusal::invalid(Rule::V7, why).saying(&"b"), Blame { left_out: Some(3), ..Blame::default() }),
            (
                Refusal::invalid(Rule::V8, why).saying(&["b"]).hinting("look"),
                Blame { accepted: Some(&accepted), ..Blame::default() },
            ),
            (Refusal::missing_claim(Rule::V6b, "aud".into()).hinting("look"), of_issuer()),
            (Refusal::new(AuthError::TokenExpired, Rule::V9, why), of_issuer()),
            (Refusal::new(AuthError::keys_unavailable(SECOND), Rule::V4, why), of_issuer()),
            (Refusal::new(AuthError::TokenRevoked, Rule::R1, why), of_issuer()),
            (Refusal::new(AuthError::state_unavailable(SECOND), Rule::R1, why), of_issuer()),
        ];
        for (refusal, blame) in refusals {
            tell(&Event::TokenRefused(RefusedToken::new(&refusal, Some("a")).with(blame)));
        }
        tell(&Event::SignatureRefused(RefusedToken::new(&Refusal::invalid(Rule::V5, why), Some("a"))));
    }

    /// What an event is called here. A new one does not compile until it has a name, and then lacks its sample.
    const fn name(event: &Event<'_>) -> &'static str {
        match event {
            Event::TokenMissing => "TokenMissing",
            Event::TokenRefused(_) => "TokenRefused",
            Event::Insufficient { .. } => "Insufficient",
            Event::ClaimMistyped { .. } => "ClaimMistyped",
            Event::SignatureRefused(_) => "SignatureRefused",
            Event::KeysFetched { .. } => "KeysFetched",
            Event::KeysChanged { .. } => "KeysChanged",
            Event::KeysElsewhere { .. } => "KeysElsewhere",
            Event::KeyFetchFailed { .. } => "KeyFetchFailed",
            Event::KeyFetchAbandoned { .. } => "KeyFetchAbandoned",
            Event::KeyFetchImpossible { .. } => "KeyFetchImpossible",
            Event::IntrospectionFailed { .. } => "IntrospectionFailed",
            Event::LoggedOut { .. } => "LoggedOut",
            Event::LogoutRefused { .. } => "LogoutRefused",
            Event::LogoutUnavailable { .. } => "LogoutUnavailable",
            Event::KeySkipped { .. } => "KeySkipped",
            Event::MoreKeysSkipped { .. } => "MoreKeysSkipped",
            Event::KeysCut { .. } => "KeysCut",
            Event::KeyAmbiguous(_) => "KeyAmbiguous",
            Event::PolicyDeniesEveryone { .. } => "PolicyDeniesEveryone",
            Event::ResolverMisused { .. } => "ResolverMisused",
            Event::IssuersAlike { .. } => "IssuersAlike",
            Event::RevocationsLoaded { .. } => "RevocationsLoaded",
            Event::RevocationsRestored { .. } => "RevocationsRestored",
            Event::RevocationsInitialized => "RevocationsInitialized",
            Event::RevocationFeedFailed { .. } => "RevocationFeedFailed",
            Event::RevocationFeedRecovered => "RevocationFeedRecovered",
            Event::RevocationOutageIgnored { .. } => "RevocationOutageIgnored",
            Event::RevocationSkipped { .. } => "RevocationSkipped",
            Event::RevocationsOutlived => "RevocationsOutlived",
            Event::OutcomeTaken => "OutcomeTaken",
            Event::ClockBefore1970 => "ClockBefore1970",
            Event::NotSetUp { .. } => "NotSetUp",
        }
    }

    /// A line: its level, its text, the names of its fields.
    #[derive(Debug)]
    struct Line {
        level: Level,
        message: String,
        fields: Vec<&'static str>,
    }

    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<Line>>>);

    impl Subscriber for Recorder {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            assert_eq!(event.metadata().target(), "rampart");
            let mut line = Line { level: *event.metadata().level(), message: String::new(), fields: Vec::new() };
            event.record(&mut line);
            self.0.lock().push(line);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            match field.name() {
                "message" => self.message = format!("{value:?}"),
                name => self.fields.push(name),
            }
        }
    }

    /// What stands between backticks.
    fn code(cell: &str) -> impl Iterator<Item = &str> {
        cell.split('`').skip(1).step_by(2)
    }

    #[test]
    fn manual_has_level_and_fields_of_every_event_and_nothing_else() {
        let page = include_str!("../manual/log.md");
        let (table, _) = page.split_once("`rampart-client` logs").unwrap();
        let rows: Vec<[&str; 3]> = table
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
                [cells[0], cells[1], cells.get(2).copied().unwrap_or_default()]
            })
            .collect();
        assert!(rows.len() > 15, "{rows:?}");

        let recorder = Recorder::default();
        let (mut shown, seen) = (vec![Vec::new(); rows.len()], RefCell::new(Vec::new()));
        tracing::subscriber::with_default(recorder.clone(), || {
            samples(&mut |event| {
                seen.borrow_mut().push(name(event));
                log(event);
            });
        });
        for line in recorder.0.lock().iter() {
            let level = line.level.to_string().to_lowercase();
            let matches = |[event, levels, fields]: &[&str; 3]| {
                let is_it = |text: &str| line.message.starts_with(text.trim_end_matches("..").trim_end());
                code(event).any(is_it)
                    && levels.contains(&level)
                    && line.fields.iter().all(|name| code(fields).any(|told| told == *name))
            };
            let fitting: Vec<_> = rows.iter().map(matches).collect();
            assert!(fitting.contains(&true), "no row of the manual has {line:?}");
            let fitting = shown.iter_mut().zip(fitting).filter(|(_, fits)| *fits);
            fitting.for_each(|(shown, _)| shown.extend([&["itself"], &*line.fields].concat()));
        }
        for (row, shown) in rows.iter().zip(shown) {
            assert!(shown.contains(&"itself"), "nothing logs {row:?}");
            assert!(
                code(row[2]).all(|field| shown.contains(&field)),
                "a field is never logged: {row:?}, but {shown:?}"
            );
        }
        // Every name stands in the match above, so that the list below is complete.
        let source = include_str!("log.rs");
        let (_, names) = source.split_once("const fn name(").unwrap();
        let (names, _) = names.split_once("/// A line").unwrap();
        for name in names.split('"').skip(1).step_by(2) {
            assert!(seen.borrow().contains(&name), "{name} has no sample");
        }
    }
}
