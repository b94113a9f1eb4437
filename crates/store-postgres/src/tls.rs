use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tenure_store::StoreError;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::PostgresConfig;

/// Trusts the authorities that the configuration names, else those of the system.
pub(crate) fn connector(config: &PostgresConfig) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    match &config.roots {
        Some(path) => {
            let failed = |detail: String| StoreError::Io {
                doing: format!("reading the authorities in {}", path.display()).into(),
                detail: detail.into(),
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|it| failed(it.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|it| failed(it.to_string()))?;
                roots.add(certificate).map_err(|it| failed(it.to_string()))?;
            }
            if roots.is_empty() {
                return Err(failed("there is no certificate in it".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(tls))
}
