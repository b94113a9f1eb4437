//! JSON Web Tokens (RFC 7519) in compact form, verified and never made.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::identity::Identity;
use super::verify::{Algorithm, TokenKey};

/// Longer tokens are not looked at; the bound on a request's head is near.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What makes a token good. `exp` must be there; `nbf` is checked where it is.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The keys, each with the one algorithm that it is for. What a token says of its own algorithm
    /// chooses among them and does nothing else.
    pub keys: Vec<TokenKey>,
    /// The `aud` that a token must have among its own.
    pub audience: Option<String>,
    /// The `iss` that a token must have.
    pub issuer: Option<String>,
    /// By how many seconds the clocks of who made a token and of this node may differ.
    pub leeway_seconds: u64,
}

impl Tokens {
    /// Who a token says that it is, if it is good at the Unix time `now`.
    ///
    /// # Errors
    /// What is wrong, for the client. It repeats nothing of the token.
    pub(super) fn verify(&self, token: &str, now: u64) -> Result<Identity, Cow<'static, str>> {
        const FORM: Cow<'static, str> = Cow::Borrowed("this is no JSON Web Token");
        if token.len() > TOKEN_BYTES_MAX {
            return Err("the token is too long".into());
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(FORM)?;
        let (head, claims) = signed.split_once('.').ok_or(FORM)?;
        let head = object(head).ok_or(FORM)?;
        if head.contains_key("crit") {
            // Whoever does not understand what is critical must refuse (RFC 7515, section 4.1.11).
            return Err("the token has critical headers, of which none is understood".into());
        }
        let algorithm = head.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or("the token's algorithm is not accepted")?;
        let id = head.get("kid").and_then(Value::as_str);
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| FORM)?;
        let fits = |key: &&TokenKey| key.is_for(algorithm, id);
        let mut candidates = self.keys.iter().filter(fits);
        if !candidates.any(|key| key.verifies(signed.as_bytes(), &signature)) {
            return Err("no key of this service made the token's signature".into());
        }
        let claims = object(claims).ok_or(FORM)?;
        self.check(&claims, now)?;
        Ok(Identity::of_token(claims))
    }

    fn check(&self, claims: &Map<String, Value>, now: u64) -> Result<(), Cow<'static, str>> {
        // A claim of the wrong type is as bad as a wrong one.
        let number = |name: &str| claims.get(name).map(|it| it.as_f64().ok_or(name.to_owned()));
        let type_of = |name| Cow::Owned(format!("the token's `{name}` is no number"));
        let expires = number("exp").ok_or("the token has no `exp`")?.map_err(type_of)?;
        let (now, leeway) = (now as f64, self.leeway_seconds as f64);
        if now >= expires + leeway {
            return Err("the token has expired".into());
        }
        let begins = number("nbf").transpose().map_err(type_of)?;
        if begins.is_some_and(|begins| now + leeway < begins) {
            return Err("the token is not valid yet".into());
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err("the token's `iss` is another".into());
        }
        if let Some(audience) = &self.audience {
            let is_meant = match claims.get("aud") {
                Some(Value::String(one)) => one == audience,
                Some(Value::Array(all)) => all.iter().any(|it| it.as_str() == Some(audience)),
                _ => false,
            };
            if !is_meant {
                return Err("the token's `aud` is another".into());
            }
        }
        Ok(())
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let json = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests;
