use serde_json::{Map, Value};

use super::tokens::Claims;

/// Who calls, as an API key or a token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    name: String,
    is_read_only: bool,
    claims: Map<String, Value>,
    /// In Unix seconds.
    expires: Option<u64>,
}

impl Identity {
    pub(super) fn of_key(name: &str, is_read_only: bool) -> Self {
        Self { name: name.to_owned(), is_read_only, claims: Map::new(), expires: None }
    }

    pub(super) fn of_token(claims: Claims) -> Self {
        Self {
            name: claims.subject,
            is_read_only: false,
            claims: claims.raw,
            expires: Some(claims.expires_unix_seconds),
        }
    }

    /// The key's name, or the token's `sub`; empty where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether only methods that read may be called.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// When the token expires, in Unix seconds; `None` for an API key.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// What the token says; empty for an API key.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}
