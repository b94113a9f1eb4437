use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{CallError, KeyError};

/// A copy of what an actor was like a short while ago. It stays as it is: read again for a newer one.
pub struct SharedCopy<T> {
    pub(super) value: Arc<T>,
    pub(super) age: Duration,
}

impl<T> SharedCopy<T> {
    /// How long ago the read began that brought it: the copy has everything that was there before.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }
}

impl<T> Clone for SharedCopy<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), age: self.age }
    }
}

impl<T> Deref for SharedCopy<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedCopy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("value", &self.value).field("age", &self.age).finish()
    }
}

/// Why there is no copy to read. Reading has started or gone on to refresh it: call the actor meanwhile, or
/// answer without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharedError {
    /// It was not read yet, or not for a while, and the first refresh is on its way.
    #[error("there is no copy yet; call the actor, or read again shortly")]
    NotYet {
        /// Why the latest refresh failed.
        why: Option<CallError>,
    },
    /// Refreshes take too long, or fail.
    #[error(
        "the copy is {age:?} old and may be {max_age:?}; call the actor, or read again shortly"
    )]
    Stale {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        max_age: Duration,
        /// Why the latest refresh failed; `None` where it has not ended.
        why: Option<CallError>,
    },
    /// What was given as a key is none.
    #[error("{0}")]
    Key(#[from] KeyError),
}
