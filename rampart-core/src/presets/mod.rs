//! Issuers that many have, each in one line. The manual's page `presets` says what each sets, and by which page of its maker.

pub(crate) mod entra;
pub(crate) mod written;

use crate::claim_settings::{Mark, RolesFromNames};
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

    /// A project of Zitadel: `url` is the address of the instance. The audience is the project, and roles are those of the project that
    /// one of these organizations has granted: an organization that was given the project assigns its roles by itself. Applications must
    /// be set to JWT as the kind of their access tokens, to which Zitadel adds roles where they are asked for, or where the project
    /// asserts them.
    ///
    /// ```
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// let auth = RampartAuth::of(Issuer::zitadel("https://shop.zitadel.cloud", "69234237810729019", ["69629023906488334"]))?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn zitadel<S: Into<String>>(
        url: impl Into<String>,
        project_id: impl Into<String>,
        organization_ids: impl IntoIterator<Item = S>,
    ) -> Self {
        let (url, project_id) = (without_slash(url), project_id.into());
        let jwks_url = format!("{url}/oauth/v2/keys");
        let roles = format!("/urn:zitadel:iam:org:project:{}:roles", as_part_of_a_pointer(&project_id));
        Self::new(url, project_id)
            .jwks_url(jwks_url)
            .roles_from_names(RolesFromNames::at(roles).granted_by(organization_ids))
    }

    /// An application of authentik: `url` is that of the server, `application` its slug, and the audience the client ID of its provider,
    /// whose issuer mode is the usual one, a signing key is chosen and no encryption key is. Roles are those of the scope `entitlements`.
    ///
    /// Its access tokens are its ID tokens with a little more. They have the `nonce` of the sign-in, which is ignored here, and the audience
    /// of the ID tokens. What tells them apart is `azp`, which only access tokens have, and which is required here.
    pub fn authentik(url: impl Into<String>, application: impl AsRef<str>, audience: impl Into<String>) -> Self {
        let issuer_url = format!("{}/application/o/{}/", without_slash(url), application.as_ref());
        let jwks_url = format!("{issuer_url}jwks/");
        Self::new(issuer_url, audience).jwks_url(jwks_url).required_claims(["azp"]).insecure_ignore_mark(Mark::Nonce)
    }

    /// A server of Dex: `url` is its issuer, exactly as its configuration has it. Its access tokens are made as its ID tokens are, with an
    /// `at_hash` and the `nonce` of the sign-in, which are both ignored here. **Nothing tells the two apart**: an ID token with this audience
    /// passes, unless a `c_hash` shows that it came with a code.
    ///
    /// The audience must therefore be a client of Dex that stands for the API alone and by which nobody signs in, never a front end's own
    /// client ID. Front ends ask for it by the scope `audience:server:client_id:` and its ID; the ID tokens of all others are kept out.
    ///
    /// Groups stand in `groups`: `roles_claims(["/groups"])` makes roles of them.
    pub fn dex(url: impl Into<String>, audience: impl Into<String>) -> Self {
        Self::new(url, audience).insecure_ignore_mark(Mark::AtHash).insecure_ignore_mark(Mark::Nonce)
    }

    /// Users of Google, as its ID tokens have them: its access tokens are for Google alone and cannot be verified. `client_ids` are those
    /// of the front ends, and of the server where an app asks for tokens for that one; both `aud` and `azp` must be among them. Anybody
    /// can have Google make a token for an audience of their choice, as service accounts do: `azp` says who has asked.
    ///
    /// An ID token says who has signed in at a front end, and nothing about what that one may do here: there are no scopes and no roles,
    /// and whoever gets hold of one that a front end was sent can use it here, until it ends after an hour. Its marks `at_hash` and `nonce` are
    /// ignored. Everybody who has an account at Google is let in: `hd` says of what organization they are, and
    /// `require_claim("/hd", ["example.com"])` lets in the members of one alone.
    ///
    /// ```
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// let google = Issuer::google(["1234-web.apps.googleusercontent.com"]).require_claim("/hd", ["example.com"]);
    /// let auth = RampartAuth::of(google)?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn google<S: Into<String>>(client_ids: impl IntoIterator<Item = S>) -> Self {
        let client_ids: Vec<String> = client_ids.into_iter().map(Into::into).collect();
        Self::for_each_of("https://accounts.google.com", client_ids.clone())
            .aliases(["accounts.google.com"])
            .jwks_url("https://www.googleapis.com/oauth2/v3/certs")
            .require_claim("/azp", client_ids)
            .insecure_ignore_mark(Mark::AtHash)
            .insecure_ignore_mark(Mark::Nonce)
    }

    /// Workflows of GitHub Actions. Any workflow of anybody gets a token for the audience of its choice, so that the audience keeps nobody
    /// out: the owners do, organizations or users by their IDs, for their names may pass to somebody else. `gh api users/NAME --jq .id`
    /// shows one.
    ///
    /// These tokens are ID tokens by design: they say what runs where, not what it may do. Every workflow of every repository of these owners
    /// is let in, on any branch, until `require_claim` says more: `/repository_id`, `/environment` or `/ref`. They bear no mark of an ID
    /// token, and none is ignored.
    ///
    /// ```
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// let deployments = Issuer::github_actions("https://deploy.example.com", ["1234567"])
    ///     .require_claim("/repository_id", ["76543210"])
    ///     .require_claim("/environment", ["production"]);
    /// let auth = RampartAuth::of(deployments)?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn github_actions<S: Into<String>>(
        audience: impl Into<String>,
        repository_owner_ids: impl IntoIterator<Item = S>,
    ) -> Self {
        Self::new("https://token.actions.githubusercontent.com", audience)
            .jwks_url("https://token.actions.githubusercontent.com/.well-known/jwks")
            .require_claim("/repository_owner_id", repository_owner_ids)
    }

    /// Jobs of GitLab CI: `url` is that of the instance, such as `https://gitlab.com`. Any job of anybody gets a token for the audience of
    /// its choice, so that the audience keeps nobody out: the namespaces do, by the IDs of the groups or users in which the projects stand
    /// directly. A subgroup is a namespace of its own.
    ///
    /// These tokens are ID tokens by design, as those of [`github_actions`](Self::github_actions): `require_claim` narrows them, such as by
    /// `/project_id`, or by `/ref_protected`, which is the text `true`.
    pub fn gitlab<S: Into<String>>(
        url: impl Into<String>,
        audience: impl Into<String>,
        namespace_ids: impl IntoIterator<Item = S>,
    ) -> Self {
        let url = without_slash(url);
        let jwks_url = format!("{url}/oauth/discovery/keys");
        Self::new(url, audience).jwks_url(jwks_url).require_claim("/namespace_id", namespace_ids)
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
