//! Issuers that many have, each in one line. The manual's page `presets` says what each sets, and by which page of its maker.

pub(crate) mod written;

use crate::issuer::Issuer;

impl Issuer {
    /// A Rampart server: its tokens are for the client ID of each front end. Where users sign in directly, or renew their tokens, add
    /// [`direct_login`](Self::direct_login). See [`manual::rampart_itself`](crate::manual::rampart_itself).
    ///
    /// ```
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// let auth = RampartAuth::of(Issuer::rampart("https://auth.example.com", ["shop-web", "shop-mobile"]).direct_login())?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn rampart<S: Into<String>>(url: impl Into<String>, client_ids: impl IntoIterator<Item = S>) -> Self {
        Self::for_each_of(url, client_ids)
    }

    /// Accepts tokens for the issuer itself too: those of a Rampart server after a direct login or a renewal.
    pub fn direct_login(mut self) -> Self {
        self.settings.audiences.extend(self.settings.issuer_url.clone());
        self
    }

    /// A realm of Keycloak: its roles are those of the realm and those of the client that is called like the audience. Keycloak puts an
    /// API into `aud` only where the client has an audience mapper; without one `aud` is `account`.
    ///
    /// ```
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// let auth = RampartAuth::of(Issuer::keycloak("https://sso.example.com", "shop", "shop-api"))?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn keycloak(base_url: impl Into<String>, keycloak_realm: impl AsRef<str>, audience: impl Into<String>) -> Self {
        let audience = audience.into();
        let issuer_url = format!("{}/realms/{}", without_slash(base_url), keycloak_realm.as_ref());
        let client = format!("/resource_access/{}/roles", as_part_of_a_pointer(&audience));
        Self::new(issuer_url, audience).roles_claims(["/realm_access/roles", &client])
    }

    /// A tenant of Auth0, or its custom domain: `domain` is the name of the host. The audience is the identifier of the API, and must
    /// be asked for by the front end, or Auth0 gives it a token that is not for an API.
    ///
    /// Scopes are what the token says in `scope`. With RBAC switched on, those are the permissions of the user that the front end asked
    /// for. The claim `permissions` holds all of them, whoever asks: `scope_claim("/permissions")` gives every front end every right of
    /// its user.
    pub fn auth0(domain: impl AsRef<str>, audience: impl Into<String>) -> Self {
        Self::new(format!("https://{}/", host(domain.as_ref())), audience)
    }

    /// A custom authorization server of Okta, `default` among them: `domain` is the name of the host. Tokens of the organization's own
    /// authorization server are for Okta alone and cannot be verified.
    pub fn okta(domain: impl AsRef<str>, authorization_server: impl AsRef<str>, audience: impl Into<String>) -> Self {
        let issuer_url = format!("https://{}/oauth2/{}", host(domain.as_ref()), authorization_server.as_ref());
        Self::new(issuer_url, audience)
    }

    /// A user pool of Amazon Cognito. Its access tokens have no `aud`: the client that asked for one stands in `client_id`, which must be
    /// one of `client_ids`. Groups are roles. `region` is that of the pool, such as `eu-central-1`.
    pub fn cognito<S: Into<String>>(
        region: impl AsRef<str>,
        pool_id: impl AsRef<str>,
        client_ids: impl IntoIterator<Item = S>,
    ) -> Self {
        let issuer_url = format!("https://cognito-idp.{}.amazonaws.com/{}", region.as_ref(), pool_id.as_ref());
        Self::for_each_of(issuer_url, client_ids).audience_claim("/client_id").roles_claims(["/cognito:groups"])
    }

    /// An instance of Clerk: `domain` is the host of its frontend API. Its session tokens have no `aud`: the origin of the page that
    /// asked for one stands in `azp`, and must be `authorized_party`, such as `https://shop.example.com`.
    pub fn clerk(domain: impl AsRef<str>, authorized_party: impl Into<String>) -> Self {
        Self::new(format!("https://{}", host(domain.as_ref())), authorized_party).audience_claim("/azp")
    }

    /// An application behind Cloudflare Access: `team` is the name before `.cloudflareaccess.com`, the audience is the application's AUD
    /// tag. Service tokens have an empty `sub`: theirs is `client:` and their `common_name`. The token comes in the header
    /// `Cf-Access-Jwt-Assertion`, which the application must hand over: see [`manual::how_to`](crate::manual::how_to).
    pub fn cloudflare_access(team: impl AsRef<str>, audience: impl Into<String>) -> Self {
        let issuer_url = format!("https://{}.cloudflareaccess.com", team.as_ref());
        let jwks_url = format!("{issuer_url}/cdn-cgi/access/certs");
        Self::new(issuer_url, audience).jwks_url(jwks_url).subject_claim("/common_name")
    }

    /// A project of Firebase. Its tokens are called ID tokens, and are what Firebase means to be sent to the project's own back end. Who
    /// has signed in anonymously has one too: `firebase.sign_in_provider` says so.
    pub fn firebase(project: impl Into<String>) -> Self {
        let project = project.into();
        Self::new(format!("https://securetoken.google.com/{project}"), project)
    }

    /// A project of Supabase that signs with asymmetric keys: those that share one secret (HS256) with their APIs are not supported.
    /// Whoever has signed in is let in, also anonymously: `is_anonymous` says so. Roles in `app_metadata` are the application's own
    /// word; never read them from `user_metadata`, which users write themselves.
    pub fn supabase(project_url: impl Into<String>) -> Self {
        Self::new(format!("{}/auth/v1", without_slash(project_url)), "authenticated")
    }

    /// Service accounts of a Kubernetes cluster: `api_server` is its issuer as the tokens have it, such as
    /// `https://kubernetes.default.svc.cluster.local`. The audience is that of a projected volume, which each pod chooses for itself:
    /// who it is stands in `sub`, as `system:serviceaccount:NAMESPACE:NAME`.
    ///
    /// A cluster gives its keys to those alone that it knows, and under a certificate of its own:
    /// [`fetch_header`](Self::fetch_header), which has an example, sends a token, and
    /// [`http_client`](crate::RampartAuthBuilder::http_client) adds the certificate.
    pub fn kubernetes(api_server: impl Into<String>, audience: impl Into<String>) -> Self {
        Self::new(api_server, audience)
    }

    /// An issuer whose tokens are for one of several clients.
    pub(crate) fn for_each_of<S: Into<String>>(
        issuer_url: impl Into<String>,
        audiences: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut audiences = audiences.into_iter();
        // Of an empty list the first one is empty, and refused.
        let first = audiences.next().map(Into::into).unwrap_or_default();
        Self::new(issuer_url, first).audiences(audiences)
    }
}

fn without_slash(url: impl Into<String>) -> String {
    let mut url = url.into();
    url.truncate(url.trim_end_matches('/').len());
    url
}

/// The name of a host, which is often copied as an address.
fn host(domain: &str) -> &str {
    domain.strip_prefix("https://").unwrap_or(domain).trim_end_matches('/')
}

/// RFC 6901 section 3.
fn as_part_of_a_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
