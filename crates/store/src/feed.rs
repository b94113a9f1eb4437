//! Feeds: what units append for other services to read, and how it is read and trimmed.
//!
//! A *stripe* is what one incarnation appended to one feed. The stripes of a feed are numbered from
//! 1 in the order of their opening, the entries of a stripe from 1 in the order of commit. Where one
//! incarnation commits at a time, stripes follow each other: each is read to its closed end before
//! the next one. Where several do, stripes are merged in the order of commit. Either way what one
//! actor appended is read in the order of its versions, over stripes too.

mod cursor;
mod reading;
mod stripes;

use tenure_types::{FeedName, Key, Version};

use crate::StoreError;
pub use cursor::{CURSOR_CHARS_MAX, Cursor, CursorError};
pub use reading::{Reading, Segment};
pub use stripes::{Stripe, Stripes};

/// The most feeds of a store.
pub const FEEDS_MAX: usize = 1_000;
/// The most bytes of the entries on one page; a page has at least one entry all the same.
pub const FEED_PAGE_BYTES_MAX: usize = 4 << 20;
/// The most entries that one trim removes.
pub const TRIM_ENTRIES_MAX: u64 = 1_000;
/// The most closed stripes without entries that a feed keeps, so that cursors at their ends stay
/// good.
pub const EMPTY_STRIPES_MAX: usize = 256;

/// One entry of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// The number of its stripe.
    pub stripe: u64,
    /// Its position there.
    pub position: u64,
    /// The name of the type of the actor that appended it. A text, because the program that reads
    /// it may not have the type any more.
    pub type_name: Box<str>,
    /// Which actor of that type.
    pub key: Key,
    /// The version of the unit that it is part of.
    pub version: Version,
    /// Its place among the entries of that unit, from 0.
    pub index: u32,
    /// Unix time in milliseconds at which the unit was made.
    pub at_ms: u64,
    /// The entry as JSON.
    pub data: Vec<u8>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedFrom {
    /// With the oldest entry that is kept.
    Oldest,
    /// Behind the newest one.
    Latest,
    /// Behind what the cursor says was read.
    After(Cursor),
}

/// Some entries of a feed, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// The entries.
    pub entries: Vec<FeedEntry>,
    /// Where the next page begins.
    pub next: Cursor,
    /// Whether more could be read at once.
    pub has_more: bool,
}

/// What is kept of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedInfo {
    /// Its name.
    pub name: FeedName,
    /// How many entries are kept.
    pub entries: u64,
    /// How many bytes they take, names and checksums included.
    pub bytes: u64,
    /// The time of the oldest, in Unix milliseconds; `None` where none is kept.
    pub oldest_ms: Option<u64>,
    /// Why the above is not known, or the oldest entry not read.
    pub error: Option<StoreError>,
}

/// What a trim leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedKeep {
    /// Entries made before this, in Unix milliseconds, go, as long as none that is kept comes
    /// before them.
    pub since_ms: u64,
    /// The oldest go while more bytes than this are kept.
    pub bytes_max: u64,
}

/// What a trim removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many entries.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Whether another trim may find more to remove.
    pub has_more: bool,
}

/// Why a feed could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// Entries behind the cursor are not kept any more. Nothing was skipped.
    #[error("entries behind the cursor are not kept any more; begin again with the oldest")]
    Expired {
        /// Before the oldest entry that is kept.
        oldest: Cursor,
    },
    /// The cursor does not belong here.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
