//! Feeds: who waits for entries, and how long entries are kept.

mod look;
mod meters;
mod polls;
mod read;
mod retain;

pub(crate) use meters::FeedMeters;
pub(crate) use polls::Polls;
pub use read::FeedReadError;
