//! Commits units: everyone who waits shares one write and one sync.

mod batch;
mod errand;
mod fence;
mod heads;
mod queue;
mod rows;
mod sweep;
mod thread;

pub(crate) use batch::BatchWriter;
pub(crate) use errand::{Errand, WaitingTrim};
pub(crate) use heads::{Head, Heads};
pub(crate) use queue::{CommitQueue, Refusal};
pub(crate) use sweep::Sweep;
pub(crate) use thread::{Committer, End};
