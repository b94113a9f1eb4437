//! Who is let in over HTTP, as the settings say.

use std::path::Path;

use tenure_gateway::{Algorithm, ApiKeys, Credentials, TokenKey, Tokens};

use crate::config::AuthSettings;
use crate::{Error, Result};

/// Reads what the settings name; `None` if they let everybody in.
///
/// # Errors
/// [`Error::Start`] names the setting or the file. It repeats nothing of a secret.
pub(super) fn credentials(auth: &AuthSettings) -> Result<Option<Credentials>> {
    let mut lines = auth.api_keys.reveal().unwrap_or_default().to_owned();
    if let Some(file) = &auth.api_keys_file {
        lines.push('\n');
        lines.push_str(&read("auth.api_keys_file", file)?);
    }
    let keys = ApiKeys::parse(&lines).map_err(|error| Error::Start(Error::chain(&error)))?;
    let has_keys = auth.api_keys.reveal().is_some() || auth.api_keys_file.is_some();
    if has_keys && keys.is_empty() {
        // Whoever names a file wants to keep others out; an empty one must not let them in.
        return Err(Error::Start("auth.api_keys and its file have no key".into()));
    }
    let keys_of_tokens = keys_of_tokens(auth)?;
    if keys.is_empty() && keys_of_tokens.is_empty() {
        return Ok(None);
    }
    let tokens = (!keys_of_tokens.is_empty()).then(|| Tokens {
        keys: keys_of_tokens,
        audience: auth.jwt_audience.clone(),
        issuer: auth.jwt_issuer.clone(),
        leeway_seconds: auth.jwt_leeway.as_secs(),
    });
    Ok(Some(Credentials { keys, tokens }))
}

fn keys_of_tokens(auth: &AuthSettings) -> Result<Vec<TokenKey>> {
    let failed = |error| Error::Start(Error::chain(&error));
    let algorithm = auth.jwt_algorithm.unwrap_or(Algorithm::Hs256);
    let mut keys = Vec::new();
    if let Some(secret) = auth.jwt_secret.reveal() {
        keys.push(TokenKey::secret(algorithm, secret.as_bytes()).map_err(failed)?);
    }
    if let Some(file) = &auth.jwt_secret_file {
        let secret = read("auth.jwt_secret_file", file)?;
        // An editor ends a file with a new line, which is no part of the secret.
        let secret = secret.trim_end_matches(['\r', '\n']);
        keys.push(TokenKey::secret(algorithm, secret.as_bytes()).map_err(failed)?);
    }
    if let Some(file) = &auth.jwt_public_key_file {
        let pem = read("auth.jwt_public_key_file", file)?;
        keys.push(TokenKey::from_pem(&pem).map_err(failed)?);
    }
    if let Some(file) = &auth.jwt_jwks_file {
        keys.extend(TokenKey::from_jwks(&read("auth.jwt_jwks_file", file)?).map_err(failed)?);
    }
    Ok(keys)
}

fn read(key: &str, file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        Error::Start(format!("{key}: {} cannot be read: {error}", file.display()).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Configuration;

    fn with(settings: &[(&str, &str)]) -> Result<Option<Credentials>> {
        let flags: Vec<_> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let configuration = Configuration::read(None, [], &flags).expect("readable");
        credentials(&configuration.settings().auth)
    }

    #[test]
    fn nothing_lets_everybody_in_and_an_empty_file_nobody() {
        assert!(with(&[]).expect("nothing is wrong").is_none());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("keys");
        let name = file.to_str().expect("a text");
        assert!(with(&[("auth.api_keys_file", name)]).is_err(), "there is no file");
        std::fs::write(&file, "# none yet\n").expect("a file");
        assert!(with(&[("auth.api_keys_file", name)]).is_err(), "there is no key");
        std::fs::write(&file, "alice 0123456789abcdef\n").expect("a file");
        let read = with(&[("auth.api_keys_file", name)]).expect("a key").expect("some");
        assert!(!read.keys.is_empty() && read.tokens.is_none());
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").expect("a file");
        let read = with(&[("auth.jwt_secret_file", name)]).expect("a secret").expect("some");
        assert_eq!(read.tokens.expect("tokens").leeway_seconds, 10);
        assert!(with(&[("auth.jwt_secret", "short")]).is_err());
        assert!(with(&[("auth.jwt_jwks_file", name)]).is_err(), "that is no key set");
    }
}
