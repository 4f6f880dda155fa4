//! The settings of an issuer on the builder: they concern the first one.

use std::io;
use std::time::Duration;

use super::RampartAuthBuilder;
use crate::claim_settings::{Mark, RolesFromNames};
use crate::grants::Grants;
use crate::introspection::Introspection;
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;

impl RampartAuthBuilder {
    /// See [`Issuer::grants`].
    pub fn grants(self, grants: Grants) -> Self {
        self.first(|issuer| issuer.grants(grants))
    }

    /// See [`Issuer::introspection`].
    pub fn introspection(self, introspection: Introspection) -> Self {
        self.first(|issuer| issuer.introspection(introspection))
    }

    /// See [`Issuer::logout_clients`].
    pub fn logout_clients<S: Into<String>>(self, clients: impl IntoIterator<Item = S>) -> Self {
        self.first(|issuer| issuer.logout_clients(clients))
    }

    /// See [`Issuer::allow_logout_without_exp`].
    pub fn allow_logout_without_exp(self) -> Self {
        self.first(Issuer::allow_logout_without_exp)
    }

    /// See [`Issuer::audiences`].
    pub fn audiences<S: Into<String>>(self, audiences: impl IntoIterator<Item = S>) -> Self {
        self.first(|issuer| issuer.audiences(audiences))
    }

    /// See [`Issuer::audience_claim`].
    pub fn audience_claim(self, pointer: impl Into<String>) -> Self {
        self.first(|issuer| issuer.audience_claim(pointer))
    }

    /// See [`Issuer::subject_claim`].
    pub fn subject_claim(self, pointer: impl Into<String>) -> Self {
        self.first(|issuer| issuer.subject_claim(pointer))
    }

    /// See [`Issuer::subject_claim_verbatim`].
    pub fn subject_claim_verbatim(self, pointer: impl Into<String>) -> Self {
        self.first(|issuer| issuer.subject_claim_verbatim(pointer))
    }

    /// See [`Issuer::require_claim`].
    pub fn require_claim<S: Into<String>>(
        self,
        pointer: impl Into<String>,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        self.first(|issuer| issuer.require_claim(pointer, values))
    }

    /// See [`Issuer::aliases`].
    pub fn aliases<S: Into<String>>(self, aliases: impl IntoIterator<Item = S>) -> Self {
        self.first(|issuer| issuer.aliases(aliases))
    }

    /// See [`Issuer::algorithms`].
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.first(|issuer| issuer.algorithms(algorithms))
    }

    /// See [`Issuer::jwks_url`].
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        self.first(|issuer| issuer.jwks_url(url))
    }

    /// See [`Issuer::discovery`].
    pub fn discovery(self) -> Self {
        self.first(Issuer::discovery)
    }

    /// See [`Issuer::metadata_url`].
    pub fn metadata_url(self, url: impl Into<String>) -> Self {
        self.first(|issuer| issuer.metadata_url(url))
    }

    /// See [`Issuer::static_jwks`].
    pub fn static_jwks(self, json: impl Into<String>) -> Self {
        self.first(|issuer| issuer.static_jwks(json))
    }

    /// See [`Issuer::allow_http`].
    pub fn allow_http(self, allow: bool) -> Self {
        self.first(|issuer| issuer.allow_http(allow))
    }

    /// See [`Issuer::jwks_cache_ttl`].
    pub fn jwks_cache_ttl(self, ttl: Duration) -> Self {
        self.first(|issuer| issuer.jwks_cache_ttl(ttl))
    }

    /// See [`Issuer::max_stale`].
    pub fn max_stale(self, max_stale: Duration) -> Self {
        self.first(|issuer| issuer.max_stale(max_stale))
    }

    /// See [`Issuer::fetch_timeout`].
    pub fn fetch_timeout(self, timeout: Duration) -> Self {
        self.first(|issuer| issuer.fetch_timeout(timeout))
    }

    /// See [`Issuer::fetch_header`].
    pub fn fetch_header(
        self,
        name: impl Into<String>,
        value: impl Fn() -> io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.first(|issuer| issuer.fetch_header(name, value))
    }

    /// See [`Issuer::issued_at_optional`].
    pub fn issued_at_optional(self, optional: bool) -> Self {
        self.first(|issuer| issuer.issued_at_optional(optional))
    }

    /// See [`Issuer::roles_claims`].
    pub fn roles_claims<S: Into<String>>(self, pointers: impl IntoIterator<Item = S>) -> Self {
        self.first(|issuer| issuer.roles_claims(pointers))
    }

    /// See [`Issuer::roles_from_names`].
    pub fn roles_from_names(self, names: impl Into<RolesFromNames>) -> Self {
        self.first(|issuer| issuer.roles_from_names(names))
    }

    /// See [`Issuer::scope_claim`].
    pub fn scope_claim(self, pointer: impl Into<String>) -> Self {
        self.first(|issuer| issuer.scope_claim(pointer))
    }

    /// See [`Issuer::permissions_claim`].
    pub fn permissions_claim(self, pointer: impl Into<String>) -> Self {
        self.first(|issuer| issuer.permissions_claim(pointer))
    }

    /// See [`Issuer::insecure_accept_id_tokens`].
    pub fn insecure_accept_id_tokens(self, accept: bool) -> Self {
        self.first(|issuer| issuer.insecure_accept_id_tokens(accept))
    }

    /// See [`Issuer::insecure_ignore_mark`].
    pub fn insecure_ignore_mark(self, mark: Mark) -> Self {
        self.first(|issuer| issuer.insecure_ignore_mark(mark))
    }

    /// See [`Issuer::insecure_user_writable_claims`].
    pub fn insecure_user_writable_claims(self) -> Self {
        self.first(Issuer::insecure_user_writable_claims)
    }

    fn first(mut self, set: impl FnOnce(Issuer) -> Issuer) -> Self {
        if !self.issuers.is_empty() {
            let first = self.issuers.remove(0);
            self.issuers.insert(0, set(first));
        }
        self
    }
}
