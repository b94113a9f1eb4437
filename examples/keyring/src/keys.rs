//! Keys of users, in memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ring::{hmac, rand};

/// How long a key signs and checks.
pub const KEY_LIFE: Duration = Duration::from_secs(600);
/// The most keys of a node; past it nobody new gets one before others have ended.
pub const KEYS_MAX: usize = 100_000;

/// The keys of a node.
#[derive(Default)]
pub struct Keyring {
    held: Mutex<HashMap<String, Held>>,
}

struct Held {
    /// Under which the node owned the user when the key was made.
    term: u64,
    key: hmac::Key,
    until: Instant,
}

impl Held {
    fn is_good(&self, term: u64, now: Instant) -> bool {
        self.term == term && now < self.until
    }
}

impl Keyring {
    /// A token that the user's key has signed; a new key where the user has none under this term. `None` where
    /// there is no room for one.
    pub fn token(&self, user: &str, term: u64) -> Option<String> {
        let (mut held, now) = (self.held.lock(), Instant::now());
        if !held.get(user).is_some_and(|it| it.is_good(term, now)) {
            if held.len() >= KEYS_MAX {
                held.retain(|_, it| now < it.until);
            }
            if held.len() >= KEYS_MAX && !held.contains_key(user) {
                return None;
            }
            let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()).ok()?;
            held.insert(user.to_owned(), Held { term, key, until: now + KEY_LIFE });
        }
        let tag = hmac::sign(&held.get(user)?.key, user.as_bytes());
        Some(tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Whether the user's key, the one of this term, has signed this token.
    pub fn is_good(&self, user: &str, term: u64, token: &str) -> bool {
        let held = self.held.lock();
        let Some(held) = held.get(user).filter(|it| it.is_good(term, Instant::now())) else {
            return false;
        };
        let bytes = token.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let tag: Option<Vec<u8>> = bytes.map(byte).collect();
        tag.is_some_and(|tag| hmac::verify(&held.key, user.as_bytes(), &tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_user_under_its_term() {
        let keys = Keyring::default();
        let token = keys.token("ann", 3).expect("there is room");
        assert_eq!(keys.token("ann", 3), Some(token.clone()));
        assert!(keys.is_good("ann", 3, &token));
        for (user, term, text) in
            [("bob", 3, &*token), ("ann", 4, &token), ("ann", 3, "0é"), ("ann", 3, "")]
        {
            assert!(!keys.is_good(user, term, text), "{user} {term} {text}");
        }
        // The user has been elsewhere meanwhile.
        assert_ne!(keys.token("ann", 4), Some(token.clone()));
        assert!(!keys.is_good("ann", 4, &token));
    }
}
