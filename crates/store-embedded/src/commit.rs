//! Commits units: everyone who waits shares one write and one sync.

mod batch;
mod heads;
mod queue;
mod rows;
mod sweep;
mod thread;

pub(crate) use batch::BatchWriter;
pub(crate) use heads::{Head, Heads};
pub(crate) use queue::{CommitQueue, Refusal, WaitingTrim};
pub(crate) use sweep::Sweep;
pub(crate) use thread::{Committer, End};
