//! What is true of one issuer: the rules for its tokens, and the keys that it signs them with.

use std::time::Duration;

use rampart_http::{ConfigError, SetUp};

use crate::jose::algorithm::Algorithms;
use crate::jose::jws::TypRule;
use crate::jwks::cache::Surroundings;
use crate::jwks::keys::Keys;
use crate::jwks::source::Source;
use crate::mistakes::{checked_audience, checked_pointer, checked_required_claim};
use crate::settings::Settings;
use crate::token::rules::{RequiredClaim, Rules};

const MAX_TOLERANCE: Duration = Duration::from_secs(600);

pub(crate) struct Issuer {
    pub(crate) rules: Rules,
    pub(crate) algorithms: Algorithms,
    pub(crate) typ_rule: TypRule,
    pub(crate) keys: Keys,
}

impl Issuer {
    /// Checks what the settings say of it.
    pub(crate) fn from_settings(
        settings: &Settings,
        http_client: Option<SetUp>,
        surroundings: Surroundings,
    ) -> Result<Self, ConfigError> {
        let source = Source::of(settings)?;
        let rules = rules(settings)?;
        let algorithms = settings.algorithms.as_deref().map_or_else(Algorithms::default, Algorithms::of);
        if algorithms.is_empty() {
            return Err(ConfigError::invalid(
                "algorithms",
                "is empty, so that every token would be refused; name the ones the issuer uses, or leave it out",
            ));
        }
        let keys = source.keys(settings, algorithms, http_client, surroundings)?;
        let typ_rule = if settings.require_at_jwt { TypRule::AtJwtOnly } else { TypRule::AccessToken };
        Ok(Self { rules, algorithms, typ_rule, keys })
    }
}

fn rules(settings: &Settings) -> Result<Rules, ConfigError> {
    let tolerance = Settings::duration(settings.durations.clock_tolerance, settings.clock_tolerance_seconds, 5);
    if tolerance > MAX_TOLERANCE {
        return Err(ConfigError::invalid(
            "clock_tolerance",
            "is more than 10 minutes, so that expired tokens would pass for long; set the clocks right and use seconds",
        ));
    }
    checked_audience("audience", &settings.audience)?;
    for audience in &settings.audiences {
        checked_audience("audiences", audience)?;
    }
    let required =
        |name: &String| checked_required_claim(name).map(|pointer| RequiredClaim { name: name.clone(), pointer });
    let mut audiences = vec![settings.audience.clone()];
    audiences.extend(settings.audiences.iter().cloned());
    Ok(Rules {
        issuer: settings.issuer_url.clone(),
        audiences,
        tolerance,
        required_claims: settings.required_claims.iter().map(required).collect::<Result<_, _>>()?,
        accept_id_tokens: settings.insecure_accept_id_tokens,
        roles_claim: settings.roles_claim.as_deref().map(|text| checked_pointer("roles_claim", text)).transpose()?,
        scope_claim: settings.scope_claim.as_deref().map(|text| checked_pointer("scope_claim", text)).transpose()?,
    })
}
