mod authority;

pub use authority::{Authority, AuthorityError, Issued};

use std::fmt;
use std::io;
use std::sync::Arc;

use tenure_types::NodeId;
use tokio_rustls::rustls::client::{Resumption, verify_server_name};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::identity::ClusterName;
use crate::network::BoxStream;

/// The last label of every name in a certificate.
const NAME_END: &str = "tenure";

/// A node's certificate and key, and the authority whose certificates it accepts.
#[derive(Clone)]
pub struct TlsIdentity {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

/// Why certificates or a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A text holds nothing of what it should.
    #[error("no {what} in PEM form is in it; give the file that has {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// A text is damaged.
    #[error("the {what} cannot be read ({detail}); write the file anew")]
    Damaged {
        /// What is damaged.
        what: &'static str,
        /// What the library says.
        detail: String,
    },
    /// They do not fit together, or the library does not support them.
    #[error("the certificates and the key cannot be used; check that they belong together")]
    Unusable(#[source] rustls::Error),
}

/// The name that a node's certificate must be for: `<node>.<cluster>.tenure`, as a DNS name among its
/// subject alternative names. One for `*.<cluster>.tenure` fits every node whose id has no dot; then
/// every node can pass for every other. Capital letters do not count in such names.
#[must_use]
pub fn certificate_name(cluster: &ClusterName, node: &NodeId) -> String {
    format!("{node}.{cluster}.{NAME_END}")
}

impl TlsIdentity {
    /// Takes the authority's certificates, the node's certificate followed by those between it and the
    /// authority, and its key, each in PEM form.
    ///
    /// # Errors
    /// [`TlsError`] when one is missing or damaged, or they do not fit together. Whether the certificate
    /// is for [`certificate_name`] shows at the first handshake.
    pub fn from_pem(authority: &str, certificate: &str, key: &str) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates("authority's certificate", authority)? {
            roots.add(root).map_err(TlsError::Unusable)?;
        }
        let chain = certificates("node's certificate", certificate)?;
        let what = "node's key";
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => TlsError::Missing { what },
            other => TlsError::Damaged { what, detail: other.to_string() },
        })?;
        let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .build()
                .map_err(|error| TlsError::Unusable(rustls::Error::General(error.to_string())))?;
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Unusable)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(TlsError::Unusable)?;
        // Every connection is authenticated anew: lanes live long, so it costs nothing.
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Unusable)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        server.send_tls13_tickets = 0;
        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }

    /// Speaks TLS to whoever has a certificate for `name`.
    pub(crate) async fn dial(&self, name: &str, stream: BoxStream) -> io::Result<BoxStream> {
        let name = ServerName::try_from(name.to_owned());
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connector = TlsConnector::from(Arc::clone(&self.client));
        Ok(Box::new(connector.connect(name, stream).await?))
    }

    /// Speaks TLS to whoever has a certificate of the authority, which is returned.
    pub(crate) async fn accept(
        &self,
        stream: BoxStream,
    ) -> io::Result<(BoxStream, CertificateDer<'static>)> {
        let stream = TlsAcceptor::from(Arc::clone(&self.server)).accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let shown = shown.cloned().ok_or(io::ErrorKind::PermissionDenied)?.into_owned();
        Ok((Box::new(stream), shown))
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity(..)")
    }
}

/// Whether a certificate that was verified is for `name`.
///
/// # Errors
/// What is wrong with it, in the library's words.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, name: &str) -> Result<(), String> {
    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| error.to_string())?;
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    verify_server_name(&parsed, &name).map_err(|error| error.to_string())
}

/// What TLS itself found wrong, where an I/O error carries it.
pub(crate) fn fault(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| TlsError::Damaged { what, detail: error.to_string() })?;
    if found.is_empty() { Err(TlsError::Missing { what }) } else { Ok(found) }
}
