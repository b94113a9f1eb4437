use std::borrow::Cow;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use parking_lot::RwLock;

use super::hook::Refusal;
use super::identity::Identity;
use super::keys::ApiKeys;
use super::tokens::{TokenError, TokenVerifier};
use crate::openapi::SecurityScheme;

/// Who is let in: whoever has one of these keys, or a good token.
#[derive(Debug)]
pub struct Credentials {
    keys: RwLock<Arc<ApiKeys>>,
    tokens: Option<Arc<TokenVerifier>>,
}

const CHALLENGE: &str = "Bearer";
const INVALID: &str = "Bearer error=\"invalid_token\"";

impl Credentials {
    /// Lets in who has one of `keys`, in `X-API-Key` or as `Authorization: Bearer`, or there a token
    /// that `tokens` finds good; no token is good if that is `None`.
    #[must_use]
    pub fn new(keys: ApiKeys, tokens: Option<Arc<TokenVerifier>>) -> Self {
        Self { keys: RwLock::new(Arc::new(keys)), tokens }
    }

    /// Forgets the API keys there are for these.
    pub fn replace_keys(&self, keys: ApiKeys) {
        *self.keys.write() = Arc::new(keys);
    }

    /// Who tells good tokens from others.
    #[must_use]
    pub fn tokens(&self) -> Option<&Arc<TokenVerifier>> {
        self.tokens.as_ref()
    }

    /// How callers can say who they are, for a document.
    #[must_use]
    pub fn schemes(&self) -> Vec<SecurityScheme> {
        let mut schemes = Vec::new();
        if !self.keys.read().is_empty() {
            schemes.extend([SecurityScheme::ApiKey, SecurityScheme::Bearer]);
        }
        if self.tokens.is_some() {
            schemes.push(SecurityScheme::Jwt);
        }
        schemes
    }

    /// Who sent these headers, of which each is there once at most.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Result<Identity, Refusal> {
        let refuse = |detail: Cow<'static, str>, challenge| {
            Err(Refusal::Unauthenticated { detail, challenge })
        };
        let keys = || Arc::clone(&self.keys.read());
        if let Some(key) = headers.get("x-api-key") {
            return match keys().find(key.as_bytes()) {
                Some(identity) => Ok(identity),
                None => refuse("X-API-Key is no key of this service".into(), CHALLENGE),
            };
        }
        let Some(given) = headers.get(AUTHORIZATION) else {
            return refuse("say who calls, with Authorization: Bearer".into(), CHALLENGE);
        };
        let Some(word) = given.to_str().ok().and_then(bearer) else {
            return refuse("Authorization is not `Bearer` and a word".into(), CHALLENGE);
        };
        self.identify_word(word).or_else(|error| refuse(error.to_string().into(), INVALID))
    }

    /// Whose key or token this is.
    pub(crate) fn identify_word(&self, word: &str) -> Result<Identity, TokenError> {
        if let Some(identity) = self.keys.read().find(word.as_bytes()) {
            return Ok(identity);
        }
        match &self.tokens {
            None => Err(TokenError::Invalid("this is no key of this service".into())),
            Some(tokens) => tokens.verify(word).map(Identity::of_token),
        }
    }
}

fn bearer(given: &str) -> Option<&str> {
    let (scheme, word) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| word.trim())
}
