//! Feeds in the tree: what the committing thread knows of them, and how they are read.

mod append;
mod merge;
mod order;
mod read;

pub(crate) use append::Feeds;
pub(crate) use read::{TrimPart, TrimPlan};
