//! Commits: what turns changed goes to the store, and what the store says comes back.

mod drive;
pub(crate) mod pipeline;
