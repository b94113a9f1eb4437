//! Commits: what turns changed goes to the store, and what the store says comes back.

pub(crate) mod behind;
pub(crate) mod dirty;
mod drive;
mod flush;
pub(crate) mod pipeline;
