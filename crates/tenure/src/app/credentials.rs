//! Who is let in over HTTP, as the settings say.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use tenure_gateway::{Algorithm, ApiKeys, Credentials, TokenKey, TokenRules, TokenVerifier};
use tenure_types::Clock;

use crate::config::AuthSettings;
use crate::{Error, Result};

/// The longest file of keys.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Who is let in, and the files that say so, of which it is known what was in them.
pub(super) struct KeyFiles {
    auth: AuthSettings,
    credentials: Arc<Credentials>,
    /// What was in them when they were last looked at, or why they cannot be read; right or wrong.
    seen: std::result::Result<Texts, String>,
}

/// What is in the files, in the order of the settings.
#[derive(Default, PartialEq, Eq)]
struct Texts {
    api_keys: Option<String>,
    jwt_secret: Option<String>,
    jwt_public_key: Option<String>,
    jwt_jwks: Option<String>,
}

/// The keys that settings and files have.
struct Keys {
    api_keys: ApiKeys,
    of_tokens: Vec<TokenKey>,
}

impl KeyFiles {
    /// Reads what the settings name; `None` if they let everybody in.
    ///
    /// # Errors
    /// [`Error::Start`] names the setting or the file. It repeats nothing of a secret.
    pub(super) fn read(auth: &AuthSettings, clock: Arc<dyn Clock>) -> Result<Option<Self>> {
        let texts = Texts::read(auth).map_err(|what| Error::Start(what.into()))?;
        let keys = Keys::of(auth, &texts).map_err(|what| Error::Start(what.into()))?;
        if keys.api_keys.is_empty() && keys.of_tokens.is_empty() {
            return Ok(None);
        }
        let rules = TokenRules {
            audience: auth.jwt_audience.clone(),
            issuer: auth.jwt_issuer.clone(),
            leeway_seconds: auth.jwt_leeway.as_secs(),
        };
        let tokens = (!keys.of_tokens.is_empty())
            .then(|| Arc::new(TokenVerifier::new(keys.of_tokens, rules, clock)));
        let credentials = Arc::new(Credentials::new(keys.api_keys, tokens));
        Ok(Some(Self { auth: auth.clone(), credentials, seen: Ok(texts) }))
    }

    /// Who is let in, now and after every look.
    pub(super) fn credentials(&self) -> &Arc<Credentials> {
        &self.credentials
    }

    /// Whether there is anything to look at.
    pub(super) fn has_files(&self) -> bool {
        let auth = &self.auth;
        auth.api_keys_file.is_some()
            || auth.jwt_secret_file.is_some()
            || auth.jwt_public_key_file.is_some()
            || auth.jwt_jwks_file.is_some()
    }

    /// Reads the files again; where they have changed their keys count from now on. What is wrong
    /// with them is told to the log once, and the old keys stay. Blocks while it reads.
    pub(super) fn look(&mut self) {
        let seen = Texts::read(&self.auth);
        if seen == self.seen {
            return;
        }
        let keys = match &seen {
            Ok(texts) => Keys::of(&self.auth, texts),
            Err(what) => Err(what.clone()),
        };
        self.seen = seen;
        match keys {
            Ok(keys) => {
                self.credentials.replace_keys(keys.api_keys);
                if let Some(tokens) = self.credentials.tokens() {
                    tokens.replace_keys(keys.of_tokens);
                }
                tracing::info!("the files of keys have changed and were read again");
            }
            Err(error) => tracing::error!(%error, "the keys stay as they were"),
        }
    }
}

impl Keys {
    fn of(auth: &AuthSettings, texts: &Texts) -> std::result::Result<Self, String> {
        let mut lines = auth.api_keys.reveal().unwrap_or_default().to_owned();
        if let Some(text) = &texts.api_keys {
            lines.push('\n');
            lines.push_str(text);
        }
        let api_keys = ApiKeys::parse(&lines).map_err(|error| error.to_string())?;
        let has_keys = auth.api_keys.reveal().is_some() || auth.api_keys_file.is_some();
        if has_keys && api_keys.is_empty() {
            // Whoever names a file wants to keep others out; an empty one must not let them in.
            return Err("auth.api_keys and its file have no key; write lines as `alice 0f3a..`, or set neither".into());
        }
        Ok(Self { api_keys, of_tokens: keys_of_tokens(auth, texts)? })
    }
}

fn keys_of_tokens(
    auth: &AuthSettings,
    texts: &Texts,
) -> std::result::Result<Vec<TokenKey>, String> {
    let algorithm = auth.jwt_algorithm.unwrap_or(Algorithm::Hs256);
    // An editor ends a file with a new line, which is no part of the secret.
    let of_file = texts.jwt_secret.as_deref().map(|text| text.trim_end_matches(['\r', '\n']));
    let mut keys = Vec::new();
    for secret in auth.jwt_secret.reveal().into_iter().chain(of_file) {
        let key = TokenKey::secret(algorithm, secret.as_bytes());
        keys.push(key.map_err(|error| error.to_string())?);
    }
    if let Some(pem) = &texts.jwt_public_key {
        keys.push(TokenKey::from_pem(pem).map_err(|error| error.to_string())?);
    }
    if let Some(set) = &texts.jwt_jwks {
        keys.extend(TokenKey::from_jwks(set).map_err(|error| error.to_string())?);
    }
    Ok(keys)
}

impl Texts {
    fn read(auth: &AuthSettings) -> std::result::Result<Self, String> {
        let read = |key, file: &Option<_>| file.as_deref().map(|it| read(key, it)).transpose();
        Ok(Self {
            api_keys: read("auth.api_keys_file", &auth.api_keys_file)?,
            jwt_secret: read("auth.jwt_secret_file", &auth.jwt_secret_file)?,
            jwt_public_key: read("auth.jwt_public_key_file", &auth.jwt_public_key_file)?,
            jwt_jwks: read("auth.jwt_jwks_file", &auth.jwt_jwks_file)?,
        })
    }
}

fn read(key: &str, file: &Path) -> std::result::Result<String, String> {
    let mut text = String::new();
    let read = std::fs::File::open(file)
        .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 <= FILE_BYTES_MAX => Ok(text),
        Ok(_) => Err(format!("{key}: {} has more than {FILE_BYTES_MAX} bytes", file.display())),
        Err(error) => Err(format!("{key}: {} cannot be read: {error}", file.display())),
    }
}

#[cfg(test)]
mod tests;
