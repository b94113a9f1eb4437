//! Which key each row has in the tree.
//!
//! ```text
//! 0, letter                                    the engine's own rows
//! 1, type, 0, key                              the head of an actor
//! 1, type, 0, key, 0, life, name               a row beside it
//! 2, due time, type, 0, key, 0, reminder       what is due, in order
//! 3, batch, type, 0, key, 0, life              a life that ended in that batch and may have left rows
//! 4, time, type, 0, key                        a deleted actor, by the time until which it is kept
//! 5, feed, 0, stripe                           a stripe of a feed
//! 6, feed, 0, stripe, position                 an entry of a feed
//! ```
//! Numbers are 8 bytes, big-endian, so that keys are ordered as numbers are. A type name has no
//! zero byte and a key no control character, so no two rows share a key, and the rows of one actor
//! lie together. Neither has the name of a feed.

use tenure_store::row::{Owner, beside};
use tenure_store::{Due, RowKey};
use tenure_types::{FeedName, Key};
use xxhash_rust::xxh3::xxh3_64;

/// The first byte of a key.
const OWN: u8 = 0;
const ACTOR: u8 = 1;
const DUE: u8 = 2;
const ENDED: u8 = 3;
const DELETED: u8 = 4;
const STRIPE: u8 = 5;
const ENTRY: u8 = 6;

/// The row of the last batch record: every batch overwrites it.
pub(crate) const BATCH_KEY: &[u8] = &[OWN, b'b'];
/// The row of the last incarnation.
pub(crate) const INCARNATION_KEY: &[u8] = &[OWN, b'i'];

/// The row of the number that tells this store's cursors from those of others.
pub(crate) const FEED_STORE_KEY: &[u8] = &[OWN, b'f'];

/// Builds keys of heads without allocating: a type name has at most 128 bytes, a key at most 512.
pub(crate) struct HeadKey {
    bytes: [u8; 2 + 128 + 512],
}

impl HeadKey {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 2 + 128 + 512] }
    }

    pub(crate) fn of<'a>(&mut self, owner: impl Into<Owner<'a>>) -> &[u8] {
        let owner = owner.into();
        let (name, key) = (owner.type_name.as_bytes(), owner.key.as_bytes());
        let end = 2 + name.len() + key.len();
        self.bytes[0] = ACTOR;
        self.bytes[1..=name.len()].copy_from_slice(name);
        self.bytes[1 + name.len()] = 0;
        self.bytes[2 + name.len()..end].copy_from_slice(key);
        &self.bytes[..end]
    }
}

/// What the keys of all rows beside one head begin with.
pub(crate) struct Prefix {
    bytes: Vec<u8>,
}

impl Prefix {
    pub(crate) fn of<'a>(owner: impl Into<Owner<'a>>, life: u64) -> Self {
        let mut bytes = vec![ACTOR];
        write_owner(owner.into(), &mut bytes);
        bytes.push(0);
        bytes.extend_from_slice(&life.to_be_bytes());
        Self { bytes }
    }

    /// The key of one row.
    pub(crate) fn row(&self, key: &RowKey) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 32);
        bytes.extend_from_slice(&self.bytes);
        beside::write_name(key, &mut bytes);
        bytes
    }

    /// What lies between the rows of this kind and those of the kind before.
    pub(crate) fn kind(&self, kind: u8) -> Vec<u8> {
        [&self.bytes[..], &[kind]].concat()
    }

    /// The name of a row in its key.
    pub(crate) fn read(&self, key: &[u8]) -> Option<RowKey> {
        self.read_from(key)?
    }

    /// The name of a row in its key, if it is the key of one of these rows; none where no row has
    /// that name.
    pub(crate) fn read_from(&self, key: &[u8]) -> Option<Option<RowKey>> {
        Some(beside::read_name(key.strip_prefix(self.bytes.as_slice())?))
    }
}

/// What all heads come after, and all of them before.
pub(crate) const ACTORS: (&[u8], &[u8]) = (&[ACTOR], &[ACTOR + 1]);

/// What the heads of a type, and the rows beside them, begin with.
pub(crate) fn type_prefix(type_name: &str) -> Vec<u8> {
    [&[ACTOR], type_name.as_bytes(), &[0]].concat()
}

/// The type in the key of a head or of a row beside it.
pub(crate) fn read_type(key: &[u8]) -> Option<&str> {
    text(split_zero(key.strip_prefix(&[ACTOR])?)?.0)
}

/// Type and name in the key of a head; none in that of a row beside one.
pub(crate) fn read_head(key: &[u8]) -> Option<Option<(&str, &str)>> {
    let (type_name, name) = split_zero(key.strip_prefix(&[ACTOR])?)?;
    match name.contains(&0) {
        true => Some(None),
        false => Some(Some((text(type_name)?, text(name)?))),
    }
}

/// What a head with this key, or one beside which it lies, is followed by at the earliest: no key of
/// an actor has a control character.
pub(crate) fn after_actor(type_prefix: &[u8], key: &[u8]) -> Vec<u8> {
    let key = key.split(|byte| *byte == 0).next().unwrap_or_default();
    [type_prefix, key, &[1]].concat()
}

/// An entry of an index: its key says everything, its value is a checksum of the key.
pub(crate) fn index_value(key: &[u8]) -> [u8; 8] {
    xxh3_64(key).to_le_bytes()
}

/// The key of what is due.
pub(crate) fn due(due_ms: u64, owner: Owner<'_>, reminder: &str) -> Vec<u8> {
    let mut bytes = due_from(due_ms);
    write_owner(owner, &mut bytes);
    bytes.push(0);
    bytes.extend_from_slice(reminder.as_bytes());
    bytes
}

/// What nothing that is due at `due_ms` or later comes before.
pub(crate) fn due_from(due_ms: u64) -> Vec<u8> {
    numbered(DUE, due_ms)
}

/// What everything that is due at `due_ms` or earlier comes before.
pub(crate) fn due_until(due_ms: u64) -> Vec<u8> {
    // No type name begins so.
    [&due_from(due_ms)[..], &[0xff]].concat()
}

/// What is due, from its key.
pub(crate) fn read_due(key: &[u8]) -> Option<Due> {
    let (due_ms, rest) = read_numbered(DUE, key)?;
    let (type_name, rest) = split_zero(rest)?;
    let (key, reminder) = split_zero(rest)?;
    Some(Due {
        due_ms,
        type_name: text(type_name)?.into(),
        key: Key::new(text(key)?).ok()?,
        reminder: text(reminder)?.into(),
    })
}

/// The key of a life that ended in batch `number`.
pub(crate) fn ended(number: u64, owner: Owner<'_>, life: u64) -> Vec<u8> {
    // After the first byte it goes on as the keys of its rows do.
    [&numbered(ENDED, number)[..], &Prefix::of(owner, life).bytes[1..]].concat()
}

/// What no life that ended in batch `number` or later comes before.
pub(crate) fn ended_from(number: u64) -> Vec<u8> {
    numbered(ENDED, number)
}

/// The batch in which a life ended, and what the keys of its rows begin with.
pub(crate) fn read_ended(key: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (number, rows) = read_numbered(ENDED, key)?;
    Some((number, [&[ACTOR], rows].concat()))
}

/// The key of a deleted actor.
pub(crate) fn deleted(until_ms: u64, owner: Owner<'_>) -> Vec<u8> {
    let mut bytes = numbered(DELETED, until_ms);
    write_owner(owner, &mut bytes);
    bytes
}

/// What no actor that is kept until `until_ms` or longer comes before.
pub(crate) fn deleted_from(until_ms: u64) -> Vec<u8> {
    numbered(DELETED, until_ms)
}

/// What all keys of this kind of row come before.
pub(crate) const ENDED_END: &[u8] = &[ENDED + 1];
/// As above.
pub(crate) const DELETED_END: &[u8] = &[DELETED + 1];

/// Until when an actor is kept that was deleted, and whose head it is.
pub(crate) fn read_deleted(key: &[u8]) -> Option<(u64, Owner<'_>)> {
    let (until_ms, owner) = read_numbered(DELETED, key)?;
    let (type_name, key) = split_zero(owner)?;
    Some((until_ms, Owner { type_name: text(type_name)?, key: text(key)? }))
}

/// What all stripes come after, and all of them before.
pub(crate) const STRIPES: (&[u8], &[u8]) = (&[STRIPE], &[STRIPE + 1]);

/// The key of a stripe.
pub(crate) fn stripe(feed: &FeedName, number: u64) -> Vec<u8> {
    [&[STRIPE], feed.as_str().as_bytes(), &[0], &number.to_be_bytes()].concat()
}

/// What all stripes of a feed come after, and all of them before.
pub(crate) fn stripes_of(feed: &FeedName) -> (Vec<u8>, Vec<u8>) {
    let name = feed.as_str().as_bytes();
    ([&[STRIPE], name, &[0]].concat(), [&[STRIPE], name, &[1]].concat())
}

/// Feed and number in the key of a stripe.
pub(crate) fn read_stripe(key: &[u8]) -> Option<(FeedName, u64)> {
    let (name, number) = split_zero(key.strip_prefix(&[STRIPE])?)?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    Some((FeedName::new(text(name)?).ok()?, number))
}

/// The key of an entry.
pub(crate) fn entry(feed: &FeedName, stripe: u64, position: u64) -> Vec<u8> {
    let (stripe, position) = (stripe.to_be_bytes(), position.to_be_bytes());
    [&[ENTRY], feed.as_str().as_bytes(), &[0], &stripe, &position].concat()
}

/// The position in the key of an entry.
pub(crate) fn read_position(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.last_chunk::<8>()?))
}

/// What follows all keys that begin with `prefix`, whose first byte is not 255.
pub(crate) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut bytes = prefix.to_vec();
    while bytes.last() == Some(&u8::MAX) {
        bytes.pop();
    }
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

fn numbered(first: u8, number: u64) -> Vec<u8> {
    [&[first][..], &number.to_be_bytes()].concat()
}

fn read_numbered(first: u8, key: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = key.strip_prefix(&[first])?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*number), rest))
}

fn write_owner(owner: Owner<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(owner.type_name.as_bytes());
    out.push(0);
    out.extend_from_slice(owner.key.as_bytes());
}

fn split_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
