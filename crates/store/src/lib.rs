//! The store contract: what the runtime asks of an engine that keeps actors durable.
//!
//! [`Store`] is the contract, [`Unit`] what one actor commits atomically, [`UnitOutcome`] the
//! answer; [`feed`] is what units append for others to read. [`export`] is the file in which actors go from
//! one store to another. [`row`] is the self-describing, checksummed form that engines store. [`memory`] keeps the
//! contract without keeping anything past the process, and [`conformance`] is the suite that every
//! engine passes.

mod beside;
pub mod conformance;
mod contract;
pub mod export;
pub mod feed;
mod fences;
pub mod memory;
pub mod reading;
pub mod row;
mod store_error;
mod submitted;
mod unit;
mod walk;

pub use beside::{Due, Encoded, EventLog, ROW_NAME_BYTES_MAX, Row, RowChange, RowKey};
pub use contract::{
    EVENTS_BYTES_MAX, HEADS_BYTES_MAX, Store, Stored, StoredHead, UnitSink, WALK_PAGE_BYTES_MAX,
    WALK_PAGE_MAX, Walk, Walked,
};
pub use feed::{
    CURSOR_CHARS_MAX, Cursor, CursorError, FEED_PAGE_BYTES_MAX, FEEDS_MAX, FeedEntry, FeedError,
    FeedFrom, FeedInfo, FeedKeep, FeedPage, Stripe, Stripes, TRIM_ENTRIES_MAX, Trimmed,
};
pub use fences::Fences;
pub use memory::{MemoryDisk, MemoryStore};
pub use store_error::StoreError;
pub use submitted::{Submitted, submit};
pub use unit::{Append, Content, ROW_BYTES_MAX, UNIT_BYTES_MAX, UNIT_ROWS_MAX, Unit, UnitOutcome};
pub use walk::Pages;
