use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What stands before an Ed25519 key (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signs tokens whose public key a node knows.
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    pub(crate) fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"))
    }

    pub(crate) fn pem(&self) -> String {
        let public = [&SPKI, self.0.public_key().as_ref()].concat();
        let public = STANDARD.encode(public);
        format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n")
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        let text = unsigned("EdDSA", claims);
        let signature = self.0.sign(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn unsigned(algorithm: &str, claims: &Value) -> String {
    let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    format!("{}.{}", part(&json!({ "alg": algorithm })), part(claims))
}

/// A token signed with [`SECRET`].
pub(crate) fn token(claims: &Value) -> String {
    let text = unsigned("HS256", claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
    i64::try_from(since.as_secs()).expect("it is not that late")
}

/// A token of a user for the next `seconds`, which may be over.
pub(crate) fn of(user: &str, seconds: i64) -> String {
    token(&json!({ "sub": user, "exp": now() + seconds }))
}
