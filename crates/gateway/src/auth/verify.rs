//! The keys of tokens: secrets, public keys in PEM, and key sets (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use serde_json::Value;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// An algorithm of signatures (RFC 7518). `none` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA, PKCS#1 version 1.5, with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A key and the one algorithm that it is for. Shown by no `Debug`.
#[derive(Clone)]
pub struct TokenKey {
    algorithm: Algorithm,
    id: Option<String>,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Secret(hmac::Key),
    /// As it lies in a public key: PKCS#1 of RSA, the point of a curve.
    Public(Vec<u8>),
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
}

/// Why a key cannot be used. It repeats nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of tokens {0}")]
pub struct TokenKeyError(String);

impl Algorithm {
    /// The algorithm with this name, as in `ES256`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Algorithm::Hs256,
            "HS512" => Algorithm::Hs512,
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            "EdDSA" => Algorithm::EdDsa,
            _ => return None,
        })
    }

    fn public(self) -> Option<&'static dyn signature::VerificationAlgorithm> {
        Some(match self {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::EdDsa => &signature::ED25519,
            Algorithm::Hs256 | Algorithm::Hs512 => return None,
        })
    }
}

impl TokenKey {
    /// A shared secret, of at least 32 bytes.
    ///
    /// # Errors
    /// When it is shorter, or the algorithm is none of a secret.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, TokenKeyError> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return Err(wrong("is a secret, and the algorithm needs a public key")),
        };
        if secret.len() < 32 {
            return Err(wrong("is a secret of less than 32 bytes"));
        }
        Ok(Self { algorithm, id: None, key: Key::Secret(hmac::Key::new(hash, secret)) })
    }

    /// A public key in PEM (`BEGIN PUBLIC KEY`); its kind decides its algorithm.
    ///
    /// # Errors
    /// When this is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, TokenKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| wrong("is no PEM with `BEGIN PUBLIC KEY`"))?;
        let info = SubjectPublicKeyInfoRef::try_from(&*der)
            .map_err(|_| wrong("is PEM of something else than a public key"))?;
        let curve = || info.algorithm.parameters_oid().ok();
        let algorithm = match info.algorithm.oid {
            RSA_ENCRYPTION => Some(Algorithm::Rs256),
            EC_PUBLIC_KEY if curve() == Some(P_256) => Some(Algorithm::Es256),
            ED25519 => Some(Algorithm::EdDsa),
            _ => None,
        };
        match (algorithm, info.subject_public_key.as_bytes()) {
            (Some(algorithm), Some(key)) => {
                Ok(Self { algorithm, id: None, key: Key::Public(key.to_vec()) })
            }
            _ => Err(wrong("is none of RSA, P-256 and Ed25519")),
        }
    }

    /// The keys of a key set that are for signatures and of a kind that is known; others are left out.
    ///
    /// # Errors
    /// When this is no key set, or no key of it can be used.
    pub fn from_jwks(json: &str) -> Result<Vec<Self>, TokenKeyError> {
        let set: Value = serde_json::from_str(json).map_err(|_| wrong("set is no JSON"))?;
        let all = set.get("keys").and_then(Value::as_array);
        let all = all.ok_or(wrong("set has no `keys`"))?;
        let keys: Vec<_> = all.iter().filter_map(of_jwk).collect();
        if keys.is_empty() {
            return Err(wrong("set has none of RSA, P-256 and Ed25519 for signatures"));
        }
        Ok(keys)
    }

    pub(super) fn is_for(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        let is_meant = match (&self.id, id) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        };
        self.algorithm == algorithm && is_meant
    }

    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.key {
            Key::Secret(key) => hmac::verify(key, signed, signature),
            Key::Rsa(n, e) => signature::RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                signed,
                signature,
            ),
            Key::Public(key) => match self.algorithm.public() {
                Some(algorithm) => {
                    signature::UnparsedPublicKey::new(algorithm, key).verify(signed, signature)
                }
                None => Err(ring::error::Unspecified),
            },
        };
        verified.is_ok()
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn wrong(what: &str) -> TokenKeyError {
    TokenKeyError(what.to_owned())
}

/// The kinds of keys (RFC 8017, RFC 5480, RFC 8410).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

fn of_jwk(jwk: &Value) -> Option<TokenKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if text("use").is_some_and(|it| it != "sig") {
        return None;
    }
    let (algorithm, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => (Algorithm::Rs256, Key::Rsa(bytes("n")?, bytes("e")?)),
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (Algorithm::Es256, Key::Public([&[4], &x[..], &y[..]].concat()))
        }
        ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, Key::Public(bytes("x")?)),
        _ => return None,
    };
    if text("alg").is_some_and(|name| Algorithm::named(name) != Some(algorithm)) {
        return None;
    }
    Some(TokenKey { algorithm, id: text("kid").map(str::to_owned), key })
}
