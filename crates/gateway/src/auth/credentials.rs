use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::hook::Refusal;
use super::identity::Identity;
use super::keys::ApiKeys;
use super::tokens::Tokens;
use crate::openapi::SecurityScheme;

/// Who is let in: whoever has one of these keys, or a good token.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The API keys, in `X-API-Key` or as `Authorization: Bearer`.
    pub keys: ApiKeys,
    /// The tokens, as `Authorization: Bearer`; none is good if this is `None`.
    pub tokens: Option<Tokens>,
}

const CHALLENGE: &str = "Bearer";
const INVALID: &str = "Bearer error=\"invalid_token\"";

impl Credentials {
    /// How callers can say who they are, for a document.
    #[must_use]
    pub fn schemes(&self) -> Vec<SecurityScheme> {
        let mut schemes = Vec::new();
        if !self.keys.is_empty() {
            schemes.extend([SecurityScheme::ApiKey, SecurityScheme::Bearer]);
        }
        if self.tokens.is_some() {
            schemes.push(SecurityScheme::Jwt);
        }
        schemes
    }

    /// Who sent these headers, of which each is there once at most. `unix_seconds` is the time.
    pub(crate) fn identify(
        &self,
        headers: &HeaderMap,
        unix_seconds: u64,
    ) -> Result<Identity, Refusal> {
        let refuse = |detail: Cow<'static, str>, challenge| {
            Err(Refusal::Unauthenticated { detail, challenge })
        };
        if let Some(key) = headers.get("x-api-key") {
            return match self.keys.find(key.as_bytes()) {
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
        if let Some(identity) = self.keys.find(word.as_bytes()) {
            return Ok(identity);
        }
        match &self.tokens {
            None => refuse("Authorization has no key of this service".into(), INVALID),
            Some(tokens) => match tokens.verify(word, unix_seconds) {
                Ok(identity) => Ok(identity),
                Err(detail) => refuse(detail, INVALID),
            },
        }
    }
}

fn bearer(given: &str) -> Option<&str> {
    let (scheme, word) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| word.trim())
}
