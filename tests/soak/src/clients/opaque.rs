//! Opaque tokens, about which their issuer is asked: of users whom it has vouched for, and of strangers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{PROFILE, STATS, TASKS, pick};
use crate::away::Away;
use crate::load::{Attempt, Caller, Client};
use crate::scene::{Aways, Issuing};
use crate::tally::Duty;

const USERS: u32 = 8;
/// One user comes after another, so that their answers are not all renewed at once.
const APART: Duration = Duration::from_secs(3);
/// An answer is believed for 30 s; and a second for the way.
const BELIEVED: Duration = Duration::from_secs(31);
const REVOKE_EVERY: Duration = Duration::from_secs(5);
const REMEMBERED: usize = 64;
/// The server remembers so many tokens that are none; and answers about good ones in a mebibyte.
const FILLING_BAD: usize = 4200;
const FILLING_GOOD: usize = 1200;

/// What those who send opaque tokens share.
pub(crate) struct Opaque {
    issuing: Issuing,
    /// The issuer cannot be asked.
    asked: Arc<Away>,
    /// Not for so long, or in such a way, that those whom it has vouched for notice.
    asked_for_long: Arc<Away>,
    users: Vec<Mutex<User>>,
    revoked: Mutex<Vec<Revoked>>,
    started: Instant,
}

struct User {
    token: String,
    is_known: bool,
}

/// A token that was in use when its issuer revoked it.
struct Revoked {
    token: String,
    is_known: bool,
    at: Option<Instant>,
}

impl Opaque {
    pub(crate) fn new(issuing: &Issuing, aways: &Aways) -> Arc<Self> {
        let lasting = |number: u32| issuing.asked.opaque().sub(&format!("user-{number}")).expires_in(24 * 3600);
        let user =
            |number| Mutex::new(User { token: lasting(number).claim("roles", ["admin"]).issue(), is_known: false });
        Arc::new(Self {
            users: (0..USERS).map(user).collect(),
            issuing: issuing.clone(),
            asked: Arc::clone(&aways.asked),
            asked_for_long: Arc::clone(&aways.asked_for_long),
            revoked: Mutex::default(),
            started: Instant::now(),
        })
    }

    /// Fills the places where answers are remembered.
    pub(crate) fn fill(&self, mut client: Client) {
        for number in 0..FILLING_BAD {
            let _ = client.status(&made_up(number));
        }
        for _ in 0..FILLING_GOOD {
            assert_eq!(client.status(&self.issuing.asked.opaque().issue()), 200, "the issuer can be asked");
        }
    }
}

fn made_up(number: usize) -> String {
    format!("made-up-token-{number:016x}-that-no-issuer-has-ever-issued")
}

/// Those whom the issuer has vouched for: they pass whatever becomes of it, as long as its answer is believed.
pub(crate) struct Known(pub(crate) Arc<Opaque>);

impl Caller for Known {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let opaque = &self.0;
        let here = (opaque.started.elapsed().as_secs() / APART.as_secs()).saturating_add(1).min(USERS.into());
        let user = opaque.users[number % usize::try_from(here).unwrap()].lock();
        let line = if number.is_multiple_of(3) { STATS } else { PROFILE };
        Some(if user.is_known {
            Attempt::bearer("opaque token", Duty::Accept(200), line, &user.token).needs(&opaque.asked_for_long)
        } else {
            Attempt::bearer("opaque token, first", Duty::Accept(200), line, &user.token).needs(&opaque.asked)
        })
    }

    fn answered(&mut self, attempt: &Attempt, status: u16) {
        if status == 200 && attempt.name == "opaque token, first" {
            let sent = String::from_utf8_lossy(attempt.request());
            for user in &self.0.users {
                let mut user = user.lock();
                user.is_known |= sent.contains(&*user.token);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    New,
    MadeUp,
    OtherAudience,
    BoundAsBearer,
    Revoked,
}

const MIXTURE: [(Kind, usize); 5] =
    [(Kind::New, 10), (Kind::MadeUp, 50), (Kind::OtherAudience, 5), (Kind::BoundAsBearer, 5), (Kind::Revoked, 30)];

/// Those of whom nothing is known: new ones, a flood of what is no token, and tokens that their issuer has revoked.
pub(crate) struct Strange(pub(crate) Arc<Opaque>);

impl Caller for Strange {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let Opaque { issuing: Issuing { asked, .. }, asked: away, .. } = &*self.0;
        let bad = |name, token: &str| Attempt::bearer(name, Duty::Refuse(401), PROFILE, token).needs(away);
        Some(match pick(&MIXTURE, number) {
            // While the issuer is away nobody can tell them from those that are made up, of which too many are 401.
            Kind::New => Attempt::bearer("opaque token, new", Duty::Accept(200), TASKS, &asked.opaque().issue())
                .or(Duty::Either, away),
            Kind::MadeUp => bad("made-up token", &made_up(FILLING_BAD + number)),
            Kind::OtherAudience => bad("opaque, other audience", &asked.opaque().audience("another").issue()),
            Kind::BoundAsBearer => {
                let token = asked.opaque().claim("cnf", serde_json::json!({"jkt": "A".repeat(43)})).issue();
                bad("opaque, bound, as Bearer", &token)
            }
            Kind::Revoked => return self.revoked(number),
        })
    }

    fn answered(&mut self, attempt: &Attempt, status: u16) {
        if status == 200 && attempt.name == "opaque, to be revoked" {
            let sent = String::from_utf8_lossy(attempt.request());
            for revoked in &mut *self.0.revoked.lock() {
                revoked.is_known |= sent.contains(&*revoked.token);
            }
        }
    }
}

impl Strange {
    /// Every few seconds a token more: used, revoked while it is in use, and tried again for as long as the run lasts.
    fn revoked(&self, number: usize) -> Option<Attempt> {
        let Opaque { issuing: Issuing { asked, .. }, asked: away, started, .. } = &*self.0;
        let mut all = self.0.revoked.lock();
        let due = started.elapsed().as_secs() / REVOKE_EVERY.as_secs() + 1;
        if all.iter().all(|revoked| revoked.at.is_some()) && all.len() < REMEMBERED && (all.len() as u64) < due {
            let token = asked.opaque().expires_in(24 * 3600).issue();
            all.push(Revoked { token, is_known: false, at: None });
        }
        let index = number / 100 % all.len().max(1);
        // One that is in use yet comes more often.
        let waiting = all.iter().position(|revoked| revoked.at.is_none()).filter(|_| number.is_multiple_of(2));
        let revoked = all.get_mut(waiting.unwrap_or(index))?;
        if revoked.is_known && revoked.at.is_none() {
            asked.revoke(&revoked.token);
            revoked.at = Some(Instant::now());
        }
        let (name, duty) = match revoked.at {
            None => ("opaque, to be revoked", Duty::Either),
            Some(at) if at.elapsed() < BELIEVED => ("opaque, just revoked", Duty::Either),
            Some(_) => ("opaque, revoked", Duty::Refuse(401)),
        };
        let attempt = Attempt::bearer(name, duty, PROFILE, &revoked.token);
        Some(if duty == Duty::Either { attempt } else { attempt.needs(away) })
    }
}
