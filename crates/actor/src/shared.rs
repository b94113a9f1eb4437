//! Near caches: a node's own copies of what many of its actors read.
//!
//! [`Share`] says what is copied of an actor and how old a copy may be; [`Context::shared`](crate::Context::shared)
//! reads it. The first read of a key starts a task that reads the actor again and again; it ends when nobody
//! has read its copy for a while.

mod copies;
mod copy;
mod share;
mod slot;

pub use copies::{SHARED_COPIES_MAX, SharedCopies};
pub use copy::{SharedCopy, SharedError};
pub use share::Share;
pub(crate) use share::{read, set};
