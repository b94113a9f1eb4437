use bytes::{BufMut, BytesMut};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;

use crate::bounds::{RECORD_BYTES_MAX, RECORDS_PER_KEY};

/// A sealed record: the length of what follows, then the sealed bytes, then the tag.
const LENGTH_BYTES: usize = 4;
const TAG_BYTES: usize = 16;

/// Why sealed bytes are not accepted: they were altered, replayed, moved, or sealed with another key.
/// Which of these it was cannot be told, and is nobody's business.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Altered;

/// The keys of one direction of one connection, one after the other. Both ends count records, so a
/// record is accepted once, in its place, and in no other connection.
struct Keys {
    secret: hkdf::Prk,
    key: LessSafeKey,
    records: u64,
    records_per_key: u64,
}

impl Keys {
    fn new(secret: hkdf::Prk, records_per_key: u64) -> Self {
        let key = key_of(&secret);
        Self { secret, key, records: 0, records_per_key }
    }

    /// The nonce of the next record. Changes the key when it has sealed its share.
    fn advance(&mut self) -> Nonce {
        if self.records == self.records_per_key {
            self.secret = derive(&self.secret, b"tenure/1 next key");
            self.key = key_of(&self.secret);
            self.records = 0;
        }
        let mut nonce = [0; NONCE_LEN];
        nonce[NONCE_LEN - 8..].copy_from_slice(&self.records.to_be_bytes());
        self.records += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// A secret that follows from another one, for one purpose.
pub(crate) fn derive(secret: &hkdf::Prk, purpose: &[u8]) -> hkdf::Prk {
    let purpose = [purpose];
    secret.expand(&purpose, hkdf::HKDF_SHA256).expect("one block is not too long").into()
}

fn key_of(secret: &hkdf::Prk) -> LessSafeKey {
    let okm = secret.expand(&[b"tenure/1 record key"], &AES_256_GCM);
    LessSafeKey::new(UnboundKey::from(okm.expect("one block is not too long")))
}

/// Seals what one end sends.
pub(crate) struct Sealer(Keys);

impl Sealer {
    pub(crate) fn new(secret: hkdf::Prk) -> Self {
        Self(Keys::new(secret, RECORDS_PER_KEY))
    }

    /// Seals all of `plain` into records at the end of `out`, and empties it.
    pub(crate) fn seal(&mut self, plain: &mut BytesMut, out: &mut BytesMut) {
        let records = plain.len().div_ceil(RECORD_BYTES_MAX);
        out.reserve(plain.len() + records * (LENGTH_BYTES + TAG_BYTES));
        for part in plain.chunks(RECORD_BYTES_MAX) {
            let length = u32::try_from(part.len()).expect("records are short").to_be_bytes();
            out.put_slice(&length);
            let start = out.len();
            out.put_slice(part);
            let nonce = self.0.advance();
            let sealed = &mut out[start..];
            let tag = self.0.key.seal_in_place_separate_tag(nonce, Aad::from(length), sealed);
            out.put_slice(tag.expect("records are short").as_ref());
        }
        plain.clear();
    }
}

/// Opens what the other end sealed.
pub(crate) struct Opener(Keys);

impl Opener {
    pub(crate) fn new(secret: hkdf::Prk) -> Self {
        Self(Keys::new(secret, RECORDS_PER_KEY))
    }

    /// Moves every whole record from the front of `sealed` to the end of `plain`, opened. Returns how
    /// many bytes the record that is then at the front has in all; zero when none has begun.
    ///
    /// # Errors
    /// [`Altered`], after which this must not be used again.
    pub(crate) fn open(
        &mut self,
        sealed: &mut BytesMut,
        plain: &mut BytesMut,
    ) -> Result<usize, Altered> {
        loop {
            let Some(&length) = sealed.first_chunk::<LENGTH_BYTES>() else { return Ok(0) };
            let plain_len = u32::from_be_bytes(length) as usize;
            // Checked before any byte of it is waited for. Empty records are never sent.
            if plain_len == 0 || plain_len > RECORD_BYTES_MAX {
                return Err(Altered);
            }
            let record = LENGTH_BYTES + plain_len + TAG_BYTES;
            if sealed.len() < record {
                return Ok(record);
            }
            let mut opening = sealed.split_to(record);
            let nonce = self.0.advance();
            let inside = &mut opening[LENGTH_BYTES..];
            let opened = self.0.key.open_in_place(nonce, Aad::from(length), inside);
            plain.put_slice(opened.map_err(|_| Altered)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(records_per_key: u64) -> (Sealer, Opener) {
        let secret = || hkdf::Salt::new(hkdf::HKDF_SHA256, b"salt").extract(b"secret");
        let keys = || Keys::new(secret(), records_per_key);
        (Sealer(keys()), Opener(keys()))
    }

    fn sealed(sealer: &mut Sealer, text: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        sealer.seal(&mut BytesMut::from(text), &mut out);
        out
    }

    fn opened(opener: &mut Opener, mut sealed: BytesMut) -> Result<Vec<u8>, Altered> {
        let mut plain = BytesMut::new();
        opener.open(&mut sealed, &mut plain)?;
        Ok(plain.to_vec())
    }

    #[test]
    fn records_are_opened_in_their_order_across_keys() {
        let (mut sealer, mut opener) = pair(3);
        for round in 0..10_u8 {
            let record = sealed(&mut sealer, &[round; 100]);
            assert!(!record.windows(8).any(|it| it == [round; 8]), "it is readable");
            assert_eq!(opened(&mut opener, record), Ok(vec![round; 100]), "{round}");
        }
        let long = vec![7; 3 * RECORD_BYTES_MAX + 5];
        assert_eq!(opened(&mut opener, sealed(&mut sealer, &long)), Ok(long));
    }

    #[test]
    fn a_later_key_does_not_open_what_an_earlier_one_sealed() {
        let (mut sealer, mut opener) = pair(1);
        let first = sealed(&mut sealer, b"first");
        assert_eq!(opened(&mut opener, first.clone()), Ok(b"first".to_vec()));
        // The count is zero again, so only the key is another one.
        assert_eq!(opened(&mut opener, first), Err(Altered));
    }

    #[test]
    fn what_was_altered_replayed_or_left_out_is_refused() {
        let first_of = |text: &[u8]| sealed(&mut pair(100).0, text);
        for index in 0..first_of(b"text").len() {
            let mut record = first_of(b"text");
            record[index] ^= 1;
            let accepted = opened(&mut pair(100).1, record);
            // A length that grew waits for more, and never gives the bytes out.
            assert!(accepted != Ok(b"text".to_vec()), "byte {index}: {accepted:?}");
        }
        let (mut sealer, mut opener) = pair(100);
        let (first, second) = (sealed(&mut sealer, b"first"), sealed(&mut sealer, b"second"));
        assert_eq!(opened(&mut pair(100).1, second), Err(Altered), "one was left out");
        assert_eq!(opened(&mut opener, first.clone()), Ok(b"first".to_vec()));
        assert_eq!(opened(&mut opener, first), Err(Altered), "one came twice");
    }

    #[test]
    fn lengths_are_bounded_before_they_are_waited_for() {
        for length in [0, RECORD_BYTES_MAX as u32 + 1, u32::MAX] {
            let record = BytesMut::from(&length.to_be_bytes()[..]);
            assert_eq!(opened(&mut pair(9).1, record), Err(Altered), "{length}");
        }
    }
}
