//! The stored forms of a feed's entry and of a stripe.
//!
//! ```text
//! offset  bytes  an entry
//!      0      4  "TNF" and the row format's version, 1
//!      4      4  index
//!      8      8  version
//!     16      8  Unix time in milliseconds
//!     24      2  length of the actor type's name
//!     26      2  length of the key
//!     28      4  length of the data
//!     32      n  name, key, data
//!   32+n      8  xxh3-64 of the feed's name, two zero bytes, stripe and position (8 bytes each,
//!                big-endian), and all bytes before
//!
//! offset  bytes  a stripe
//!      0      4  "TNS" and the row format's version, 1
//!      4     40  incarnation, stable, floor, bytes, trimmed bytes
//!     44      8  xxh3-64 of the feed's name, two zero bytes, number and zero (8 bytes each,
//!                big-endian), and all bytes before
//! ```
//! Numbers are little-endian. The checksums cover the place, so that a row which got to another one
//! is found as well.

use tenure_types::{FeedName, Incarnation, Key, Version};

use super::{Owner, checksum, corrupt, newer, u32_at, u64_at, without_checksum};
use crate::{FeedEntry, StoreError, Stripe};

const ENTRY_MAGIC: [u8; 3] = *b"TNF";
const STRIPE_MAGIC: [u8; 3] = *b"TNS";
const FORMAT: u8 = 1;
const ENTRY_HEAD_BYTES: usize = 32;
const STRIPE_BYTES: usize = 44;
const CHECKSUM_BYTES: usize = 8;

/// What an entry holds, beside its place.
#[derive(Clone, Copy, Debug)]
pub struct EntryParts<'a> {
    /// Who appends it.
    pub actor: Owner<'a>,
    /// The version of its unit.
    pub version: Version,
    /// Its place in the unit.
    pub index: u32,
    /// When the unit was made.
    pub at_ms: u64,
    /// The entry as JSON.
    pub data: &'a [u8],
}

/// Bytes of the stored form of an entry.
#[must_use]
pub fn entry_bytes(entry: &EntryParts<'_>) -> usize {
    let EntryParts { actor: Owner { type_name, key }, data, .. } = entry;
    ENTRY_HEAD_BYTES + type_name.len() + key.len() + data.len() + CHECKSUM_BYTES
}

/// Appends the stored form of an entry to `out`.
///
/// # Panics
/// If a part is longer than units can be.
pub fn encode_entry(
    feed: &FeedName,
    (stripe, position): (u64, u64),
    entry: &EntryParts<'_>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    let EntryParts { actor: Owner { type_name, key }, version, index, at_ms, data } = *entry;
    let short = |length: usize| u16::try_from(length).expect("names are far below 64 KiB");
    let length = u32::try_from(data.len()).expect("units are bounded far below 4 GiB");
    out.reserve(entry_bytes(entry));
    out.extend_from_slice(&ENTRY_MAGIC);
    out.push(FORMAT);
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&version.0.to_le_bytes());
    out.extend_from_slice(&at_ms.to_le_bytes());
    out.extend_from_slice(&short(type_name.len()).to_le_bytes());
    out.extend_from_slice(&short(key.len()).to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(type_name.as_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(data);
    let sum = checksum(owner(feed), &place(stripe, position), &out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Reads and checks the entry at this place.
///
/// # Errors
/// [`StoreError::Corrupt`] if any byte was changed, added or lost, [`StoreError::Newer`] if the
/// row's format is not known.
pub fn decode_entry(
    feed: &FeedName,
    (stripe, position): (u64, u64),
    row: &[u8],
) -> Result<FeedEntry, StoreError> {
    let what = || format!("entry {position} of stripe {stripe} of the feed {feed}");
    let content = check(feed, (stripe, position), row, ENTRY_MAGIC, &what)?;
    let wrong = || corrupt(&what(), "it states what no entry does");
    let (head, rest) = content.split_at_checked(ENTRY_HEAD_BYTES).ok_or_else(wrong)?;
    let length = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let (type_name, rest) = rest.split_at_checked(length(24)).ok_or_else(wrong)?;
    let (key, data) = rest.split_at_checked(length(26)).ok_or_else(wrong)?;
    let type_name = std::str::from_utf8(type_name).map_err(|_| wrong())?;
    let key = std::str::from_utf8(key).ok().and_then(|key| Key::new(key).ok());
    if data.len() != u32_at(head, 28) as usize {
        return Err(wrong());
    }
    Ok(FeedEntry {
        stripe,
        position,
        type_name: type_name.into(),
        key: key.ok_or_else(wrong)?,
        version: Version(u64_at(head, 8)),
        index: u32_at(head, 4),
        at_ms: u64_at(head, 16),
        data: data.to_vec(),
    })
}

/// The stored form of a stripe.
#[must_use]
pub fn encode_stripe(feed: &FeedName, stripe: &Stripe) -> Vec<u8> {
    let mut out = Vec::with_capacity(STRIPE_BYTES + CHECKSUM_BYTES);
    out.extend_from_slice(&STRIPE_MAGIC);
    out.push(FORMAT);
    let Stripe { number, incarnation, stable, floor, bytes, trimmed_bytes } = *stripe;
    for number in [incarnation.0, stable, floor, bytes, trimmed_bytes] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let sum = checksum(owner(feed), &place(number, 0), &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// Reads and checks the stripe of this number.
///
/// # Errors
/// As [`decode_entry`].
pub fn decode_stripe(feed: &FeedName, number: u64, row: &[u8]) -> Result<Stripe, StoreError> {
    let what = || format!("stripe {number} of the feed {feed}");
    let content = check(feed, (number, 0), row, STRIPE_MAGIC, &what)?;
    let at = |n: usize| u64_at(content, 4 + n * 8);
    let wrong = || corrupt(&what(), "it states what no stripe does");
    if content.len() != STRIPE_BYTES {
        return Err(wrong());
    }
    let stripe = Stripe {
        number,
        incarnation: Incarnation(at(0)),
        stable: at(1),
        floor: at(2),
        bytes: at(3),
        trimmed_bytes: at(4),
    };
    let is_sound = stripe.floor <= stripe.stable && stripe.trimmed_bytes <= stripe.bytes;
    if is_sound { Ok(stripe) } else { Err(wrong()) }
}

/// Everything but the checksum of a row that is as it was written.
fn check<'a>(
    feed: &FeedName,
    (stripe, position): (u64, u64),
    row: &'a [u8],
    magic: [u8; 3],
    what: &dyn Fn() -> String,
) -> Result<&'a [u8], StoreError> {
    if row.len() < 4 + CHECKSUM_BYTES || row[..3] != magic {
        return Err(corrupt(&what(), "it does not begin as it should"));
    }
    if row[3] > FORMAT {
        return Err(newer(what(), row[3], FORMAT));
    }
    without_checksum(owner(feed), &place(stripe, position), row)
        .filter(|_| row[3] > 0)
        .ok_or_else(|| corrupt(&what(), "its checksum does not match"))
}

fn owner(feed: &FeedName) -> Owner<'_> {
    Owner { type_name: feed.as_str(), key: "" }
}

fn place(stripe: u64, position: u64) -> [u8; 16] {
    let mut place = [0; 16];
    place[..8].copy_from_slice(&stripe.to_be_bytes());
    place[8..].copy_from_slice(&position.to_be_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(name: &str) -> FeedName {
        FeedName::new(name).expect("a good name")
    }

    #[test]
    fn an_entry_is_read_as_written_in_its_place_and_no_changed_one_is() {
        let parts = EntryParts {
            actor: Owner { type_name: "cart", key: "käthe" },
            version: Version(9),
            index: 3,
            at_ms: 1_700_000_000_000,
            data: br#"{"n":1}"#,
        };
        let mut row = Vec::new();
        encode_entry(&feed("answers"), (2, 5), &parts, &mut row);
        assert_eq!(row.len(), entry_bytes(&parts));
        let entry = decode_entry(&feed("answers"), (2, 5), &row).expect("it is well");
        assert_eq!((&*entry.type_name, entry.key.as_str()), ("cart", "käthe"));
        assert_eq!((entry.version, entry.index, entry.at_ms), (Version(9), 3, 1_700_000_000_000));
        assert_eq!((entry.stripe, entry.position, entry.data.as_slice()), (2, 5, parts.data));
        for (name, place) in [("answer", (2, 5)), ("answers", (1, 5)), ("answers", (2, 6))] {
            assert!(decode_entry(&feed(name), place, &row).is_err(), "{name} {place:?}");
        }
        for bit in 0..row.len() * 8 {
            let mut changed = row.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_entry(&feed("answers"), (2, 5), &changed).is_err(), "bit {bit}");
        }
        for length in 0..row.len() {
            assert!(decode_entry(&feed("answers"), (2, 5), &row[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_stripe_is_read_as_written_and_no_changed_one_is() {
        let stripe = Stripe {
            number: 4,
            incarnation: Incarnation(9),
            stable: 77,
            floor: 7,
            bytes: 1_000,
            trimmed_bytes: 90,
        };
        let row = encode_stripe(&feed("answers"), &stripe);
        assert_eq!(decode_stripe(&feed("answers"), 4, &row), Ok(stripe));
        assert!(decode_stripe(&feed("answers"), 5, &row).is_err());
        assert!(decode_stripe(&feed("orders"), 4, &row).is_err());
        for bit in 0..row.len() * 8 {
            let mut changed = row.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_stripe(&feed("answers"), 4, &changed).is_err(), "bit {bit}");
        }
        for length in 0..row.len() {
            assert!(decode_stripe(&feed("answers"), 4, &row[..length]).is_err(), "{length}");
        }
    }
}
