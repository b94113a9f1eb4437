use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tenure_gateway::Algorithm;

use super::value::list;

/// Who is let in over HTTP: everybody, if there are neither keys nor tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthSettings {
    /// `auth.api_keys`: a name and a key each.
    pub api_keys: Secret,
    /// `auth.api_keys_file`: a file of such lines.
    pub api_keys_file: Option<PathBuf>,
    /// `auth.jwt_secret`: the secret with which tokens are signed.
    pub jwt_secret: Secret,
    /// `auth.jwt_secret_file`: a file with that secret.
    pub jwt_secret_file: Option<PathBuf>,
    /// `auth.jwt_algorithm`: the algorithm of that secret.
    pub jwt_algorithm: Option<Algorithm>,
    /// `auth.jwt_public_key_file`: a PEM file with the public key of tokens.
    pub jwt_public_key_file: Option<PathBuf>,
    /// `auth.jwt_jwks_file`: a file with a set of such keys.
    pub jwt_jwks_file: Option<PathBuf>,
    /// `auth.jwt_audience`: the `aud` that a token must have.
    pub jwt_audience: Option<String>,
    /// `auth.jwt_issuer`: the `iss` that a token must have.
    pub jwt_issuer: Option<String>,
    /// `auth.jwt_leeway`: how far the clock of who makes tokens may be off.
    pub jwt_leeway: Duration,
}

/// A text that nothing prints.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

/// The settings whose values nothing prints.
pub(super) const SECRETS: [&str; 5] =
    ["store.url", "cluster.key", "cluster.table", "auth.api_keys", "auth.jwt_secret"];

impl Secret {
    /// The text itself; `None` if it is empty.
    #[must_use]
    pub fn reveal(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "set" })
    }
}

pub(super) fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret(text.to_owned()))
}

/// A list, of which each element is a line of the secret.
pub(super) fn secret_lines(text: &str) -> Result<Secret, String> {
    Ok(Secret(list(text)?.join("\n")))
}

pub(super) fn optional(text: &str) -> Result<Option<String>, String> {
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

pub(super) fn algorithm(text: &str) -> Result<Option<Algorithm>, String> {
    match Algorithm::named(text) {
        Some(known @ (Algorithm::Hs256 | Algorithm::Hs512)) => Ok(Some(known)),
        _ => Err("write HS256 or HS512; a public key says itself what it is for".to_owned()),
    }
}
