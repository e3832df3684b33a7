//! The authorities whose certificates this machine trusts.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The variable that names another file; OpenSSL and many programs know it.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Where distributions keep them, in one file.
const FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// No certificates are there by which servers could be told from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the certificates of this machine: {0}")]
pub struct RootsError(String);

/// How connections are encrypted, and whether they can be: without authorities nobody is trusted.
pub fn config() -> (ClientConfig, Result<(), RootsError>) {
    let (roots, found) = match trusted() {
        Ok(roots) => (roots, Ok(())),
        Err(error) => (RootCertStore::empty(), Err(error)),
    };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.expect("ring speaks the safe versions of TLS");
    (config.with_root_certificates(roots).with_no_client_auth(), found)
}

fn trusted() -> Result<RootCertStore, RootsError> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let found = || FILES.iter().map(Path::new).find(|path| path.is_file());
    let Some(path) = named.as_deref().map(Path::new).or_else(found) else {
        return Err(RootsError(format!("there is none of {}, and `{VARIABLE}` names no file", FILES.join(", "))));
    };
    let failed = |reason: String| RootsError(format!("`{}`: {reason}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    // One that cannot be read is of no use, and no reason to distrust the others.
    roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    if roots.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(roots)
}
