use tenure_types::Incarnation;
use xxhash_rust::xxh3::xxh3_64;

/// Marks a batch record in a journal whose structure was lost. Random, so that no row holds it by
/// chance.
pub(super) const MAGIC: [u8; 16] = [
    0xa7, 0x1c, 0xe4, 0x52, 0x0b, 0xd9, 0x83, 0x6f, 0x35, 0xfa, 0x90, 0x4e, 0xc8, 0x61, 0x17, 0xbd,
];
const CHECKED_BYTES: usize = 32;

/// What each batch says of itself, as a row in the batch.
///
/// ```text
/// 16  magic
///  8  number, one more than in the batch before
///  8  incarnation
///  8  xxh3-64 of the bytes before
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchRecord {
    pub(crate) number: u64,
    pub(crate) incarnation: Incarnation,
}

impl BatchRecord {
    pub(crate) const BYTES: usize = CHECKED_BYTES + 8;

    pub(crate) fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&MAGIC);
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.incarnation.0.to_le_bytes());
        let checksum = xxh3_64(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The record in exactly these bytes, if they are one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let number_at = |at: usize| {
            let eight = bytes[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(eight)
        };
        let is_whole = bytes[..16] == MAGIC && number_at(32) == xxh3_64(&bytes[..CHECKED_BYTES]);
        is_whole.then(|| Self { number: number_at(16), incarnation: Incarnation(number_at(24)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let record = BatchRecord { number: 77, incarnation: Incarnation(3) };
        let bytes = record.encode();
        assert_eq!(BatchRecord::decode(&bytes), Some(record));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(BatchRecord::decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(BatchRecord::decode(&bytes[1..]), None);
    }
}
