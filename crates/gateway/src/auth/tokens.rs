//! JSON Web Tokens (RFC 7519) in compact form, verified and never made.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use serde_json::{Map, Value};
use tenure_types::Clock;

use super::verify::{Algorithm, TokenKey};

/// Longer tokens are not looked at; the bound on a request's head is near.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a token must say, besides being signed. `exp` must be there; `nbf` is checked where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRules {
    /// The `aud` that a token must have among its own; any will do if this is `None`.
    pub audience: Option<String>,
    /// The `iss` that a token must have; any will do if this is `None`.
    pub issuer: Option<String>,
    /// By how many seconds the clocks of who made a token and of this node may differ.
    pub leeway_seconds: u64,
}

/// Tells good tokens from others. Its keys may be replaced while it works.
///
/// # Examples
/// ```
/// # fn example(clock: std::sync::Arc<dyn tenure_types::Clock>, token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use tenure_gateway::{Algorithm, TokenError, TokenKey, TokenRules, TokenVerifier};
///
/// let key = TokenKey::secret(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// let verifier = TokenVerifier::new(vec![key], TokenRules::default(), clock);
/// match verifier.verify(token) {
///     Ok(claims) => println!("{} until {}", claims.subject, claims.expires_unix_seconds),
///     Err(TokenError::Expired) => println!("get a new one"),
///     Err(error) => println!("{error}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct TokenVerifier {
    /// Each with the one algorithm that it is for. What a token says of its own algorithm chooses
    /// among them and does nothing else.
    keys: RwLock<Arc<[TokenKey]>>,
    rules: TokenRules,
    clock: Arc<dyn Clock>,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Its `sub`; empty where it has none that is a text.
    pub subject: String,
    /// Its `exp`, in whole Unix seconds. The token is good for the leeway longer.
    pub expires_unix_seconds: u64,
    /// Everything that it says.
    pub raw: Map<String, Value>,
}

/// Why a token is not good. It repeats nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It was good once: it is signed and `exp` has passed. A new one will do.
    #[error("the token has expired")]
    Expired,
    /// It is not good whatever the time, or not yet.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
}

impl TokenVerifier {
    /// A verifier of tokens that are signed with one of `keys` and keep `rules`, by this clock.
    #[must_use]
    pub fn new(keys: Vec<TokenKey>, rules: TokenRules, clock: Arc<dyn Clock>) -> Self {
        Self { keys: RwLock::new(keys.into()), rules, clock }
    }

    /// Forgets the keys there are for these. Who was let in with one of the others stays in.
    pub fn replace_keys(&self, keys: Vec<TokenKey>) {
        *self.keys.write() = keys.into();
    }

    /// What a token says, if it is good now.
    ///
    /// # Errors
    /// [`TokenError`] says for the client what is wrong.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        const FORM: TokenError = invalid("this is no JSON Web Token");
        if token.len() > TOKEN_BYTES_MAX {
            return Err(invalid("the token is too long"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(FORM)?;
        let (head, claims) = signed.split_once('.').ok_or(FORM)?;
        let head = object(head).ok_or(FORM)?;
        if head.contains_key("crit") {
            // Whoever does not understand what is critical must refuse (RFC 7515, section 4.1.11).
            return Err(invalid("the token has critical headers, of which none is understood"));
        }
        let algorithm = head.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or(invalid("the token's algorithm is not accepted"))?;
        let id = head.get("kid").and_then(Value::as_str);
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| FORM)?;
        let keys = Arc::clone(&self.keys.read());
        let mut candidates = keys.iter().filter(|key| key.is_for(algorithm, id));
        if !candidates.any(|key| key.verifies(signed.as_bytes(), &signature)) {
            return Err(invalid("no key of this service made the token's signature"));
        }
        let raw = object(claims).ok_or(FORM)?;
        let expires = self.rules.check(&raw, self.clock.unix_ms() / 1_000)?;
        let subject = raw.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Claims { subject, expires_unix_seconds: expires as u64, raw })
    }
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("keys", &*self.keys.read())
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl TokenRules {
    /// When the token with these claims expires, if it is good at the Unix time `now`.
    fn check(&self, claims: &Map<String, Value>, now: u64) -> Result<f64, TokenError> {
        // A claim of the wrong type is as bad as a wrong one.
        let number = |name: &str| claims.get(name).map(|it| it.as_f64().ok_or(name.to_owned()));
        let type_of =
            |name| TokenError::Invalid(format!("the token's `{name}` is no number").into());
        let expires = number("exp").ok_or(invalid("the token has no `exp`"))?.map_err(type_of)?;
        let (now, leeway) = (now as f64, self.leeway_seconds as f64);
        let begins = number("nbf").transpose().map_err(type_of)?;
        if begins.is_some_and(|begins| now + leeway < begins) {
            return Err(invalid("the token is not valid yet"));
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(invalid("the token's `iss` is another"));
        }
        if let Some(audience) = &self.audience {
            let is_meant = match claims.get("aud") {
                Some(Value::String(one)) => one == audience,
                Some(Value::Array(all)) => all.iter().any(|it| it.as_str() == Some(audience)),
                _ => false,
            };
            if !is_meant {
                return Err(invalid("the token's `aud` is another"));
            }
        }
        // Last: who hears this may hope that a newer one will do.
        if now >= expires + leeway {
            return Err(TokenError::Expired);
        }
        Ok(expires)
    }
}

const fn invalid(what: &'static str) -> TokenError {
    TokenError::Invalid(Cow::Borrowed(what))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests;
