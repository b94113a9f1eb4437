//! The stored form of one actor: a self-describing row with a checksum.
//!
//! ```text
//! offset  bytes  what
//!      0      4  "TNR" and the row format's version, 1
//!      4      1  codec of the body
//!      5      3  zero
//!      8      4  schema version of the body
//!     12      8  version
//!     20     16  tenure: view, sequence
//!     36     16  token: incarnation, sequence
//!     52      8  Unix time in milliseconds
//!     60      4  length of the body
//!     64      n  body
//!   64+n      8  xxh3-64 of the actor's name (type, zero byte, key) and all bytes before
//! ```
//! Numbers are little-endian. The checksum covers the actor's name, so that a row which got under
//! another actor's name is found as well.

use tenure_types::{ActorId, Incarnation, Tenure, Token, Version};
use xxhash_rust::xxh3::Xxh3Default;

use crate::{StoreError, Stored, Unit};

const MAGIC: [u8; 3] = *b"TNR";
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 64;
const CHECKSUM_BYTES: usize = 8;

/// Appends the row of `unit` to `out`.
///
/// # Panics
/// If the body is 4 GiB or larger; engines refuse units far below that.
pub fn encode(unit: &Unit, out: &mut Vec<u8>) {
    let start = out.len();
    let body_bytes = u32::try_from(unit.body.len()).expect("units are bounded far below 4 GiB");
    out.reserve(HEAD_BYTES + unit.body.len() + CHECKSUM_BYTES);
    out.extend_from_slice(&MAGIC);
    out.push(FORMAT);
    out.extend_from_slice(&[unit.codec, 0, 0, 0]);
    out.extend_from_slice(&unit.schema.to_le_bytes());
    for number in [
        unit.version.0,
        unit.tenure.view,
        unit.tenure.sequence,
        unit.token.incarnation.0,
        unit.token.sequence,
        unit.written_at_ms,
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&body_bytes.to_le_bytes());
    out.extend_from_slice(&unit.body);
    let checksum = checksum(&unit.actor, &out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Reads and checks a row.
///
/// # Errors
/// [`StoreError::Corrupt`] if any byte was changed, added or lost, [`StoreError::Newer`] if the
/// row's format is not known.
pub fn decode(actor: &ActorId, row: &[u8]) -> Result<Stored, StoreError> {
    let head = check_head(actor, row)?;
    let (content, stored) = row.split_at(row.len() - CHECKSUM_BYTES);
    let stored = u64::from_le_bytes(stored.try_into().expect("split at eight bytes"));
    if checksum(actor, content) != stored {
        return Err(corrupt(actor, "its checksum does not match"));
    }
    Ok(Stored {
        version: Version(head.u64_at(12)),
        tenure: Tenure { view: head.u64_at(20), sequence: head.u64_at(28) },
        token: Token { incarnation: Incarnation(head.u64_at(36)), sequence: head.u64_at(44) },
        schema: head.u32_at(8),
        codec: row[4],
        written_at_ms: head.u64_at(52),
        body: content[HEAD_BYTES..].to_vec(),
    })
}

struct Head<'a>(&'a [u8]);

impl Head<'_> {
    fn u64_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().expect("eight bytes"))
    }

    fn u32_at(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().expect("four bytes"))
    }
}

fn check_head<'a>(actor: &ActorId, row: &'a [u8]) -> Result<Head<'a>, StoreError> {
    if row.len() < HEAD_BYTES + CHECKSUM_BYTES {
        return Err(corrupt(actor, &format!("only {} bytes are left of it", row.len())));
    }
    if row[..3] != MAGIC {
        return Err(corrupt(actor, "it does not begin as a record"));
    }
    if row[3] > FORMAT {
        return Err(StoreError::Newer {
            what: format!("the record of {actor}").into(),
            detail: format!("its format is {}, this program knows up to {FORMAT}", row[3]).into(),
        });
    }
    if row[3] != FORMAT {
        return Err(corrupt(actor, "its format number is not one that was ever written"));
    }
    let head = Head(&row[..HEAD_BYTES]);
    let body_bytes = head.u32_at(60) as usize;
    if body_bytes != row.len() - HEAD_BYTES - CHECKSUM_BYTES {
        return Err(corrupt(actor, "its length is not the one it states"));
    }
    Ok(head)
}

fn checksum(actor: &ActorId, content: &[u8]) -> u64 {
    let parts = [actor.actor_type.as_str().as_bytes(), &[0], actor.key.as_bytes(), &[0], content];
    // Small rows, nearly all of them, are hashed in one go from the stack, which is several times
    // faster than in parts.
    let mut joined = [0_u8; 512];
    let mut length = 0;
    for part in parts {
        let Some(place) = joined.get_mut(length..length + part.len()) else {
            let mut hasher = Xxh3Default::new();
            parts.iter().for_each(|part| hasher.update(part));
            return hasher.digest();
        };
        place.copy_from_slice(part);
        length += part.len();
    }
    xxhash_rust::xxh3::xxh3_64(&joined[..length])
}

fn corrupt(actor: &ActorId, detail: &str) -> StoreError {
    StoreError::Corrupt {
        what: format!("the record of {actor}").into(),
        detail: format!("{detail}; restore it from a backup, or delete it").into(),
    }
}

#[cfg(test)]
mod tests;
