//! Microsoft Entra: one tenant, or some of them.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rampart_http::ConfigError;

use crate::issuer::Issuer;
use crate::mistakes::{checked_audience, checked_entra_tenant};
use crate::verifier::live::IssuerResolver;

/// What every tenant has in common, and its tokens' `iss` around its ID.
const BEFORE: &str = "https://login.microsoftonline.com/";
const AFTER: &str = "/v2.0";

impl Issuer {
    /// A tenant of Microsoft Entra ID: `tenant_id` is its GUID, the audience the client ID of the API. The API's manifest must have
    /// `accessTokenAcceptedVersion` 2 (`requestedAccessTokenVersion` in newer ones), or its tokens are of version 1, which come from another
    /// issuer. Scopes stand in `scp`, which is read anyway, and application permissions of machines in `roles`, as the roles of users do.
    ///
    /// All tenants share their keys: `tid` must be the tenant too, and a key that is published for another tenant signs nothing of this one.
    ///
    /// ```
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// let tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
    /// let auth = RampartAuth::of(Issuer::entra(tenant, "6e74172b-be56-4843-9ff4-e66a39bb12e3"))?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn entra(tenant_id: impl Into<String>, audience: impl Into<String>) -> Self {
        let tenant_id = tenant_id.into();
        Self::new(format!("{BEFORE}{tenant_id}{AFTER}"), audience)
            .jwks_url(format!("{BEFORE}{tenant_id}/discovery/v2.0/keys"))
            .require_claim("/tid", [tenant_id])
    }

    /// These tenants of Microsoft Entra ID and no others, each as [`entra`](Self::entra) has it: an [`IssuerResolver`]. They grant nothing
    /// before [`each`](EntraTenants::each) says what.
    ///
    /// ```
    /// use rampart_core::{Grants, Issuer, RampartAuth};
    ///
    /// let tenants = ["8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "82229342-1101-4ab6-817b-70c0747630f3"];
    /// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .issuers(
    ///         Issuer::entra_tenants(tenants, "6e74172b-be56-4843-9ff4-e66a39bb12e3")
    ///             .each(|issuer, tenant_id| issuer.grants(Grants::nothing().scopes(["tasks.read"]).org_id(tenant_id))),
    ///     )
    ///     .build()?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn entra_tenants<S: Into<String>>(
        tenant_ids: impl IntoIterator<Item = S>,
        audience: impl Into<String>,
    ) -> EntraTenants {
        EntraTenants {
            tenant_ids: tenant_ids.into_iter().map(Into::into).collect(),
            audience: audience.into(),
            each: Arc::new(|issuer, _| issuer),
        }
    }
}

type Change = dyn Fn(Issuer, &str) -> Issuer + Send + Sync;

/// Tenants of Microsoft Entra ID, by a list: from [`Issuer::entra_tenants`].
#[derive(Clone)]
#[must_use = "give it to a builder"]
pub struct EntraTenants {
    tenant_ids: HashSet<String>,
    audience: String,
    each: Arc<Change>,
}

impl EntraTenants {
    /// What else is true of each of them, such as what it [grants](Issuer::grants), by its ID. Called again, it is said after that.
    pub fn each(self, change: impl Fn(Issuer, &str) -> Issuer + Send + Sync + 'static) -> Self {
        let before = self.each;
        Self { each: Arc::new(move |issuer, tenant_id| change(before(issuer, tenant_id), tenant_id)), ..self }
    }
}

impl IssuerResolver for EntraTenants {
    fn resolve(&self, iss: &str) -> Option<Issuer> {
        let tenant_id = self.tenant_ids.get(iss.strip_prefix(BEFORE)?.strip_suffix(AFTER)?)?;
        Some((self.each)(Issuer::entra(tenant_id, &self.audience), tenant_id))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.tenant_ids.is_empty() {
            return Err(ConfigError::invalid(
                "issuers",
                "is a list of no tenant, so that every token would be refused; name the tenants by their IDs",
            ));
        }
        self.tenant_ids.iter().try_for_each(|tenant_id| checked_entra_tenant("issuers", tenant_id))?;
        checked_audience("audience", &self.audience)
    }
}

impl fmt::Debug for EntraTenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraTenants")
            .field("tenant_ids", &self.tenant_ids)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}
