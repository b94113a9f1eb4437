use std::fmt;

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};

use crate::identity::ClusterName;
use crate::seal::{Opener, Sealer, derive};

/// The length of a [`ClusterKey`].
pub const CLUSTER_KEY_BYTES: usize = 32;
const MARK_BYTES: usize = 8;
pub(crate) const NONCE_BYTES: usize = 32;
pub(crate) const SHARE_BYTES: usize = 32;
pub(crate) const PROOF_BYTES: usize = 32;

/// The secret that all nodes of a cluster without TLS have: who has it is a node, nobody else is heard.
#[derive(Clone)]
pub struct ClusterKey {
    /// Proves that one has the key.
    proving: hmac::Key,
    /// Goes into the keys of each connection, and of datagrams.
    sealing: [u8; CLUSTER_KEY_BYTES],
    /// Tells keys apart.
    mark: [u8; MARK_BYTES],
}

/// Why a text is not a [`ClusterKey`]. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster key is not {} hexadecimal digits; make one with `openssl rand -hex \
     {CLUSTER_KEY_BYTES}` and give the same one to every node",
    2 * CLUSTER_KEY_BYTES
)]
pub struct ClusterKeyError;

/// The machine gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers; without them no connection is safe")]
pub struct NoRandomness;

impl ClusterKey {
    /// Takes the key's bytes, which must be random: whoever sees a handshake can try guesses.
    #[must_use]
    pub fn new(bytes: &[u8; CLUSTER_KEY_BYTES]) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tenure/1 cluster key");
        let secret = salt.extract(bytes);
        let proving = secret.expand(&[b"tenure/1 proof"], hmac::HMAC_SHA256);
        let proving = proving.expect("one block is not too long").into();
        let derived = |purpose: &'static [u8]| {
            let mut bytes = [0; CLUSTER_KEY_BYTES];
            let info = [purpose];
            let okm = secret.expand(&info, hkdf::HKDF_SHA256);
            okm.and_then(|okm| okm.fill(&mut bytes)).expect("one block is not too long");
            bytes
        };
        let sealing = derived(b"tenure/1 sealing");
        let [a, b, c, d, e, f, g, h, ..] = derived(b"tenure/1 mark");
        let mark = [a, b, c, d, e, f, g, h];
        Self { proving, sealing, mark }
    }

    /// 16 hexadecimal digits by which people tell keys apart. They say nothing else of the key.
    #[must_use]
    pub fn mark(&self) -> String {
        self.mark.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads 64 hexadecimal digits; white space around them does not count.
    ///
    /// # Errors
    /// [`ClusterKeyError`] when the text is anything else.
    pub fn from_text(text: &str) -> Result<Self, ClusterKeyError> {
        let digits = text.trim().as_bytes();
        let mut bytes = [0; CLUSTER_KEY_BYTES];
        if digits.len() != 2 * CLUSTER_KEY_BYTES {
            return Err(ClusterKeyError);
        }
        let value = |digit: u8| char::from(digit).to_digit(16).ok_or(ClusterKeyError);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(16 * value(pair[0])? + value(pair[1])?).expect("two digits");
        }
        Ok(Self::new(&bytes))
    }

    /// Makes the text of a new key, for [`ClusterKey::from_text`].
    ///
    /// # Errors
    /// [`NoRandomness`] when the system gives none.
    pub fn generate() -> Result<String, NoRandomness> {
        let bytes: [u8; CLUSTER_KEY_BYTES] = random()?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Shows that one has the key, in this `role` and for this `transcript` alone.
    pub(crate) fn prove(&self, role: Role, transcript: &[u8]) -> [u8; PROOF_BYTES] {
        let tag = hmac::sign(&self.proving, &[role.purpose(), transcript].concat());
        tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Whether `proof` was made with this key, in constant time.
    pub(crate) fn proves(&self, role: Role, transcript: &[u8], proof: &[u8]) -> bool {
        hmac::verify(&self.proving, &[role.purpose(), transcript].concat(), proof).is_ok()
    }

    /// The key of the datagrams that one run of this cluster sends.
    pub(crate) fn of_datagrams(&self, cluster: &ClusterName, run: u64) -> LessSafeKey {
        let run = run.to_be_bytes();
        let info: [&[u8]; 3] = [b"tenure/1 datagram key", &run, cluster.as_str().as_bytes()];
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tenure/1 datagrams");
        let secret = salt.extract(&self.sealing);
        let okm = secret.expand(&info, &AES_256_GCM);
        LessSafeKey::new(UnboundKey::from(okm.expect("one block is not too long")))
    }

    /// The keys of one connection, from this key, what both ends drew, and all they said; none when the
    /// other end's share is no good. Whoever learns the cluster's key later cannot read what was sent
    /// before, because the shares are gone.
    pub(crate) fn seals(
        &self,
        role: Role,
        own: Share,
        theirs: &[u8; SHARE_BYTES],
        transcript: &[u8],
    ) -> Option<(Sealer, Opener)> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        let secret = agree_ephemeral(own.private, &theirs, |agreed| {
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, transcript);
            salt.extract(&[&self.sealing, agreed].concat())
        });
        let secret = secret.ok()?;
        let of = |role: Role| derive(&secret, role.purpose());
        Some((Sealer::new(of(role)), Opener::new(of(role.other()))))
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey(..)")
    }
}

/// Which end of a connection one is. It goes into every proof and key, so none can be sent back to whom
/// it came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Dialler,
    Acceptor,
}

impl Role {
    fn purpose(self) -> &'static [u8] {
        match self {
            Role::Dialler => b"tenure/1 dialler ",
            Role::Acceptor => b"tenure/1 acceptor ",
        }
    }

    fn other(self) -> Self {
        match self {
            Role::Dialler => Role::Acceptor,
            Role::Acceptor => Role::Dialler,
        }
    }
}

/// One end's part of a secret that only the two ends of one connection have.
pub(crate) struct Share {
    private: EphemeralPrivateKey,
    pub(crate) public: [u8; SHARE_BYTES],
}

impl Share {
    pub(crate) fn draw() -> Result<Self, NoRandomness> {
        let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new());
        let private = private.map_err(|_| NoRandomness)?;
        let public = private.compute_public_key().map_err(|_| NoRandomness)?;
        let public = public.as_ref().try_into().map_err(|_| NoRandomness)?;
        Ok(Self { private, public })
    }
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn keys_are_hexadecimal_digits() {
        let text = ClusterKey::generate().unwrap();
        assert_eq!(text.len(), 64);
        assert!(ClusterKey::from_text(&format!(" {text}\n")).is_ok());
        for wrong in ["", "abc", &text[1..], &format!("{text}0"), &text.replace(&text[..1], "g")] {
            let error = ClusterKey::from_text(wrong).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
        let other = ClusterKey::from_text(&ClusterKey::generate().unwrap()).unwrap();
        let key = ClusterKey::from_text(&text).unwrap();
        assert_eq!(key.mark(), ClusterKey::from_text(&text).unwrap().mark());
        assert_ne!(key.mark(), other.mark());
        assert!(key.mark().len() == 16 && !text.contains(&key.mark()));
        assert_eq!(format!("{key:?}"), "ClusterKey(..)");
    }

    #[test]
    fn proofs_are_of_one_key_role_and_transcript() {
        let (key, other) = (ClusterKey::new(&[1; 32]), ClusterKey::new(&[2; 32]));
        let proof = key.prove(Role::Dialler, b"said");
        assert!(key.proves(Role::Dialler, b"said", &proof));
        assert!(!key.proves(Role::Acceptor, b"said", &proof), "sent back");
        assert!(!key.proves(Role::Dialler, b"sad", &proof), "replayed");
        assert!(!other.proves(Role::Dialler, b"said", &proof), "another key");
    }

    #[test]
    fn both_ends_find_the_same_keys_and_nobody_else_does() {
        let key = ClusterKey::new(&[1; 32]);
        let sealed_and_opened = |acceptor_key: &ClusterKey, said: &[u8]| {
            let (dialler, acceptor) = (Share::draw().unwrap(), Share::draw().unwrap());
            let (for_dialler, for_acceptor) = (acceptor.public, dialler.public);
            let (mut sealer, _) = key.seals(Role::Dialler, dialler, &for_dialler, b"said").unwrap();
            let (_, mut opener) =
                acceptor_key.seals(Role::Acceptor, acceptor, &for_acceptor, said).unwrap();
            let (mut out, mut plain) = (BytesMut::new(), BytesMut::new());
            sealer.seal(&mut BytesMut::from(&b"hello"[..]), &mut out);
            opener.open(&mut out, &mut plain).map(|_| plain.to_vec()).ok()
        };
        assert_eq!(sealed_and_opened(&key, b"said"), Some(b"hello".to_vec()));
        assert_eq!(sealed_and_opened(&key, b"sad"), None, "other words");
        assert_eq!(sealed_and_opened(&ClusterKey::new(&[2; 32]), b"said"), None, "another key");
    }
}
