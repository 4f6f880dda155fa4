//! Tokens of several issuers: a partner, tenants that a resolver knows, those that it knows and where nobody is, and invented ones.

use std::sync::Arc;

use rampart_issuer::{LocalIssuer, TokenBuilder};

use super::{EMAIL, PROFILE, STATS, TASKS, pick, sign};
use crate::api::MOST_TENANTS;
use crate::load::{Attempt, Caller, Client};
use crate::scene::Issuing;
use crate::tally::Duty;

const TENANTS: usize = 8;
/// More than the server keeps, so that they push one another out, and no tenant.
const DESERTED: usize = 500;
const FILLING: usize = 2 * MOST_TENANTS;

#[derive(Clone, Copy)]
enum Kind {
    Partner,
    NewOfPartner,
    AdminOfPartner,
    ScopeOfPartner,
    Tenant,
    NewOfTenant,
    AdminOfTenant,
    PartnerAsTenant,
    HomeAsPartner,
    Asked,
    Deserted,
    Invented,
}

const MIXTURE: [(Kind, usize); 12] = [
    (Kind::Partner, 12),
    (Kind::NewOfPartner, 8),
    (Kind::AdminOfPartner, 4),
    (Kind::ScopeOfPartner, 4),
    (Kind::Tenant, 16),
    (Kind::NewOfTenant, 8),
    (Kind::AdminOfTenant, 4),
    (Kind::PartnerAsTenant, 4),
    (Kind::HomeAsPartner, 4),
    (Kind::Asked, 6),
    (Kind::Deserted, 6),
    (Kind::Invented, 24),
];

#[derive(Clone)]
pub(crate) struct Issuers(Arc<Repeated>);

/// Tokens that come again and again.
struct Repeated {
    issuing: Issuing,
    partner: String,
    asked: String,
    tenants: Vec<String>,
}

fn lasting(issuer: &LocalIssuer) -> TokenBuilder {
    issuer.token().roles(["user"]).expires_in(24 * 3600)
}

fn deserted(number: usize) -> String {
    format!("https://deserted-{}.tenants.example", number % DESERTED)
}

fn tenant(number: usize) -> String {
    format!("https://tenant-{}.tenants.example", number % TENANTS)
}

impl Issuers {
    pub(crate) fn new(issuing: &Issuing) -> Self {
        let of_tenant = |number| sign(&lasting(&issuing.tenants).issuer(&tenant(number)));
        Self(Arc::new(Repeated {
            partner: sign(&lasting(&issuing.partner)),
            asked: sign(&lasting(&issuing.asked)),
            tenants: (0..TENANTS).map(of_tenant).collect(),
            issuing: issuing.clone(),
        }))
    }

    /// Fills the places for tenants, and shows the first token of each that has keys: from then on it must pass.
    pub(crate) fn fill(&self, mut client: Client) {
        for number in 0..FILLING {
            let _ = client.status(&sign(&self.0.issuing.tenants.token().issuer(&deserted(number))));
        }
        for token in &self.0.tenants {
            assert_eq!(client.status(token), 200, "the keys of the tenants are there");
        }
    }
}

impl Caller for Issuers {
    fn next(&mut self, number: usize) -> Option<Attempt> {
        let Repeated { issuing: Issuing { home, partner, asked: _, tenants }, .. } = &*self.0;
        let unique = |issuer: &LocalIssuer| issuer.token().roles(["user"]).jti(&format!("of-some-issuer-{number}"));
        let good = |name, line, token: &str| Attempt::bearer(name, Duty::Accept(200), line, token);
        let beyond = |name, line, token: &str| Attempt::bearer(name, Duty::Refuse(403), line, token);
        let bad = |name, token: &str| Attempt::bearer(name, Duty::Refuse(401), PROFILE, token);
        Some(match pick(&MIXTURE, number) {
            Kind::Partner => good("partner's token", PROFILE, &self.0.partner),
            Kind::NewOfPartner => good("partner's new token", TASKS, &sign(&unique(partner))),
            // Its servers may say so: it was not granted.
            Kind::AdminOfPartner => beyond("partner's admin", STATS, &sign(&unique(partner).roles(["admin"]))),
            Kind::ScopeOfPartner => beyond("partner's scope", EMAIL, &sign(&unique(partner).scope("email:send"))),
            Kind::Tenant => good("tenant's token", PROFILE, &self.0.tenants[number / 100 % TENANTS]),
            Kind::NewOfTenant => {
                good("tenant's new token", TASKS, &sign(&unique(tenants).issuer(&tenant(number / 100))))
            }
            Kind::AdminOfTenant => {
                let token = unique(tenants).issuer(&tenant(number / 100)).roles(["admin"]);
                beyond("tenant's admin", STATS, &sign(&token))
            }
            Kind::PartnerAsTenant => {
                let token = unique(partner).issuer(&tenant(number / 100)).kid(tenants.key().kid());
                bad("partner as tenant", &sign(&token))
            }
            Kind::HomeAsPartner => {
                bad("another as partner", &sign(&unique(home).issuer(partner.url()).kid(partner.key().kid())))
            }
            Kind::Asked => good("third issuer's token", PROFILE, &self.0.asked),
            Kind::Deserted => {
                let token = unique(tenants).issuer(&deserted(number / 100));
                Attempt::bearer("tenant without keys", Duty::KeepOut, PROFILE, &sign(&token))
            }
            Kind::Invented => {
                let iss = format!("https://invented-{number}.example");
                bad("invented issuer", &sign(&unique(tenants).issuer(&iss)))
            }
        })
    }
}
