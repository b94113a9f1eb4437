use std::fmt;
use std::sync::Arc;

/// The most bytes of a [`NodeId`].
pub const NODE_ID_BYTES_MAX: usize = 64;

/// A node's name: it stays over restarts, and the ring places by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Arc<str>);

/// Why a text is not a [`NodeId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "node id {id:?} is not letters, digits, '-', '_' and '.', starting with a letter or digit, \
     1 to {NODE_ID_BYTES_MAX} bytes; name the node with TENURE_NODE_ID"
)]
pub struct NodeIdError {
    id: String,
}

impl NodeId {
    /// Checks the name: ASCII letters, digits, `-`, `_` and `.`, first a letter or digit.
    ///
    /// # Errors
    /// [`NodeIdError`] when `id` breaks the rule above.
    pub fn new(id: &str) -> Result<Self, NodeIdError> {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let first_ok = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if first_ok && id.len() <= NODE_ID_BYTES_MAX && id.bytes().all(is_inner) {
            Ok(Self(id.into()))
        } else {
            let id = id.chars().take(2 * NODE_ID_BYTES_MAX).collect();
            Err(NodeIdError { id })
        }
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Numbers the member lists of a cluster: a higher one is newer. Zero: none was seen yet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ViewNumber(pub u64);

impl fmt::Display for ViewNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the [`Slot::COUNT`] parts of the hash space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Slot(u16);

impl Slot {
    /// How many slots there are.
    pub const COUNT: usize = 1 << 14;

    /// The slot of an actor with this [`actor_hash`](crate::actor_hash): its top 14 bits.
    #[must_use]
    #[inline]
    pub const fn of(actor_hash: u64) -> Self {
        Self((actor_hash >> 50) as u16)
    }

    /// The slot with this number; `None` past the last one.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if (number as usize) < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// Every slot, in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..Self::COUNT as u16).map(Self)
    }

    /// Its number, as an index.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_follow_the_rule() {
        let long = "n".repeat(NODE_ID_BYTES_MAX);
        for (id, ok) in [
            ("node-1", true),
            ("10.0.0.7", true),
            ("a_b", true),
            (long.as_str(), true),
            ("", false),
            ("-a", false),
            ("a b", false),
            ("é", false),
            (&format!("{long}n"), false),
        ] {
            assert_eq!(NodeId::new(id).is_ok(), ok, "{id:?}");
        }
    }

    #[test]
    fn slots_cover_the_hash_space_evenly() {
        assert_eq!(Slot::of(0).index(), 0);
        assert_eq!(Slot::of(u64::MAX).index(), Slot::COUNT - 1);
        assert_eq!(Slot::of(1 << 50).index(), 1);
        assert_eq!(Slot::of((1 << 50) - 1).index(), 0);
        assert_eq!(Slot::new(Slot::COUNT as u16), None);
        assert_eq!(Slot::all().len(), Slot::COUNT);
    }
}
