//! What a route asks of a token as a value: for layers, for handlers, and for lists that are known only at run time.

use super::names::Names;
use super::scopes::{first_of, naming_all, union};
use crate::answer::error::AuthError;
use crate::event::{self, Event};
use crate::token::claims::Claims;

/// What a route asks of the token, as a value: for layers and for lists that are known only at run time.
///
/// ```
/// use rampart_core::Policy;
///
/// let policy = Policy::roles(["admin"]).or(Policy::roles(["operator"]).and(Policy::scopes(["tasks:write"])));
/// ```
///
/// An empty list, an empty name, or a scope that is no scope token (RFC 6749 section 3.3) is a mistake in the program: such
/// a policy denies everyone and says why in the log. It never means "no requirement".
#[derive(Clone, Debug)]
pub struct Policy(Node);

#[derive(Clone, Debug)]
enum Node {
    Required(Names, Vec<String>),
    Unusable(Names, &'static str),
    All(Vec<Policy>),
    Any(Vec<Policy>),
}

impl Policy {
    /// All of these roles: any texts, compared whole and case-sensitive. An empty list denies everyone.
    pub fn roles<S: Into<String>>(roles: impl IntoIterator<Item = S>) -> Self {
        Self::required(Names::Roles, roles)
    }

    /// All of these scopes, each a scope token (RFC 6749 section 3.3). An empty list denies everyone.
    pub fn scopes<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self::required(Names::Scopes, scopes)
    }

    /// A token of this issuer, by its configured name ([`iss`](crate::ClaimFields::iss)): where an object has several, and not each of them
    /// vouches for whoever may come here. A token of another one is 403.
    ///
    /// ```
    /// use rampart_core::Policy;
    ///
    /// let staff = Policy::issuer("https://auth.example.com").and(Policy::roles(["admin"]));
    /// ```
    pub fn issuer(name: impl Into<String>) -> Self {
        Self::required(Names::Issuers, [name])
    }

    fn required<S: Into<String>>(kind: Names, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let problem = if names.is_empty() {
            Some("the list of roles or scopes is empty")
        } else {
            names.iter().find_map(|name| kind.problem(name))
        };
        Self(problem.map_or(Node::Required(kind, names), |problem| Node::Unusable(kind, problem)))
    }

    /// Both policies; where both fail, the error of the first. One that is about scopes names those of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(match self.0 {
            Node::All(mut all) => {
                all.push(other);
                Node::All(all)
            }
            node => Node::All(vec![Self(node), other]),
        })
    }

    /// Either policy; where both fail, the error of the last.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(match self.0 {
            Node::Any(mut any) => {
                any.push(other);
                Node::Any(any)
            }
            node => Node::Any(vec![Self(node), other]),
        })
    }

    /// Whether the claims meet the policy.
    ///
    /// # Errors
    /// What the token lacks.
    pub fn check(&self, claims: &Claims) -> Result<(), AuthError> {
        self.check_telling(claims, &event::log)
    }

    /// The same, telling somebody of a policy that denies everyone.
    pub(crate) fn check_telling(&self, claims: &Claims, tell: &dyn Fn(&Event<'_>)) -> Result<(), AuthError> {
        match &self.0 {
            Node::Required(kind, names) => kind.check(claims, names),
            Node::Unusable(kind, why) => {
                tell(&Event::PolicyDeniesEveryone { why });
                Err(kind.lacking::<&str>(&[]))
            }
            Node::All(all) => all.iter().enumerate().try_for_each(|(at, policy)| {
                let naming_all = |error| naming_all(error, at, all.iter().map(|policy| policy.asks_for_of(claims)));
                policy.check_telling(claims, tell).map_err(naming_all)
            }),
            Node::Any(any) => {
                let mut outcome = Ok(());
                for policy in any {
                    outcome = policy.check_telling(claims, tell);
                    if outcome.is_ok() {
                        break;
                    }
                }
                outcome
            }
        }
    }

    /// As [`check`](Self::check), without saying why not.
    fn is_met(&self, claims: &Claims) -> bool {
        match &self.0 {
            Node::Required(kind, names) => kind.are_met(claims, names),
            Node::Unusable(..) => false,
            Node::All(all) => all.iter().all(|policy| policy.is_met(claims)),
            Node::Any(any) => any.iter().any(|policy| policy.is_met(claims)),
        }
    }

    /// As [`Requirement::scopes`](crate::Requirement::scopes).
    pub(crate) fn asks_for(&self) -> Vec<&str> {
        match &self.0 {
            Node::Required(Names::Scopes, names) => names.iter().map(String::as_str).collect(),
            Node::Required(Names::Roles | Names::Issuers, _) | Node::Unusable(..) => Vec::new(),
            Node::All(all) => union(all.iter().map(Self::asks_for)),
            Node::Any(any) => first_of(any.iter().map(Self::asks_for)),
        }
    }

    /// As [`Requirement::scopes_for`](crate::Requirement::scopes_for).
    fn asks_for_of(&self, claims: &Claims) -> Vec<&str> {
        let mut all = Vec::new();
        self.each_scope_of(claims, &mut |scope| {
            if !all.contains(&scope) {
                all.push(scope);
            }
        });
        all
    }

    /// The same one by one, some of them more than once: where they are met, nothing is allocated.
    pub(crate) fn each_scope_of<'s, F: FnMut(&'s str)>(&'s self, claims: &Claims, take: &mut F) {
        match &self.0 {
            Node::Required(Names::Scopes, names) => names.iter().for_each(|name| take(name)),
            Node::Required(Names::Roles | Names::Issuers, _) | Node::Unusable(..) => {}
            Node::All(all) => all.iter().for_each(|policy| policy.each_scope_of(claims, take)),
            Node::Any(any) => match any.iter().find(|policy| policy.is_met(claims)) {
                Some(met) => met.each_scope_of(claims, take),
                None => self.asks_for().into_iter().for_each(take),
            },
        }
    }
}
