//! The keys of tokens: secrets, public keys in PEM, and key sets (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{hmac, signature};
use serde_json::Value;

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
    /// PKCS#1 of RSA, the point of a curve.
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
        const NO_PEM: &str = "is no PEM with `BEGIN PUBLIC KEY`";
        let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----").ok_or(wrong(NO_PEM))?;
        let (text, _) = rest.split_once("-----END PUBLIC KEY-----").ok_or(wrong(NO_PEM))?;
        let text: String = text.split_ascii_whitespace().collect();
        let der = STANDARD.decode(text).map_err(|_| wrong(NO_PEM))?;
        for (prefix, algorithm) in PREFIXES {
            if let Some(key) = der.strip_prefix(prefix) {
                return Ok(Self { algorithm, id: None, key: Key::Public(key.to_vec()) });
            }
        }
        match rsa_of(&der) {
            Some(key) => {
                Ok(Self { algorithm: Algorithm::Rs256, id: None, key: Key::Public(key.to_vec()) })
            }
            None => Err(wrong("is none of RSA, P-256 and Ed25519")),
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

/// What the DER of a public key begins with whose kind has but one form (RFC 5480, RFC 8410).
const PREFIXES: [(&[u8], Algorithm); 2] = [
    (
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        Algorithm::Es256,
    ),
    (b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", Algorithm::EdDsa),
];

/// `rsaEncryption`, with its parameters.
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// The PKCS#1 key inside the DER of an RSA key: a sequence of its kind and a bit string.
fn rsa_of(der: &[u8]) -> Option<&[u8]> {
    let all = content(der, 0x30)?;
    content(all.strip_prefix(RSA)?, 0x03)?.strip_prefix(&[0])
}

/// What is in the DER value that `der` is, of this kind and not longer than 64 KiB.
fn content(der: &[u8], kind: u8) -> Option<&[u8]> {
    let (length, rest) = match der {
        [tag, short, rest @ ..] if *tag == kind && *short < 0x80 => (usize::from(*short), rest),
        [tag, 0x81, a, rest @ ..] if *tag == kind => (usize::from(*a), rest),
        [tag, 0x82, a, b, rest @ ..] if *tag == kind => {
            (usize::from(u16::from_be_bytes([*a, *b])), rest)
        }
        _ => return None,
    };
    (rest.len() == length).then_some(rest)
}

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
