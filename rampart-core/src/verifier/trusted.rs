//! An issuer as a verifier knows it: its settings checked, the rules for its tokens, and the keys that it signs them with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rampart_http::{ConfigError, checked_text};

use crate::claim_settings::{RequireClaim, RolesFromNames};
use crate::grants::Grants;
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithms;
use crate::jose::jws::TypRule;
use crate::jwks::cache::Surroundings;
use crate::jwks::keys::Keys;
use crate::jwks::source::{Fetching, Source};
use crate::logout::token::LogoutRules;
use crate::mistakes::{
    checked_alias, checked_audience, checked_deciding_pointer, checked_entra_issuer, checked_required_claim,
    checked_subject,
};
use crate::revocation::Revocations;
use crate::revocation::terms::DEFAULT_LIFETIME;
use crate::settings::IssuerSettings;
use crate::token::demands::Demand;
use crate::token::implied::Implied;
use crate::token::role_names::RoleNames;
use crate::token::rules::{RequiredClaim, Rules};
use crate::token::subject::SubjectClaim;
use crate::verifier::introspection::Introspected;

const MAX_TOLERANCE: Duration = Duration::from_secs(600);

pub(crate) struct Trusted {
    /// Unique in its object, and never used again: an issuer that comes back gets another one.
    pub(crate) number: u64,
    pub(crate) rules: Rules,
    pub(crate) algorithms: Algorithms,
    pub(crate) typ_rule: TypRule,
    pub(crate) keys: Keys,
    /// How it is asked about its tokens, where it is.
    pub(crate) introspected: Option<Introspected>,
    /// For whom its logout tokens are.
    pub(crate) logout: LogoutRules,
    /// Whether a resolver has named it.
    pub(crate) is_resolved: bool,
    /// Whether a token of its has ever been verified.
    proven: Arc<AtomicBool>,
}

/// What an object says of all of its issuers.
#[derive(Clone)]
pub(crate) struct Floor {
    pub(crate) tolerance: Duration,
    pub(crate) require_at_jwt: bool,
    pub(crate) required_claims: Vec<String>,
    pub(crate) max_token_lifetime: Option<Duration>,
    pub(crate) takes_proofs: bool,
    pub(crate) implied: Arc<Implied>,
    pub(crate) revocations: Option<Revocations>,
    pub(crate) fetching: Fetching,
    pub(crate) surroundings: Surroundings,
}

impl Floor {
    /// Checks what is said of all.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.tolerance > MAX_TOLERANCE {
            return Err(ConfigError::invalid(
                "clock_tolerance",
                "is more than 10 minutes, so that expired tokens would pass for long; set the clocks right and use seconds",
            ));
        }
        checked_lifetime(self.max_token_lifetime)
    }
}

impl Trusted {
    /// Checks what is said of it.
    pub(crate) fn new(number: u64, issuer: &Issuer, grants: &Grants, floor: &Floor) -> Result<Self, ConfigError> {
        let settings = &issuer.settings;
        let name = settings.issuer_url.as_deref().unwrap_or_default();
        let source = Source::of(name, settings)?;
        floor.check()?;
        let rules = rules(name, settings, grants, floor)?;
        let algorithms = settings.algorithms.as_deref().map_or_else(Algorithms::default, Algorithms::of);
        if algorithms.is_empty() {
            return Err(ConfigError::invalid(
                "algorithms",
                "is empty, so that every token would be refused; name the ones the issuer uses, or leave it out",
            ));
        }
        let proven = Arc::new(AtomicBool::new(false));
        let keys = source.keys(
            settings,
            &issuer.fetch_headers,
            algorithms,
            &floor.fetching,
            &proven,
            floor.surroundings.clone(),
        )?;
        let is_at_jwt_only = settings.require_at_jwt || floor.require_at_jwt;
        let typ_rule = if is_at_jwt_only { TypRule::AtJwtOnly } else { TypRule::AccessToken };
        let is_resolved = floor.fetching.is_for_strangers();
        for client in &settings.logout_clients {
            checked_audience("logout_clients", client)?;
        }
        let logout = LogoutRules {
            clients: settings.logout_clients.clone(),
            is_exp_optional: settings.allow_logout_without_exp,
        };
        let introspected = match &issuer.introspection {
            None => None,
            Some(introspection) => {
                introspection.check()?;
                Some(Introspected::new(introspection, &floor.surroundings))
            }
        };
        Ok(Self { number, rules, algorithms, typ_rule, keys, introspected, logout, is_resolved, proven })
    }

    /// A token of its has been verified.
    pub(crate) fn prove(&self) {
        if !self.is_proven() {
            self.proven.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(crate) fn name(&self) -> &str {
        &self.rules.issuer
    }
}

fn rules(name: &str, settings: &IssuerSettings, grants: &Grants, floor: &Floor) -> Result<Rules, ConfigError> {
    let audience = settings.audience.as_deref().unwrap_or_default();
    checked_entra_issuer(name)?;
    checked_audience("audience", audience)?;
    for audience in &settings.audiences {
        checked_audience("audiences", audience)?;
    }
    for alias in &settings.aliases {
        checked_alias(alias)?;
    }
    checked_lifetime(settings.max_token_lifetime)?;
    let required =
        |name: &String| checked_required_claim(name).map(|pointer| RequiredClaim { name: name.clone(), pointer });
    let roles_claims = settings.roles_claims.as_ref();
    if roles_claims.is_some_and(Vec::is_empty) {
        return Err(ConfigError::invalid(
            "roles_claims",
            "is empty, so that nobody would have a role; name where the roles are, or leave it out for /roles",
        ));
    }
    let pointer = |field: &'static str| {
        move |text: &String| checked_deciding_pointer(field, text, settings.insecure_user_writable_claims)
    };
    let pointers = |names: &Vec<String>| names.iter().map(pointer("roles_claims")).collect();
    let permissions = settings.permissions_claim.as_deref();
    if permissions.is_some_and(|permissions| permissions == settings.scope_claim.as_deref().unwrap_or("/scope")) {
        return Err(ConfigError::invalid(
            "permissions_claim",
            "is the claim of the scopes itself, so that it would narrow nothing; name where the permissions are, such as /permissions",
        ));
    }
    let max_lifetime = settings.max_token_lifetime.into_iter().chain(floor.max_token_lifetime).min();
    let revocable = floor.revocations.as_ref().map(|revocations| {
        // A resolver's issuer goes by the one name that it was asked for.
        let aliases = if floor.fetching.is_for_strangers() { &[] } else { settings.aliases.as_slice() };
        revocations.accept(name, aliases, max_lifetime.unwrap_or(DEFAULT_LIFETIME), floor.tolerance)
    });
    Ok(Rules {
        issuer: name.to_owned(),
        aliases: settings.aliases.clone(),
        audiences: std::iter::once(audience.to_owned()).chain(settings.audiences.iter().cloned()).collect(),
        audience_claim: settings.audience_claim.as_ref().map(pointer("audience_claim")).transpose()?,
        subject_claim: subject_claim(settings)?,
        tolerance: floor.tolerance,
        is_iat_optional: settings.issued_at_optional,
        required_claims: floor
            .required_claims
            .iter()
            .chain(&settings.required_claims)
            .map(required)
            .collect::<Result<_, _>>()?,
        demands: settings.require_claim.iter().map(|claim| demand(claim, settings)).collect::<Result<_, _>>()?,
        accept_id_tokens: settings.insecure_accept_id_tokens,
        ignored_marks: settings.insecure_ignore_marks.clone(),
        max_lifetime: max_lifetime.or_else(|| revocable.as_ref().map(|_| DEFAULT_LIFETIME)),
        roles_claims: roles_claims.map(pointers).transpose()?,
        role_names: settings.roles_from_names.as_ref().map(|names| role_names(names, settings)).transpose()?,
        scope_claim: settings.scope_claim.as_ref().map(pointer("scope_claim")).transpose()?,
        permissions_claim: settings.permissions_claim.as_ref().map(pointer("permissions_claim")).transpose()?,
        takes_proofs: floor.takes_proofs,
        grants: grants.clone(),
        implied: Arc::clone(&floor.implied),
        revocable,
    })
}

fn subject_claim(settings: &IssuerSettings) -> Result<Option<SubjectClaim>, ConfigError> {
    let (field, text, is_verbatim) = match (&settings.subject_claim, &settings.subject_claim_verbatim) {
        (None, None) => return Ok(None),
        (Some(text), None) => ("subject_claim", text, false),
        (None, Some(text)) => ("subject_claim_verbatim", text, true),
        (Some(_), Some(_)) => {
            return Err(ConfigError::invalid(
                "subject_claim_verbatim",
                "is given together with subject_claim; keep that one, with which no client can be taken for a user",
            ));
        }
    };
    let pointer = checked_subject(field, text, settings.insecure_user_writable_claims)?;
    Ok(Some(SubjectClaim { pointer, is_verbatim }))
}

fn demand(claim: &RequireClaim, settings: &IssuerSettings) -> Result<Demand, ConfigError> {
    const FIELD: &str = "require_claim";
    let RequireClaim { pointer: name, values } = claim;
    let pointer = checked_deciding_pointer(FIELD, name, settings.insecure_user_writable_claims)?;
    if values.is_empty() {
        return Err(ConfigError::invalid(
            FIELD,
            format!("has no value for {name}, so that every token would be refused; name those that may stand there"),
        ));
    }
    for value in values {
        if value.is_empty() {
            return Err(ConfigError::invalid(FIELD, format!("has an empty value for {name}; remove it")));
        }
        checked_text(FIELD, value)?;
    }
    Ok(Demand { name: name.clone(), pointer, values: values.clone() })
}

fn role_names(names: &RolesFromNames, settings: &IssuerSettings) -> Result<RoleNames, ConfigError> {
    const FIELD: &str = "roles_from_names";
    let RolesFromNames { pointer, granted_by } = names;
    let pointer = checked_deciding_pointer(FIELD, pointer, settings.insecure_user_writable_claims)?;
    if granted_by.as_ref().is_some_and(Vec::is_empty) {
        return Err(ConfigError::invalid(
            FIELD,
            "has an empty granted_by, so that nobody would have a role; name the organizations, or leave it out for all",
        ));
    }
    for id in granted_by.iter().flatten() {
        if id.is_empty() {
            return Err(ConfigError::invalid(FIELD, "has an empty ID in granted_by; remove it"));
        }
        checked_text(FIELD, id)?;
    }
    Ok(RoleNames { pointer, granted_by: granted_by.clone() })
}

fn checked_lifetime(lifetime: Option<Duration>) -> Result<(), ConfigError> {
    if lifetime == Some(Duration::ZERO) {
        return Err(ConfigError::invalid(
            "max_token_lifetime",
            "is 0, so that every token would be refused; leave it out for no limit",
        ));
    }
    Ok(())
}
