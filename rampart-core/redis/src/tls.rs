//! TLS: rustls over AWS-LC, as towards issuers, whatever else of either a program holds.

use std::sync::Arc;

use rampart_core::ConfigError;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt;

/// With the certificates that the system trusts, or with no others than those of a PEM file.
pub(crate) fn client(certificates: Option<&[u8]>) -> Result<Arc<ClientConfig>, ConfigError> {
    let refused = |error: rustls::Error| ConfigError::invalid("redis.url", format!("cannot be used with TLS: {error}"));
    // By name: the default is ambiguous where a program holds two providers.
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    let config = match certificates {
        None => builder.with_platform_verifier().map_err(refused)?.with_no_client_auth(),
        Some(pem) => builder.with_root_certificates(roots(pem)?).with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, ConfigError> {
    let refused = |why: String| ConfigError::invalid("redis.certificate_authorities", why);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| refused(format!("is no PEM file of certificates: {error}")))?;
        roots.add(certificate).map_err(|error| refused(format!("has a certificate that cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(refused("has no certificate; give those of the authorities in PEM, or leave it out".into()));
    }
    Ok(roots)
}
