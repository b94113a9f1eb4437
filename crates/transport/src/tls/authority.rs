use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use tenure_types::NodeId;

use super::certificate_name;
use crate::identity::ClusterName;

/// An authority for development and tests. Its certificates do not expire, and nothing revokes them; in
/// production use the one you have.
pub struct Authority {
    cluster: ClusterName,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A node's certificate and its key, in PEM form.
pub struct Issued {
    /// What the node shows.
    pub certificate: String,
    /// What it must keep to itself.
    pub key: String,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
#[error("{what} could not be made; {advice}")]
pub struct AuthorityError {
    what: String,
    advice: &'static str,
    source: rcgen::Error,
}

impl Authority {
    /// Makes an authority for one cluster.
    ///
    /// # Errors
    /// [`AuthorityError`] when the system gives no random numbers.
    pub fn make(cluster: ClusterName) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(|source| failed("the authority's key", source))?;
        Self::of(cluster, key)
    }

    /// Takes an authority up again by the key that [`Authority::key`] gave: what it issues is accepted by
    /// whoever accepts what it issued before.
    ///
    /// # Errors
    /// [`AuthorityError`] when `key` is no private key in PEM form.
    pub fn with_key(cluster: ClusterName, key: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(key).map_err(|source| AuthorityError {
            what: "an authority of this key".to_owned(),
            advice: "give the key that it was made with, in PEM form",
            source,
        })?;
        Self::of(cluster, key)
    }

    fn of(cluster: ClusterName, key: KeyPair) -> Result<Self, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("tenure {cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key);
        let certificate = certificate.map_err(|source| failed("the authority", source))?.pem();
        Ok(Self { cluster, certificate, issuer: Issuer::new(params, key) })
    }

    /// The authority's certificate in PEM form, which every node accepts.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The authority's key in PEM form. Whoever has it can make nodes.
    #[must_use]
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Issues a certificate for one node, for [`certificate_name`].
    ///
    /// # Errors
    /// [`AuthorityError`] when the node's id cannot be part of a DNS name.
    pub fn issue(&self, node: &NodeId) -> Result<Issued, AuthorityError> {
        let name = certificate_name(&self.cluster, node);
        let what = || format!("a certificate for {name}");
        let key = KeyPair::generate().map_err(|source| failed(&what(), source))?;
        let params = CertificateParams::new(vec![name.clone()]);
        let mut params = params.map_err(|source| failed(&what(), source))?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name.clone());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.map_err(|source| failed(&what(), source))?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

fn failed(what: &str, source: rcgen::Error) -> AuthorityError {
    let advice =
        "name the node with letters, digits and '-', and see that the system has randomness";
    AuthorityError { what: what.to_owned(), advice, source }
}
