//! API keys: words that name who calls.

use ring::digest::{SHA256, digest};

use super::identity::Identity;

const DIGEST_BYTES: usize = 32;
/// What a written key begins with that is the hash of one.
const HASH_MARK: &str = "sha256:";
const KEY_BYTES_MIN: usize = 16;

/// The API keys that are let in. Kept as hashes; shown by no `Debug`.
#[derive(Clone, Default)]
pub struct ApiKeys {
    keys: Vec<ApiKey>,
}

#[derive(Clone)]
struct ApiKey {
    name: String,
    digest: [u8; DIGEST_BYTES],
    is_read_only: bool,
}

/// Why a list of API keys cannot be used. No key is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the API keys {what}; write `NAME KEY`, or `NAME KEY read-only`, where KEY is \
         at least 16 visible ASCII characters, or sha256: and the hash of the key in 64 digits"
)]
pub struct ApiKeysError {
    line: usize,
    what: &'static str,
}

impl ApiKeys {
    /// Reads keys, one a line: a name, the key or `sha256:` and its hash, and perhaps `read-only`.
    /// Empty lines and those that begin with `#` mean nothing.
    ///
    /// # Errors
    /// [`ApiKeysError`] names the line.
    pub fn parse(text: &str) -> Result<Self, ApiKeysError> {
        let mut keys: Vec<ApiKey> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what| ApiKeysError { line: at + 1, what };
            let key = read(line).map_err(wrong)?;
            if keys.iter().any(|other| other.name == key.name || other.digest == key.digest) {
                return Err(wrong("has a name or a key for the second time"));
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whose key this is. All keys are looked at, and their hashes compared to the end, so that the
    /// time tells nothing.
    pub(super) fn find(&self, given: &[u8]) -> Option<Identity> {
        let given = digest_of(given);
        let mut found = None;
        for key in &self.keys {
            let differing = key.digest.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
            if differing == 0 {
                found = Some(key);
            }
        }
        found.map(|key| Identity::of_key(&key.name, key.is_read_only))
    }
}

impl std::fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}

fn read(line: &str) -> Result<ApiKey, &'static str> {
    let mut words = line.split_ascii_whitespace();
    let (Some(name), Some(key)) = (words.next(), words.next()) else {
        return Err("has no key");
    };
    let is_read_only = match words.next() {
        None => false,
        Some("read-only") => true,
        Some(_) => return Err("has a third word that is not `read-only`"),
    };
    if words.next().is_some() {
        return Err("has too many words");
    }
    let digest = match key.strip_prefix(HASH_MARK) {
        Some(hash) => from_hex(hash).ok_or("has no hash of 64 hexadecimal digits")?,
        None if key.len() < KEY_BYTES_MIN => return Err("has a key that is too short"),
        None if !key.bytes().all(|byte| byte.is_ascii_graphic()) => return Err("is not ASCII"),
        None => digest_of(key.as_bytes()),
    };
    Ok(ApiKey { name: name.to_owned(), digest, is_read_only })
}

fn digest_of(key: &[u8]) -> [u8; DIGEST_BYTES] {
    let hash = digest(&SHA256, key);
    hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn from_hex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let mut digest = [0; DIGEST_BYTES];
    if text.len() != 2 * DIGEST_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    #[test]
    fn a_key_is_found_as_written_or_by_its_hash() {
        // printf 0123456789abcdef | sha256sum
        let hash = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f";
        for text in [
            format!("# keys\n\n  alice {KEY}\nbob fedcba9876543210 read-only"),
            format!("alice sha256:{hash}\nbob fedcba9876543210 read-only"),
            format!("bob fedcba9876543210 read-only\nalice sha256:{}", hash.to_uppercase()),
        ] {
            let keys = ApiKeys::parse(&text).unwrap();
            let alice = keys.find(KEY.as_bytes()).unwrap();
            assert_eq!((alice.name(), alice.is_read_only()), ("alice", false));
            let bob = keys.find(b"fedcba9876543210").unwrap();
            assert_eq!((bob.name(), bob.is_read_only()), ("bob", true));
            for wrong in ["", "0123456789abcdeF", "0123456789abcde", "0123456789abcdef0", hash] {
                assert!(keys.find(wrong.as_bytes()).is_none(), "{wrong}");
            }
            assert!(!format!("{keys:?}").contains(KEY));
        }
    }

    #[test]
    fn what_is_no_list_of_keys_is_refused_without_repeating_a_key() {
        for (text, part) in [
            ("alice", "line 1 of the API keys has no key"),
            ("\nalice short", "line 2 of the API keys has a key that is too short"),
            ("alice 0123456789abcdef admin", "a third word"),
            ("alice 0123456789abcdef read-only x", "too many words"),
            ("alice sha256:12", "no hash of 64"),
            ("alice 0123456789abcdef\nalice 1123456789abcdef", "for the second time"),
            ("alice 0123456789abcdef\nbob 0123456789abcdef", "line 2"),
            ("alice 0123456789abcdeü", "is not ASCII"),
        ] {
            let error = ApiKeys::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(!error.contains("0123456789abcde"), "{error}");
        }
        assert!(ApiKeys::parse("# none\n").unwrap().is_empty());
    }
}
