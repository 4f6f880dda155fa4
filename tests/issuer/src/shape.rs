//! Servers that the issuer can take the place of: their addresses, what they publish, and what they put into tokens.

use serde_json::{Map, Value, json};

use crate::encoding::{base64url, from_base64url, random, uuid};
use crate::fault::Endpoint;
use crate::key::SigningKey;
use crate::token::TokenBuilder;

/// The server whose addresses, metadata and tokens a local issuer has, as they were seen on a running one. Each is the server's own in
/// every claim and header parameter, in what tells its kinds of token apart, and in where its keys are found.
///
/// ```
/// use rampart_issuer::{LocalIssuer, Shape};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dex = LocalIssuer::builder().shape(Shape::Dex).audience("orders-api").start().await?;
/// assert!(dex.url().ends_with("/dex") && dex.jwks_url().ends_with("/dex/keys"));
/// let access_token = dex.token().sign()?; // no `typ`, and an `at_hash` as an ID token has it
/// let id_token = dex.id_token(&access_token).sign()?; // beside it, a `c_hash`
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Rampart's own server.
    #[default]
    Rampart,
    /// Dex, whose issuer has a path. Keys are found by its `OpenID` Connect metadata alone. **Access tokens have the marks of ID tokens**: an
    /// `at_hash`, and the `nonce` of the sign-in. Beside a code, the ID token alone has a `c_hash`.
    Dex,
    /// Ory Hydra with access tokens that are JWTs: `scp` is an array, and `aud` is empty where nobody asks for one.
    Hydra,
}

/// What users of Dex are called: an ID and a connector, as a message of Protocol Buffers.
const DEX_USER: &str = "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs";
const DEX_LIFETIME: i64 = 86_400;
const HYDRA_LIFETIME: i64 = 3600;
/// The front end by which users of Hydra have signed in.
const HYDRA_CLIENT: &str = "web-app";

impl Shape {
    /// The path of the issuer's URL.
    pub(crate) fn path(self) -> &'static str {
        if self == Self::Dex { "/dex" } else { "" }
    }

    /// Where an endpoint is, from the origin on; `None` where there is no such endpoint.
    pub(crate) fn address(self, endpoint: Endpoint) -> Option<&'static str> {
        Some(match (self, endpoint) {
            (Self::Dex, Endpoint::Jwks) => "/dex/keys",
            (Self::Dex, Endpoint::Discovery) => "/dex/.well-known/openid-configuration",
            (Self::Dex, Endpoint::OAuthMetadata | Endpoint::Revocation)
            | (Self::Dex | Self::Hydra, Endpoint::LogoutToken) => return None,
            (Self::Dex, Endpoint::Token) => "/dex/token",
            (Self::Dex, Endpoint::Introspection) => "/dex/token/introspect",
            (Self::Hydra, Endpoint::Token) => "/oauth2/token",
            // Of its administrators' port, and so not in its metadata.
            (Self::Hydra, Endpoint::Introspection) => "/admin/oauth2/introspect",
            (Self::Hydra, Endpoint::Revocation) => "/oauth2/revoke",
            (Self::Rampart, Endpoint::Token) => "/oauth/token",
            (Self::Rampart, Endpoint::Introspection) => "/oauth/introspect",
            (Self::Rampart, Endpoint::Revocation) => "/oauth/revoke",
            (Self::Rampart, Endpoint::LogoutToken) => "/oauth/logout-token",
            (_, Endpoint::Jwks) => "/.well-known/jwks.json",
            (_, Endpoint::Discovery) => "/.well-known/openid-configuration",
            // RFC 8414 section 3.1: neither issuer has a path.
            (_, Endpoint::OAuthMetadata) => "/.well-known/oauth-authorization-server",
        })
    }

    /// The endpoint at a path.
    pub(crate) fn endpoint(self, path: &str) -> Option<Endpoint> {
        Endpoint::ALL.into_iter().find(|endpoint| self.address(*endpoint) == Some(path))
    }

    /// What the server publishes, besides what is said of the endpoints that are there; `None` for Rampart's, of which the local issuer
    /// can do more.
    pub(crate) fn metadata(self, url: &str) -> Option<Value> {
        match self {
            Self::Rampart => None,
            Self::Dex => Some(json!({
                "authorization_endpoint": format!("{url}/auth"),
                "userinfo_endpoint": format!("{url}/userinfo"),
                "device_authorization_endpoint": format!("{url}/device/code"),
                "introspection_endpoint": format!("{url}/token/introspect"),
                "grant_types_supported": [
                    "authorization_code", "client_credentials", "refresh_token",
                    "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
                ],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256", "plain"],
                "scopes_supported": ["openid", "email", "groups", "profile", "offline_access"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "claims_supported": [
                    "iss", "sub", "aud", "iat", "exp", "email", "email_verified", "locale", "name", "preferred_username", "at_hash",
                    "groups", "federated_claims",
                ],
            })),
            Self::Hydra => Some(json!({
                "authorization_endpoint": format!("{url}/oauth2/auth"),
                "device_authorization_endpoint": format!("{url}/oauth2/device/auth"),
                "revocation_endpoint": format!("{url}/oauth2/revoke"),
                "end_session_endpoint": format!("{url}/oauth2/sessions/logout"),
                "userinfo_endpoint": format!("{url}/userinfo"),
                "grant_types_supported": [
                    "authorization_code", "implicit", "client_credentials", "refresh_token",
                    "urn:ietf:params:oauth:grant-type:device_code",
                ],
                "response_types_supported": ["code", "code id_token", "id_token", "token id_token", "token", "token id_token code"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "id_token_signed_response_alg": ["RS256"],
                "userinfo_signed_response_alg": ["RS256"],
                "userinfo_signing_alg_values_supported": ["none", "RS256"],
                "request_object_signing_alg_values_supported": ["none", "RS256", "ES256"],
                "request_parameter_supported": true,
                "request_uri_parameter_supported": true,
                "require_request_uri_registration": true,
                "claims_parameter_supported": false,
                "code_challenge_methods_supported": ["plain", "S256"],
                "scopes_supported": ["offline_access", "offline", "openid"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt", "none"],
                "claims_supported": ["sub"],
                "backchannel_logout_supported": true,
                "backchannel_logout_session_supported": true,
                "frontchannel_logout_supported": true,
                "frontchannel_logout_session_supported": true,
            })),
        }
    }

    /// An access token of a user.
    pub(crate) fn access(self, issuer: &str, audience: &str, key: &SigningKey) -> TokenBuilder {
        match self {
            Self::Rampart => TokenBuilder::access(issuer, audience, key),
            Self::Dex => dex(issuer, DEX_USER, audience, key)
                .email("ada@example.com")
                .claim("email_verified", true)
                .name("Ada Lovelace"),
            Self::Hydra => {
                hydra(issuer, HYDRA_CLIENT, &[audience.to_owned()], key).sub("ada").claim("scp", ["openid", "offline"])
            }
        }
    }

    /// An access token of a client that speaks for itself, of these audiences and this scope where it has asked for any.
    pub(crate) fn of_client(
        self,
        (issuer, audience): (&str, &str),
        client: &str,
        (asked, scope): (&[String], Option<&str>),
        key: &SigningKey,
    ) -> TokenBuilder {
        match self {
            Self::Rampart => {
                let person =
                    ["email", "email_verified", "given_name", "family_name", "preferred_username", "roles", "org_id"];
                let token = TokenBuilder::access(issuer, audience, key).sub(client).claim("client_id", client);
                let token = person.into_iter().fold(token, TokenBuilder::without);
                let token = if asked.is_empty() { token } else { token.audience(asked) };
                let token = if let Some(scope) = scope { token.scope(scope) } else { token };
                // Two tokens of the same second must differ.
                token.claim("jti", base64url(random()))
            }
            // It asks neither for an audience nor for scopes of an API.
            Self::Dex => {
                let length = u8::try_from(client.len()).unwrap_or(u8::MAX);
                dex(issuer, &base64url([&[0x0a, length], client.as_bytes()].concat()), client, key)
            }
            Self::Hydra => {
                let scopes: Vec<_> = scope.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()).collect();
                hydra(issuer, client, asked, key).sub(client).claim("scp", scopes)
            }
        }
    }

    /// The ID token that comes with this access token, by authorization code.
    pub(crate) fn id_token(self, access_token: &str, key: &SigningKey) -> TokenBuilder {
        if self == Self::Rampart {
            return TokenBuilder::id_token(access_token, key);
        }
        let payload = access_token.split('.').nth(1).and_then(from_base64url);
        let mut claims: Map<String, Value> =
            payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
        let half_hash = |text: &str| base64url(key.algorithm().half_hash(text.as_bytes()));
        let mut token = TokenBuilder::new(key);
        if self == Self::Dex {
            token = token.without_header("typ").claim("c_hash", half_hash(&base64url(random())));
        } else {
            let client = claims.remove("client_id").unwrap_or_default();
            for of_access_tokens in ["scp", "ext", "nbf"] {
                claims.remove(of_access_tokens);
            }
            let issued_at = claims.get("iat").cloned().unwrap_or_default();
            token = token.claim("acr", "1").claim("amr", ["pwd"]).claim("sid", uuid());
            token = token.claim("auth_time", &issued_at).claim("rat", issued_at);
            claims.insert("aud".into(), json!([client]));
        }
        let token = claims.into_iter().fold(token, |token, (name, value)| token.claim(&name, value));
        token.claim("jti", uuid()).claim("at_hash", half_hash(access_token))
    }

    /// A refresh token, which says nothing to anybody but its server.
    pub(crate) fn refresh_token(self) -> String {
        match self {
            Self::Rampart => {
                [random(), random()].concat().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
            }
            Self::Dex => base64url([&[0x0a, 16][..], &random(), &[0x12, 16], &random()].concat()),
            Self::Hydra => format!(
                "ory_rt_{}.{}",
                base64url([random(), random()].concat()),
                base64url([random(), random()].concat())
            ),
        }
    }
}

/// What all tokens of Dex have, whatever they are for.
fn dex(issuer: &str, subject: &str, audience: &str, key: &SigningKey) -> TokenBuilder {
    TokenBuilder::new(key)
        .without_header("typ")
        .issued_to(issuer, audience)
        .audience(audience)
        .sub(subject)
        .expires_in(DEX_LIFETIME)
        .claim("jti", uuid())
        // Of an access token that nobody has: of a name for it that Dex throws away.
        .claim("at_hash", base64url(key.algorithm().half_hash(&random())))
}

/// What all access tokens of Hydra have.
fn hydra(issuer: &str, client: &str, audiences: &[String], key: &SigningKey) -> TokenBuilder {
    let token = TokenBuilder::new(key).issued_to(issuer, "").audience(audiences).expires_in(HYDRA_LIFETIME);
    let issued_at = token.claimed("iat");
    token.claim("client_id", client).claim("ext", json!({})).claim("jti", uuid()).claim("nbf", issued_at)
}
