use std::fmt;

use ring::digest::{SHA256, digest};

const MARK: [u8; 4] = *b"TNRD";
const VERSION: u8 = 1;
const SECRET_BYTES: usize = 32;

/// How long a notice is.
pub const NOTICE_BYTES: usize = MARK.len() + 1 + SECRET_BYTES;

/// The hash of a secret (SHA-256): whoever shows the secret proves the death of the process that gave this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The one with these bytes; `None` if it is not 32 of them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Commitment({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// One datagram that says: the process that committed itself to this secret is dead.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice([u8; SECRET_BYTES]);

impl Notice {
    /// The notice with this secret.
    pub(crate) const fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self(secret)
    }

    /// Whose death it proves.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        let hash = digest(&SHA256, &self.0);
        Commitment::from_bytes(hash.as_ref()).expect("the hash has 32 bytes")
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; NOTICE_BYTES] {
        let mut bytes = [VERSION; NOTICE_BYTES];
        bytes[..MARK.len()].copy_from_slice(&MARK);
        bytes[MARK.len() + 1..].copy_from_slice(&self.0);
        bytes
    }

    /// The notice with these bytes; `None` if they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MARK)?.strip_prefix(&[VERSION])?;
        rest.try_into().ok().map(Self)
    }
}

/// Without its secret.
impl fmt::Debug for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notice({:?})", self.commitment())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_written_and_shows_its_secret_to_nobody_who_logs_it() {
        let notice = Notice::new([7; 32]);
        let bytes = notice.to_bytes();
        assert_eq!(&bytes[..6], b"TNRD\x01\x07");
        assert_eq!(Notice::from_bytes(&bytes), Some(notice.clone()));
        // printf '\7%.0s' {1..32} | sha256sum
        assert_eq!(format!("{notice:?}"), "Notice(Commitment(4bb06f8e..))");
        assert_eq!(
            Commitment::from_bytes(notice.commitment().as_bytes()),
            Some(notice.commitment())
        );
    }

    #[test]
    fn what_is_not_exactly_a_notice_is_none() {
        let bytes = Notice::new([7; 32]).to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Notice::from_bytes(&bytes[..end]), None, "{end} bytes");
        }
        assert_eq!(Notice::from_bytes(&[&bytes[..], &[0]].concat()), None);
        for at in 0..5 {
            let mut changed = bytes;
            changed[at] ^= 1;
            assert_eq!(Notice::from_bytes(&changed), None, "byte {at} is another one");
        }
        assert_eq!(Commitment::from_bytes(&[0; 31]), None);
    }
}
