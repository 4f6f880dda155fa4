//! What is revoked while it is in use: by the API itself, by another replica, and by the issuer's logout tokens.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use rampart_core::{Revocation, Revocations, RevokeError};
use rampart_issuer::{LocalIssuer, TokenBuilder};
use tokio::runtime::Handle;

use super::PROFILE;
use crate::away::Away;
use crate::keys::Keys;
use crate::load::{Attempt, Caller, http};
use crate::scene::{Aways, Issuing};
use crate::tally::Duty;

/// What another replica has revoked is refused by this one so long after `revoke` has returned; the store must be there for that.
const DELAY: Duration = Duration::from_secs(1);
/// What the store did not take is sent again until it does.
const UNSTORED: Duration = Duration::from_secs(10);
/// A new login passes when so long has gone by: the clock tolerance, and the rest of two seconds.
const NEW_LOGIN: Duration = Duration::from_secs(7);
const REMEMBERED: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Token,
    Session,
    User,
    Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Api,
    OtherReplica,
    LogoutToken,
}

const CASES: [(What, By); 10] = [
    (What::Token, By::Api),
    (What::Token, By::OtherReplica),
    (What::Session, By::Api),
    (What::Session, By::OtherReplica),
    (What::Session, By::LogoutToken),
    (What::User, By::Api),
    (What::User, By::OtherReplica),
    (What::User, By::LogoutToken),
    (What::Client, By::Api),
    (What::Client, By::OtherReplica),
];

/// Something to be revoked.
struct Case {
    what: What,
    by: By,
    /// What it goes by: `jti`, `sid`, `sub` or `client_id`.
    name: String,
    token: String,
    /// A token that is like it, but for that name.
    other: String,
    /// A new login of the user, once it may pass.
    later: Option<String>,
    is_known: bool,
    fate: Fate,
    /// Held by whoever asks about it.
    in_use: Arc<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Good,
    /// It is being revoked.
    Undecided,
    /// Others have stored it, and this replica is about to hear of it from then on.
    Told(Instant),
    /// From then on it must be refused, for good.
    Out(Instant),
}

/// The list of all that was revoked or is going to be.
pub(crate) struct Revoked {
    partner: LocalIssuer,
    /// The list that replicas share.
    store: Arc<Away>,
    cases: Mutex<Vec<Case>>,
}

impl Revoked {
    pub(crate) fn new(issuing: &Issuing, aways: &Aways) -> Arc<Self> {
        let store = Arc::clone(&aways.revocations);
        Arc::new(Self { partner: issuing.partner.clone(), store, cases: Mutex::default() })
    }

    /// Tokens that must be refused, by this replica and by whichever starts.
    pub(crate) fn out(&self) -> Vec<String> {
        let mut cases = self.cases.lock();
        cases.iter_mut().for_each(|case| case.settle(&self.store));
        cases.iter().filter(|case| matches!(case.fate, Fate::Out(_))).map(|case| case.token.clone()).collect()
    }
}

impl Case {
    fn new(issuer: &LocalIssuer, number: usize) -> Self {
        let (what, by) = CASES[number % CASES.len()];
        let sign = |of: &str| {
            let claim = |name: &str| format!("{name}-{number}-{of}");
            let token = issuer.token().roles(["user"]).expires_in(24 * 3600).sub(&claim("user"));
            token.jti(&claim("token")).sid(&claim("session")).client_id(&claim("client")).sign().unwrap()
        };
        let name = match what {
            What::Token => "token",
            What::Session => "session",
            What::User => "user",
            What::Client => "client",
        };
        Self {
            what,
            by,
            name: format!("{name}-{number}-a"),
            token: sign("a"),
            other: sign("b"),
            later: None,
            is_known: false,
            fate: Fate::Good,
            in_use: Arc::default(),
        }
    }

    /// Once another replica's word must have come, it has for good.
    fn settle(&mut self, store: &Away) {
        if let Fate::Told(due) = self.fate
            && Instant::now() >= due
            && !store.is_felt()
        {
            self.fate = Fate::Out(due);
        }
    }

    fn revocation(&self, iss: &str) -> Revocation {
        match self.what {
            What::Token => Revocation::token(iss, &self.name).into(),
            What::Session => Revocation::session(iss, &self.name).into(),
            What::User => Revocation::subject(iss, &self.name).issued_before(now()).into(),
            What::Client => Revocation::client(iss, &self.name).into(),
        }
    }

    /// The body of a request that revokes it.
    fn body(&self, iss: &str) -> String {
        let name = &self.name;
        match self.what {
            What::Token => format!(r#"{{"iss":"{iss}","jti":"{name}","until":{}}}"#, now() + 24 * 3600),
            What::Session => format!(r#"{{"iss":"{iss}","sid":"{name}"}}"#),
            What::User => format!(r#"{{"iss":"{iss}","sub":"{name}","issued_before":{}}}"#, now()),
            What::Client => format!(r#"{{"iss":"{iss}","client_id":"{name}"}}"#),
        }
    }

    fn logout_token(&self, issuer: &LocalIssuer) -> TokenBuilder {
        match self.what {
            What::User => issuer.logout_token().sub(&self.name).without("sid"),
            _ => issuer.logout_token().without("sub").sid(&self.name),
        }
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Makes new ones, and revokes those that are in use.
pub(crate) struct Revoker {
    revoked: Arc<Revoked>,
    /// Has the keys of admins.
    keys: Arc<Keys>,
    /// Those of another replica.
    replica: Revocations,
    runtime: Handle,
    under_way: Option<String>,
}

impl Revoker {
    pub(crate) fn new(revoked: &Arc<Revoked>, keys: &Arc<Keys>, replica: &Revocations, runtime: &Handle) -> Self {
        Self {
            revoked: Arc::clone(revoked),
            keys: Arc::clone(keys),
            replica: replica.clone(),
            runtime: runtime.clone(),
            under_way: None,
        }
    }

    fn set(&self, name: &str, fate: Fate) {
        let mut cases = self.revoked.cases.lock();
        if let Some(case) = cases.iter_mut().find(|case| case.name == name) {
            case.fate = fate;
        }
    }
}

impl Caller for Revoker {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let Revoked { partner, store, cases } = &*self.revoked;
        let new = Case::new(partner, number);
        let mut cases = cases.lock();
        cases.push(new);
        if cases.len() > REMEMBERED {
            let oldest = cases.iter().position(|case| matches!(case.fate, Fate::Out(_)));
            oldest.map(|index| cases.remove(index));
        }
        let is_ready =
            |case: &&mut Case| case.fate == Fate::Good && case.is_known && Arc::strong_count(&case.in_use) == 1;
        let case = cases.iter_mut().find(is_ready)?;
        case.fate = Fate::Undecided;
        let (name, iss) = (case.name.clone(), partner.url());
        match case.by {
            By::OtherReplica => {
                let revocation = case.revocation(iss);
                drop(cases);
                let due = match self.runtime.block_on(self.replica.revoke(revocation)) {
                    Ok(()) => Instant::now() + DELAY,
                    Err(RevokeError::NotStored(_)) => Instant::now() + UNSTORED,
                    Err(error) => panic!("{error}"),
                };
                self.set(&name, Fate::Told(due));
                None
            }
            By::Api => {
                let key = self.keys.good(number);
                let admin = format!("Bearer {}", key.admin);
                let request = http("POST /api/admin/revocations", &[("Authorization", &*admin)], &case.body(iss));
                self.under_way = Some(name);
                Some(Attempt::new("revocation", Duty::Accept(204), request).holding(&key).needs(store))
            }
            By::LogoutToken => {
                let form = format!("logout_token={}", case.logout_token(partner).sign().unwrap());
                let kind = ("Content-Type", "application/x-www-form-urlencoded");
                self.under_way = Some(name);
                let request = http("POST /backchannel-logout", &[kind], &form);
                Some(Attempt::new("logout token", Duty::Accept(200), request).needs(store))
            }
        }
    }

    fn answered(&mut self, _: &Attempt, status: u16) {
        if let Some(name) = self.under_way.take() {
            // 503 says that it is not stored for others yet: here it is in force all the same.
            let in_force = matches!(status, 200 | 204 | 503);
            self.set(&name, if in_force { Fate::Out(Instant::now()) } else { Fate::Undecided });
        }
    }
}

/// Asks about all of them.
pub(crate) struct Asker {
    revoked: Arc<Revoked>,
    asking: Option<(String, Arc<()>)>,
}

impl Asker {
    pub(crate) fn new(revoked: &Arc<Revoked>) -> Self {
        Self { revoked: Arc::clone(revoked), asking: None }
    }
}

impl Caller for Asker {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let Revoked { partner, store, cases } = &*self.revoked;
        let mut cases = cases.lock();
        // Every other time one that has never been asked about, so that there is always one to revoke.
        let new = cases.iter().rposition(|case| !case.is_known).filter(|_| number.is_multiple_of(2));
        let index = new.unwrap_or((number / 2).wrapping_mul(7919) % cases.len().max(1));
        let case = cases.get_mut(index)?;
        case.settle(store);
        let good = |name, token: &str| Attempt::bearer(name, Duty::Accept(200), PROFILE, token);
        if case.is_known && number.is_multiple_of(5) {
            return Some(good("beside what is revoked", &case.other));
        }
        Some(match case.fate {
            Fate::Good => {
                self.asking = Some((case.name.clone(), Arc::clone(&case.in_use)));
                good("not revoked yet", &case.token)
            }
            Fate::Undecided | Fate::Told(_) => Attempt::bearer("being revoked", Duty::Either, PROFILE, &case.token),
            Fate::Out(since) if case.what == What::User && number % 5 == 1 && since.elapsed() > NEW_LOGIN => {
                let later = case
                    .later
                    .get_or_insert_with(|| partner.token().sub(&case.name).expires_in(24 * 3600).sign().unwrap());
                good("new login after that", later)
            }
            Fate::Out(_) => {
                let name = match case.by {
                    By::Api => "revoked here",
                    By::OtherReplica => "revoked elsewhere",
                    By::LogoutToken => "signed out",
                };
                Attempt::bearer(name, Duty::Refuse(401), PROFILE, &case.token)
            }
        })
    }

    fn answered(&mut self, _: &Attempt, status: u16) {
        if let Some((name, _in_use)) = self.asking.take()
            && status == 200
            && let Some(case) = self.revoked.cases.lock().iter_mut().find(|case| case.name == name)
        {
            case.is_known = true;
        }
    }
}
