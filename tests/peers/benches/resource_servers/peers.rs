//! The other libraries, each made as its documentation shows: the keys are found by the issuer's metadata, and nothing that can be asked
//! of a token is left out, so far as the settings go.

use std::sync::Arc;

use huskarl_reqwest::ReqwestClient;
use huskarl_resource_server::core::jwt::JtiUniquenessChecker;
use huskarl_resource_server::core::server_metadata::AuthorizationServerMetadata;
use huskarl_resource_server::validator::rfc9068::Rfc9068Validator;
use oauth_resource_server::{KeyNaming, OAuthConfig, OAuthValidator};
use serde_json::{Map, Value};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

/// All claims, as of the others.
pub type Claims = Map<String, Value>;

/// With `typ: at+jwt` and all claims of RFC 9068. `spent` tells which proofs were seen before.
pub async fn huskarl(
    issuer: &str,
    audience: &str,
    spent: Option<Arc<dyn JtiUniquenessChecker>>,
) -> Rfc9068Validator<Claims> {
    let client = ReqwestClient::builder().build().await.unwrap();
    let metadata = AuthorizationServerMetadata::oidc_fetch().http_client(&client).issuer(issuer).call().await.unwrap();
    Rfc9068Validator::builder_from_metadata(&metadata)
        .with_claims::<Claims>()
        .audience(audience)
        .allowed_signing_algorithms(["RS256", "ES256", "ES384", "EdDSA"].map(str::to_owned))
        .jwks_source(client)
        .maybe_dpop_jti_checker(spent)
        .build()
        .await
        .unwrap()
}

/// With `typ: at+jwt`.
pub async fn oauth_resource_server(issuer: &str, audience: &str) -> Arc<OAuthValidator> {
    let config = OAuthConfig {
        enabled: true,
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        resource: "https://api.example.com".to_owned(),
        require_at_jwt: true,
        ..OAuthConfig::default()
    };
    let config = config.resolve(KeyNaming::Dotted("oauth")).unwrap().unwrap();
    let validator = Arc::new(OAuthValidator::new(&config).unwrap());
    validator.spawn_background_refresh();
    validator.refresh_now().await.unwrap();
    validator
}

/// With `nbf` in every token. It fetches the keys in the background: until they are there, it refuses every request.
pub async fn tower_oauth2_resource_server(issuer: &str, audience: &str) -> OAuth2ResourceServer<Claims> {
    let audiences = vec![audience.to_owned()];
    let claims = ClaimsValidationSpec::recommended(issuer, &audiences);
    let tenant =
        TenantConfiguration::builder(issuer).audiences(&audiences).claims_validation(claims).build().await.unwrap();
    OAuth2ResourceServer::builder().add_tenant(tenant).build().await.unwrap()
}
