//! Issuers that the applications know by a resolver alone, all below one name.

use rampart_core::Issuer;
use rampart_issuer::LocalIssuer;

/// Whose tokens pass, and may grant nothing.
pub const TENANT: &str = "https://a.tenants.example";
/// An alias of [`TENANT`], and a tenant of its own with the partner's keys.
pub const NEIGHBOUR: &str = "https://neighbour.tenants.example";
/// Its tokens must have `typ: at+jwt` and `email`, and live for an hour at most.
pub const STRICT: &str = "https://strict.tenants.example";
/// The resolver gives another issuer for it.
pub const MISTAKEN: &str = "https://mistaken.tenants.example";
/// It claims to be the partner, too.
pub const USURPER: &str = "https://usurper.tenants.example";
/// Its keys are said to be on this machine.
pub const PRIVATE: &str = "https://private.tenants.example";
/// The audience of their tokens.
pub const AUDIENCE: &str = "tenant-api";

/// The resolver: the tenants have the keys of the healthy issuer, unless it says otherwise.
pub(crate) fn tenants(
    issuer: &LocalIssuer,
    partner: &LocalIssuer,
) -> impl Fn(&str) -> Option<Issuer> + Send + Sync + use<> {
    let (keys, other_keys) = (issuer.jwks_json(), partner.jwks_json());
    let partner = partner.url().to_owned();
    move |iss| {
        let named = |name: &str| Issuer::new(name, AUDIENCE);
        let tenant = || named(iss).static_jwks(&*keys);
        match iss {
            TENANT => Some(tenant().aliases([NEIGHBOUR])),
            NEIGHBOUR => Some(named(iss).static_jwks(&*other_keys)),
            STRICT => {
                let hour = std::time::Duration::from_secs(3600);
                Some(tenant().require_at_jwt(true).required_claims(["email"]).max_token_lifetime(hour))
            }
            MISTAKEN => Some(named(TENANT).static_jwks(&*keys)),
            USURPER => Some(tenant().aliases([&*partner])),
            PRIVATE => Some(named(iss).jwks_url("https://127.0.0.1:1/keys")),
            // Whoever it is; none of the names that no issuer can have gets as far as this.
            _ => iss.contains("tenants.example").then(tenant),
        }
    }
}
