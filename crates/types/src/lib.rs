//! Level 0: what every other crate of Tenure speaks about.
//!
//! Ids and keys ([`ActorId`], [`Key`], [`FeedName`]), counters ([`Version`], [`Tenure`], [`Incarnation`],
//! [`ViewNumber`]), members and slots ([`NodeId`], [`Slot`]), the
//! error every call can end in ([`CallError`]), and the three seams through which everything
//! that is not deterministic enters: [`Clock`], [`Entropy`] and [`Tasks`].
//!
//! **Invariant:** nothing here does I/O, reads a clock or draws a random number.

mod call_error;
mod cluster;
mod counters;
mod feed_name;
mod id;
mod key;
mod planted;
mod seams;
mod tag;
mod time;

pub use call_error::{CallError, CallErrorCode, Outcome};
pub use cluster::{NODE_ID_BYTES_MAX, NodeId, NodeIdError, Slot, ViewNumber};
pub use counters::{Incarnation, NUMBER_MAX, Tenure, Token, Version};
pub use feed_name::{FEED_NAME_BYTES_MAX, FeedName, FeedNameError};
pub use id::{ActorId, ActorTypeName, TYPE_NAME_BYTES_MAX, TypeNameError, actor_hash};
pub use key::{KEY_BYTES_MAX, Key, KeyError};
pub use planted::Planted;
pub use seams::{BoxFuture, Clock, Entropy, Tasks};
pub use tag::{StateTag, StateTagError};
pub use time::Instant;
