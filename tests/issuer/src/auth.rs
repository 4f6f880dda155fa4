//! An auth object of the core for the issuer.

use rampart_core::{ConfigError, RampartAuth};

use crate::issuer::LocalIssuer;

impl LocalIssuer {
    /// An auth object for this issuer and its [`audience`](Self::audience), with every default, as an API has it in production: what
    /// `RampartAuth::new(issuer.url(), issuer.audience())` makes. It is a new one with each call, and fetches the keys from
    /// this issuer with the first token, so that it meets rotations and faults.
    ///
    /// It takes the algorithms that are accepted by default: not PS256 to PS512, `EdDSA` and `Ed25519`. For those, or another clock,
    /// start from `RampartAuth::builder(issuer.url(), issuer.audience())`.
    ///
    /// # Errors
    /// [`ConfigError`] where the audience that the issuer was given is one that no token could match, such as an empty one.
    ///
    /// ```
    /// use rampart_core::AuthError;
    /// use rampart_issuer::LocalIssuer;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = LocalIssuer::start().await?;
    /// let auth = issuer.auth()?;
    /// let claims = auth.verify(&issuer.token().sub("ada").sign()?).await?;
    /// assert_eq!(claims.sub, "ada");
    /// let expired = issuer.token().at(1_700_000_000).sign()?;
    /// assert_eq!(auth.verify(&expired).await.unwrap_err(), AuthError::TokenExpired);
    /// # Ok(()) }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "auth")))]
    pub fn auth(&self) -> Result<RampartAuth, ConfigError> {
        RampartAuth::new(self.url(), self.audience())
    }
}
