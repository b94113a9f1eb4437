//! What the servers ask of a node about its feeds.

use std::time::Duration;

use serde::Serialize;
use tenure_types::{BoxFuture, FeedName};

/// The most entries that a page may be asked for.
pub(crate) const FEED_LIMIT_MAX: usize = 1_000;

/// Reads a node's feeds.
pub trait Feeds: Send + Sync + 'static {
    /// Reads a page, and waits where there is nothing yet.
    ///
    /// # Errors
    /// [`FeedRefusal`].
    ///
    /// # Cancel safety
    /// The future is dropped when the client goes away.
    fn read(&self, wanted: FeedWanted) -> BoxFuture<'static, Result<FeedAnswer, FeedRefusal>>;

    /// What is kept of each feed.
    ///
    /// # Errors
    /// Why that cannot be read.
    fn list(&self) -> BoxFuture<'static, Result<Vec<FeedLine>, String>>;
}

/// A page that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedWanted {
    /// Which feed.
    pub feed: FeedName,
    /// Where the page begins.
    pub from: FeedStart,
    /// The most entries.
    pub limit: usize,
    /// How long to wait for the first entry.
    pub wait: Duration,
}

/// Where a page of a feed begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedStart {
    /// With the oldest entry that is kept.
    Oldest,
    /// Behind the newest one: an empty page, and its cursor.
    Latest,
    /// Behind this cursor.
    After(String),
}

/// A page of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedAnswer {
    /// The entries, in order.
    pub entries: Vec<FeedItem>,
    /// Where the next page begins.
    pub cursor: String,
    /// Whether more could be read at once.
    pub has_more: bool,
}

/// An entry of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// The type of the actor that appended it.
    pub type_name: Box<str>,
    /// The actor's key.
    pub key: String,
    /// The version of the actor that it is part of.
    pub version: u64,
    /// Its place among the entries of that version.
    pub index: u32,
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// The entry; JSON.
    pub data: Vec<u8>,
}

/// Why a page is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedRefusal {
    /// 410: entries behind the cursor are not kept any more.
    Expired {
        /// The cursor before the oldest entry that is kept.
        oldest: String,
    },
    /// 400: it is no cursor of this feed.
    Cursor {
        /// What is wrong with it.
        detail: String,
    },
    /// 503: a bound of the node is reached.
    Overloaded {
        /// Which.
        detail: String,
    },
    /// 503: the store cannot be read.
    Storage {
        /// Why.
        detail: String,
    },
}

/// What is kept of one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeedLine {
    /// Its name.
    pub name: String,
    /// How many entries.
    pub entries: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// Unix time in milliseconds of the oldest, if there is one.
    pub oldest_at: Option<u64>,
    /// Why something of it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
