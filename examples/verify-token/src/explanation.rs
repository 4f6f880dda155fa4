//! Every rule, in its order: whether it holds, what the token says, and what is accepted.

use std::fmt;
use std::time::{Duration, SystemTime};

use rampart_core::{Claims, IssuerHealth, IssuerSettings, JwksState, Rule};

use crate::heard::Refusal;
use crate::reading::Reading;
use crate::trust::Trust;

/// The library's own, where the settings are silent.
const DEFAULT_TOLERANCE: Duration = Duration::from_secs(5);
const DEFAULT_TOKEN_BYTES: usize = 16 * 1024;

pub(crate) enum Verdict<'e> {
    Good(&'e Claims),
    Refused(&'e Refusal),
    /// There are no keys to say it by.
    Open(&'e Refusal),
}

pub(crate) struct Explanation<'e> {
    pub(crate) trust: &'e Trust,
    pub(crate) reading: &'e Reading,
    pub(crate) verdict: Verdict<'e>,
    /// The issuers' keys as they were when the token came, and as they are now.
    pub(crate) before: &'e [IssuerHealth],
    pub(crate) now: &'e [IssuerHealth],
}

/// What is known of a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Passed,
    /// By the token's own word, which nobody has verified.
    PassedUnverified,
    Failed,
    FailedUnverified,
    Open,
    NotReached,
    /// Nothing is asked of a signature without keys.
    NoKeys,
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuer = self.issuer();
        match issuer {
            Some(issuer) => {
                let several = self.now.len() > 1;
                let of = if several {
                    format!(", named by the token, of {} issuers", self.now.len())
                } else {
                    String::new()
                };
                writeln!(f, "issuer   {}{of}", issuer.name)?;
                writeln!(f, "keys     {}", keys(issuer))?;
            }
            None if self.refusal().is_some_and(|refusal| refusal.rule == Rule::V7.as_str()) => {
                writeln!(f, "issuer   none of the {} that are accepted", self.now.len())?;
            }
            None => writeln!(f, "issuer   not looked for, of the {} that are accepted", self.now.len())?,
        }
        let settings = issuer.and_then(|issuer| self.trust.issuer(&issuer.name));
        for rule in Rule::ALL {
            // Those of proofs come after the token's own: of a token alone, one at most is asked.
            if *rule <= Rule::V12 || self.failed() == Some(*rule) {
                self.rule(f, *rule, settings)?;
            }
        }
        // What the APIs know of revoked tokens is not known here, so that nobody takes a good token for one that was not revoked.
        if matches!(self.verdict, Verdict::Good(_)) {
            writeln!(f, "{:<5}{:<12} whether it was revoked", Rule::R1.as_str(), "not asked")?;
            line(f, "why", "what was revoked, each API knows, or Redis for its replicas: send the token to the API")?;
        }
        Ok(())
    }
}

impl Explanation<'_> {
    /// Whose rules were asked.
    fn issuer(&self) -> Option<&IssuerHealth> {
        let name = match &self.verdict {
            Verdict::Good(claims) => &claims.iss,
            Verdict::Refused(refusal) | Verdict::Open(refusal) => &refusal.issuer,
        };
        match self.now {
            [one] => Some(one),
            several => several.iter().find(|issuer| issuer.name == *name),
        }
    }

    fn state(&self, rule: Rule) -> State {
        let at_failure = match &self.verdict {
            Verdict::Good(_) => return State::Passed,
            Verdict::Refused(_) => State::Failed,
            Verdict::Open(_) => State::Open,
        };
        let Some(failed) = self.failed() else { return State::NotReached };
        // Of several, the token's own word picks the issuer before anything else is asked.
        if failed == Rule::V7 && self.issuer().is_none() {
            return match rule {
                Rule::V1 => State::Passed,
                Rule::V7 => State::FailedUnverified,
                _ => State::NotReached,
            };
        }
        // Without keys, what no key could mend is asked before them.
        if (Rule::V6..=Rule::V10).contains(&failed) && self.had_no_keys() {
            return match rule {
                Rule::V4 | Rule::V5 => State::NoKeys,
                _ if rule < Rule::V4 => State::Passed,
                _ if rule < failed => State::PassedUnverified,
                _ if rule == failed => State::FailedUnverified,
                _ => State::NotReached,
            };
        }
        match rule {
            _ if rule < failed => State::Passed,
            _ if rule == failed => at_failure,
            _ => State::NotReached,
        }
    }

    fn failed(&self) -> Option<Rule> {
        let refusal = self.refusal()?;
        Rule::ALL.iter().copied().find(|rule| rule.as_str() == refusal.rule)
    }

    /// When the token came. Keys that have come since may have been too late for it.
    fn had_no_keys(&self) -> bool {
        let issuer = self.issuer().and_then(|issuer| self.before.iter().find(|before| before.name == issuer.name));
        issuer.is_some_and(|issuer| matches!(issuer.keys.state, JwksState::Cold | JwksState::Dead))
    }

    fn rule(&self, f: &mut fmt::Formatter<'_>, rule: Rule, settings: Option<&IssuerSettings>) -> fmt::Result {
        let state = self.state(rule);
        let (says, accepted) = (self.says(rule, settings), self.accepted(rule, settings));
        writeln!(f, "{:<5}{:<12} {}", rule.as_str(), state.as_str(), title(rule))?;
        if let (State::Failed | State::FailedUnverified | State::Open, Some(refusal)) = (state, self.refusal()) {
            line(f, "why", &refusal.why)?;
            line(f, "missing", &refusal.claim)?;
            line(f, "hint", &refusal.hint)?;
        }
        line(f, "token", &says)?;
        line(f, if rule == Rule::V11 { "looked for" } else { "accepted" }, &accepted)?;
        if rule == Rule::V11 { self.granted(f, settings) } else { Ok(()) }
    }

    const fn refusal(&self) -> Option<&Refusal> {
        match &self.verdict {
            Verdict::Good(_) => None,
            Verdict::Refused(refusal) | Verdict::Open(refusal) => Some(refusal),
        }
    }

    /// What the token says that the rule is about.
    fn says(&self, rule: Rule, settings: Option<&IssuerSettings>) -> String {
        let reading = self.reading;
        match rule {
            Rule::V2 if reading.parts == 1 => format!("{} bytes, 1 part", reading.bytes),
            Rule::V2 => format!("{} bytes, {} parts", reading.bytes, reading.parts),
            Rule::V3 => reading.header(&["alg", "typ", "cty", "crit", "enc", "zip", "b64"]),
            Rule::V4 => reading.header(&["kid"]),
            Rule::V6b => reading.present(&["aud", "exp", "iat", "sub"]),
            Rule::V7 => reading.payload(&["iss"]),
            Rule::V8 => {
                let stand_in = settings.and_then(|settings| settings.audience_claim.as_deref());
                join([reading.payload(&["aud"]), reading.at(stand_in.as_slice())])
            }
            Rule::V9 => self.dates(),
            Rule::V10 => {
                let stand_in =
                    settings.and_then(|own| own.subject_claim.as_deref().or(own.subject_claim_verbatim.as_deref()));
                let demanded = settings.map(|own| own.require_claim.as_slice()).unwrap_or_default();
                let pointers: Vec<_> =
                    stand_in.into_iter().chain(demanded.iter().map(|claim| &*claim.pointer)).collect();
                join([reading.payload(&["sub"]), reading.at(&pointers)])
            }
            Rule::V11 => self.rights(settings),
            Rule::V12 => join([
                reading.payload(&["typ", "token_use", "token_type", "tokenType", "type"]),
                reading.present(&["at_hash", "c_hash", "nonce", "events", "cnf"]),
            ]),
            _ => String::new(),
        }
    }

    fn accepted(&self, rule: Rule, settings: Option<&IssuerSettings>) -> String {
        let all = &self.trust.settings;
        match (rule, settings) {
            (Rule::V2, _) => {
                format!("three parts, at most {} bytes", all.max_token_bytes.unwrap_or(DEFAULT_TOKEN_BYTES))
            }
            (Rule::V3, Some(own)) => {
                let algorithms = match &own.algorithms {
                    Some(named) => named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                    None => "RS256, RS384, RS512, ES256, ES384, ES512".to_owned(),
                };
                let typ = if own.require_at_jwt || all.require_at_jwt { "at+jwt" } else { "none, JWT or at+jwt" };
                format!("alg {algorithms}; typ {typ}")
            }
            (Rule::V4, Some(_)) => self.issuer().map(keys).unwrap_or_default(),
            (Rule::V6b, Some(own)) => {
                let mut names = vec!["exp".to_owned()];
                let or = |name: &str, stand_in: Option<&String>| match stand_in {
                    Some(stand_in) => format!("{name} or {stand_in}"),
                    None => name.to_owned(),
                };
                names.push(or("aud", own.audience_claim.as_ref()));
                names.push(or("sub", own.subject_claim.as_ref().or(own.subject_claim_verbatim.as_ref())));
                if !own.issued_at_optional {
                    names.push("iat".to_owned());
                }
                format!("all of {}", names.join(", "))
            }
            (Rule::V7, Some(own)) => quoted(own.issuer_url.iter().chain(&own.aliases)),
            (Rule::V7, None) => quoted(all.issuers.iter().flat_map(|own| own.issuer_url.iter().chain(&own.aliases))),
            (Rule::V8, Some(own)) => quoted(own.audience.iter().chain(&own.audiences)),
            (Rule::V9, Some(own)) => {
                let tolerance = all.clock_tolerance.unwrap_or(DEFAULT_TOLERANCE).as_secs();
                let longest = own.max_token_lifetime.into_iter().chain(all.max_token_lifetime).min();
                let longest = longest.map(|longest| format!(", exp at most {} s ahead", longest.as_secs()));
                format!("{tolerance} s of difference between clocks{}", longest.unwrap_or_default())
            }
            (Rule::V10, Some(own)) => {
                let required =
                    all.required_claims.iter().chain(&own.required_claims).map(|claim| format!("{claim} present"));
                let demanded =
                    own.require_claim.iter().map(|claim| format!("{} one of {:?}", claim.pointer, claim.values));
                required.chain(demanded).collect::<Vec<_>>().join(", ")
            }
            (Rule::V11, Some(own)) => Places::of(own).to_string(),
            _ => String::new(),
        }
    }

    fn dates(&self) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let date = |name: &str| {
            let date = self.reading.number(name)?;
            let distance = (date - now).round();
            let side = if distance < 0.0 { "ago" } else { "ahead" };
            Some(format!("{name} {date} ({} s {side})", distance.abs()))
        };
        ["exp", "iat", "nbf"].into_iter().filter_map(date).collect::<Vec<_>>().join(", ")
    }

    /// What stands where roles and scopes are looked for.
    fn rights(&self, settings: Option<&IssuerSettings>) -> String {
        let places = settings.map(Places::of);
        places.map(|places| self.reading.at(&places.all())).unwrap_or_default()
    }

    /// What a good token may do here; where the usual place for roles is empty and another usual one is not, that one.
    fn granted(&self, f: &mut fmt::Formatter<'_>, settings: Option<&IssuerSettings>) -> fmt::Result {
        let Verdict::Good(claims) = &self.verdict else { return Ok(()) };
        line(f, "granted", &format!("roles {:?}, scopes {:?}", claims.roles, claims.scope))?;
        let is_default = settings.is_some_and(|own| own.roles_claims.is_none() && own.roles_from_names.is_none());
        if !is_default || !self.reading.at(&["/roles"]).is_empty() {
            return Ok(());
        }
        let elsewhere = self.reading.roles_elsewhere();
        let hint =
            elsewhere.map(|place| format!("no roles; names stand at {place}: if they are the roles, set roles_claims"));
        line(f, "hint", &hint.unwrap_or_default())
    }
}

/// Where the settings look for roles, scopes and permissions, as JSON pointers.
struct Places<'s> {
    roles: Vec<&'s str>,
    has_names: bool,
    scopes: Vec<&'s str>,
    permissions: Option<&'s str>,
}

impl<'s> Places<'s> {
    fn of(own: &'s IssuerSettings) -> Self {
        let has_names = own.roles_from_names.is_some();
        let roles = match &own.roles_claims {
            Some(roles) => roles.iter().map(String::as_str).collect(),
            None if has_names => Vec::new(),
            None => vec!["/roles"],
        };
        let scopes = own.scope_claim.as_deref().map_or_else(|| vec!["/scope", "/scp"], |scope| vec![scope]);
        Self { roles, has_names, scopes, permissions: own.permissions_claim.as_deref() }
    }

    fn all(&self) -> Vec<&'s str> {
        self.roles.iter().chain(&self.scopes).copied().chain(self.permissions).collect()
    }
}

impl fmt::Display for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.has_names.then_some("the names that roles_from_names leads to");
        let roles = self.roles.iter().copied().chain(names).collect::<Vec<_>>().join(" and ");
        write!(f, "roles at {roles}; scopes at {}", self.scopes.join(", or "))?;
        self.permissions.map_or(Ok(()), |place| write!(f, ", as far as they stand at {place} too"))
    }
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::PassedUnverified => "unverified",
            Self::Failed | Self::FailedUnverified => "FAILED",
            Self::Open => "OPEN",
            Self::NotReached => "not reached",
            Self::NoKeys => "no keys",
        }
    }
}

fn keys(issuer: &IssuerHealth) -> String {
    let keys = &issuer.keys;
    let many = if keys.keys == 1 { "1 key".to_owned() } else { format!("{} keys", keys.keys) };
    match (keys.state, &keys.last_error) {
        (JwksState::Static, _) => format!("{many}, as the settings give them"),
        (JwksState::Cold | JwksState::Dead, Some(error)) => format!("cannot be had: {error}"),
        (JwksState::Cold | JwksState::Dead, None) => "cannot be had".to_owned(),
        _ => format!("{many} of the issuer"),
    }
}

fn title(rule: Rule) -> &'static str {
    match rule {
        Rule::V1 => "the Authorization header: Bearer and one token",
        Rule::V2 => "three parts in strict base64url",
        Rule::V3 => "the header: its algorithm and type",
        Rule::V4 => "the key that has signed it",
        Rule::V5 => "the signature",
        Rule::V6 => "the payload: one JSON object, no name twice",
        Rule::V6b => "claims that every access token has",
        Rule::V7 => "the issuer",
        Rule::V8 => "the audience",
        Rule::V9 => "the dates",
        Rule::V10 => "the subject, and claims that the settings require",
        Rule::V11 => "roles and scopes",
        Rule::V12 => "an access token, and no other kind",
        Rule::P1 => "the proof of the key that the token is bound to",
        _ => "",
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    if text.is_empty() { Ok(()) } else { writeln!(f, "     {label:<12} {text}") }
}

fn quoted<'t>(texts: impl Iterator<Item = &'t String>) -> String {
    texts.map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ")
}

fn join(texts: [String; 2]) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}
