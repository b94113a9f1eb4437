use std::sync::mpsc::SyncSender;

use tenure_store::{StoreError, Trimmed};
use tenure_types::Incarnation;

use crate::answer::Answerer;
use crate::feeds::TrimPlan;

/// What the committing thread does beside units, after those that were submitted before.
pub(crate) enum Errand {
    /// Removes entries of a feed.
    Trim(WaitingTrim),
    /// Lets an incarnation commit beside others. Refused with the reason why it may not.
    Join { incarnation: Incarnation, answer: SyncSender<Result<(), Box<str>>> },
    /// Ends an incarnation.
    Fence { incarnation: Incarnation, answer: SyncSender<Result<(), Box<str>>> },
    /// Nothing: its answer says that what was submitted before is committed.
    Flush { answer: SyncSender<Result<(), Box<str>>> },
}

/// A trim that waits, and who hears of it.
pub(crate) struct WaitingTrim {
    pub(crate) plan: TrimPlan,
    pub(crate) answer: Answerer<Result<Trimmed, StoreError>>,
}
