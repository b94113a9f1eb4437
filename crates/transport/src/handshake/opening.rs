use bytes::{Buf, BufMut};

use super::error::HandshakeError;
use crate::key::{NONCE_BYTES, SHARE_BYTES};
use crate::security::SecurityName;

/// What both ends say first, in the clear: it names nobody.
pub(crate) const OPENING_BYTES: usize = 80;
const MAGIC: &[u8; 8] = b"tenure\r\n";
/// The oldest and the newest version of the protocol that this build speaks.
pub(crate) const VERSIONS: (u16, u16) = (1, 1);

/// The first byte of what a TLS client says first.
const TLS_HANDSHAKE: u8 = 0x16;
/// The first byte of what a TLS server says to somebody who does not speak it.
const TLS_ALERT: u8 = 0x15;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Opening {
    pub(crate) versions: (u16, u16),
    pub(crate) security: SecurityName,
    pub(crate) nonce: [u8; NONCE_BYTES],
    /// Zero without a cluster key.
    pub(crate) share: [u8; SHARE_BYTES],
}

impl Opening {
    pub(crate) fn encode(&self) -> [u8; OPENING_BYTES] {
        let mut bytes = [0; OPENING_BYTES];
        let mut out = &mut bytes[..];
        out.put_slice(MAGIC);
        out.put_u16_le(self.versions.0);
        out.put_u16_le(self.versions.1);
        out.put_u8(self.security.to_wire());
        out.put_bytes(0, 3);
        out.put_slice(&self.nonce);
        out.put_slice(&self.share);
        bytes
    }

    /// Reads what the other end opened with.
    pub(crate) fn decode(bytes: &[u8; OPENING_BYTES]) -> Result<Self, HandshakeError> {
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            return Err(HandshakeError::NotTenure);
        };
        let versions = (rest.get_u16_le(), rest.get_u16_le());
        let security = SecurityName::from_wire(rest.get_u8()).ok_or(HandshakeError::NotTenure)?;
        // Later versions may say something here.
        rest.advance(3);
        let (mut nonce, mut share) = ([0; NONCE_BYTES], [0; SHARE_BYTES]);
        rest.copy_to_slice(&mut nonce);
        rest.copy_to_slice(&mut share);
        Ok(Self { versions, security, nonce, share })
    }

    /// Whether two ends can talk. The newest version that both know counts; there is one so far.
    pub(crate) fn agree(&self, theirs: &Self) -> Result<(), HandshakeError> {
        let newest = self.versions.1.min(theirs.versions.1);
        if newest < self.versions.0.max(theirs.versions.0) {
            let (ours, theirs) = (self.versions, theirs.versions);
            return Err(HandshakeError::WrongVersion { ours, theirs });
        }
        if self.security != theirs.security {
            let (ours, theirs) = (self.security, theirs.security);
            return Err(HandshakeError::OtherSecurity { ours, theirs });
        }
        Ok(())
    }
}

/// Whether the first bytes of a dialler are those of TLS.
pub(crate) fn dials_with_tls(bytes: &[u8]) -> bool {
    bytes.first() == Some(&TLS_HANDSHAKE)
}

/// Whether the first bytes of an acceptor are those of TLS.
pub(crate) fn answers_with_tls(bytes: &[u8]) -> bool {
    bytes.first() == Some(&TLS_ALERT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(versions: (u16, u16), security: SecurityName) -> Opening {
        Opening { versions, security, nonce: [1; 32], share: [2; 32] }
    }

    #[test]
    fn openings_are_read_as_they_were_said() {
        for security in [SecurityName::Open, SecurityName::Key, SecurityName::Tls] {
            let said = opening((1, 7), security);
            assert_eq!(Opening::decode(&said.encode()).unwrap(), said);
        }
        let mut other = opening((1, 1), SecurityName::Key).encode();
        other[0] = b'T';
        assert!(matches!(Opening::decode(&other), Err(HandshakeError::NotTenure)));
    }

    #[test]
    fn ends_agree_on_a_version_that_both_know() {
        for (ours, theirs, ok) in [
            ((1, 1), (1, 1), true),
            ((1, 2), (2, 3), true),
            ((2, 3), (1, 2), true),
            ((1, 1), (2, 2), false),
            ((3, 4), (1, 2), false),
            ((1, 1), (0, 0), false),
        ] {
            let (ours, theirs) =
                (opening(ours, SecurityName::Key), opening(theirs, SecurityName::Key));
            assert_eq!(ours.agree(&theirs).is_ok(), ok, "{ours:?} {theirs:?}");
        }
        let error = opening((1, 1), SecurityName::Key).agree(&opening((1, 1), SecurityName::Open));
        assert!(matches!(error, Err(HandshakeError::OtherSecurity { .. })), "{error:?}");
    }
}
