//! What is known of the token of one set: which serves, when another may be asked for, and how the last attempts ended.

use std::time::Duration;

use rampart_http::outbox::Notes;
use rampart_http::single_flight::{Patience, SingleFlight};
use tokio::time::Instant;

use crate::error::{Blame, ClientError};
use crate::news::News;
use crate::token::AccessToken;

/// Between two requests for a token that was needed at once: a server whose tokens are dead on arrival is not asked in a loop.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// A token that another service refused is replaced at most this often.
const INVALIDATION_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) type Outcome = Result<AccessToken, ClientError>;

#[derive(Debug)]
pub(crate) struct State {
    token: Option<AccessToken>,
    /// What another service refused, until there is a newer one.
    refused: Option<AccessToken>,
    pub(crate) flights: SingleFlight<(), Outcome>,
    pub(crate) last_start: Option<Instant>,
    last_invalidation: Option<Instant>,
    pub(crate) failure: Option<(ClientError, Instant)>,
    pub(crate) failures_in_a_row: u32,
    /// Since when it has been refused for a reason that others should meet too.
    refused_since: Option<(Blame, Instant)>,
    pub(crate) is_outlier: bool,
    pub(crate) last_use: Option<Instant>,
    pub(crate) news: Vec<News>,
}

/// How a set stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// It has a token that serves.
    pub(crate) serves: bool,
    /// It has a request under way, for which somebody may be waiting.
    pub(crate) is_busy: bool,
    /// It waits after a failure, which would be forgotten with it.
    pub(crate) is_backing_off: bool,
    pub(crate) last_use: Instant,
}

impl Notes for State {
    type News = News;

    fn news(&mut self) -> &mut Vec<News> {
        &mut self.news
    }
}

impl State {
    /// For a set whose requests are waited for no longer than this.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            token: None,
            refused: None,
            flights: SingleFlight::new(Patience::SinceDue(patience)),
            last_start: None,
            last_invalidation: None,
            failure: None,
            failures_in_a_row: 0,
            refused_since: None,
            is_outlier: false,
            last_use: None,
            news: Vec::new(),
        }
    }

    pub(crate) fn standing(&self, now: Instant) -> Standing {
        Standing {
            serves: self.serving(now).is_some(),
            is_busy: self.flights.is_live(now),
            is_backing_off: self.backing_off(now).is_some(),
            last_use: self.last_use.unwrap_or(now),
        }
    }

    pub(crate) fn backing_off(&self, now: Instant) -> Option<&ClientError> {
        self.failure.as_ref().filter(|(_, retry_at)| now < *retry_at).map(|(error, _)| error)
    }

    pub(crate) fn serving(&self, now: Instant) -> Option<&AccessToken> {
        self.token.as_ref().filter(|token| now < token.times.serves_until)
    }

    pub(crate) fn earliest_start(&self, now: Instant) -> Instant {
        self.last_start.map_or(now, |start| now.max(start + SHORTEST_INTERVAL))
    }

    /// Whether the token that serves should be renewed, and nothing speaks against asking for another one now.
    pub(crate) fn may_renew(&self, token: &AccessToken, now: Instant) -> bool {
        let is_due = now >= token.times.fresh_until || self.is_refused(token);
        let interval = if self.failure.is_some() { SHORTEST_INTERVAL } else { token.times.renewal_interval };
        let waits_longer = self.last_start.is_some_and(|start| now < start + interval);
        is_due && !waits_longer && self.backing_off(now).is_none()
    }

    /// Keeps a token that has come.
    pub(crate) fn succeed(&mut self, token: &AccessToken, now: Instant) {
        // One that is dead on arrival does not push out one that lives.
        if now < token.times.serves_until || self.serving(now).is_none() {
            self.token = Some(token.clone());
            self.refused = None;
        }
        self.failure = None;
        self.failures_in_a_row = 0;
        self.refused_since = None;
        self.is_outlier = false;
        self.news.push(News::Got { lifetime: token.times.lifetime });
    }

    /// One more failure: the number of those in a row, and since when they are of this kind; those of what was asked for alone
    /// count to neither.
    pub(crate) fn count_failure(&mut self, blame: Blame, now: Instant) -> (u32, Instant) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let since = match self.refused_since {
            Some((known, since)) if known == blame => since,
            _ => {
                self.refused_since = Some((blame, now)).filter(|_| blame != Blame::Set).or(self.refused_since);
                now
            }
        };
        (self.failures_in_a_row, since)
    }

    /// Puts the token aside if it is the one that another service refused, and not too soon after the last such case.
    pub(crate) fn invalidate(&mut self, refused: &AccessToken, now: Instant) {
        let is_current = self.token.as_ref().is_some_and(|token| token.access_token == refused.access_token);
        if is_current && self.last_invalidation.is_none_or(|last| now >= last + INVALIDATION_INTERVAL) {
            self.news.push(News::Refused);
            self.last_invalidation = Some(now);
            self.refused = self.token.take();
            self.last_start = None;
        }
    }

    /// Forgets a token for good: nobody gets it any more.
    pub(crate) fn discard(&mut self, revoked: &str) {
        for kept in [&mut self.token, &mut self.refused] {
            kept.take_if(|token| token.access_token.expose() == revoked);
        }
    }

    /// Where no other token can be had, the refused one is better than none: it may be good elsewhere.
    pub(crate) fn put_back(&mut self, now: Instant) -> Option<AccessToken> {
        let refused = self.refused.clone().filter(|token| now < token.times.serves_until);
        if refused.is_some() && self.serving(now).is_none() {
            self.token.clone_from(&refused);
        }
        self.serving(now).cloned()
    }

    fn is_refused(&self, token: &AccessToken) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.access_token == token.access_token)
    }
}
