//! TLS towards services: rustls, with the system's authorities and those of a service's own
//! CA file. HTTP/1.1 is all that is offered.

use crate::settings::Tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;

/// A service's authorities that cannot be used, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its tls.ca_file {path} cannot be used: {message}")]
pub(crate) struct Unusable {
    path: String,
    message: String,
}

/// What connects to the `https` instances of a service.
pub(crate) fn connector(tls: Option<&Tls>) -> Result<TlsConnector, Unusable> {
    let mut roots = system_roots().clone();
    if let Some(Tls { ca_file }) = tls {
        let unusable = |message: String| Unusable {
            path: ca_file.clone(),
            message,
        };
        let certificates = CertificateDer::pem_file_iter(ca_file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(error.to_string()))?;
        if certificates.is_empty() {
            return Err(unusable("it holds no certificate".into()));
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unusable {
            path: String::new(),
            message: error.to_string(),
        })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The system's authorities, read once. A machine may have none: then only a CA file helps.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (added, ignored) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(
            added,
            ignored,
            errors = found.errors.len(),
            "system certificates read"
        );
        roots
    })
}
