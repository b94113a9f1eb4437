use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_types::{CallError, Instant, StateTag, Version};

/// In which states of its actor a call's turn may run; in others the call ends in
/// [`CallError::VersionMismatch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The actor was changed before, and not deleted for long.
    Exists,
    /// The state has one of these tags.
    OneOf(Box<[StateTag]>),
}

impl Precondition {
    /// Whether a turn may run in this state.
    #[must_use]
    pub fn admits(&self, tag: StateTag) -> bool {
        match self {
            Precondition::Exists => tag.version != Version::NONE,
            Precondition::OneOf(tags) => tags.contains(&tag),
        }
    }
}

/// What a caller asks of the state that its call meets, and learns of the turn besides the reply.
#[derive(Debug, Default)]
pub struct Receipt {
    precondition: Option<Precondition>,
    tag: OnceLock<StateTag>,
    follows: bool,
    log: OnceLock<(u64, u64)>,
    /// One more than the nanoseconds of the node's clock; zero before.
    began: AtomicU64,
    ended: AtomicU64,
}

impl Receipt {
    /// A receipt of a call whose turn runs only where `precondition` admits it.
    #[must_use]
    pub fn new(precondition: Option<Precondition>) -> Self {
        Self { precondition, ..Self::default() }
    }

    /// A receipt of a call whose caller will follow the actor's events from its turn on.
    #[must_use]
    pub fn following() -> Self {
        Self { follows: true, ..Self::default() }
    }

    /// What is asked of the state.
    #[must_use]
    pub fn precondition(&self) -> Option<&Precondition> {
        self.precondition.as_ref()
    }

    /// A receipt that asks for the same, for the node where the turn runs.
    #[must_use]
    pub(crate) fn asking(precondition: Option<Precondition>, follows: bool) -> Self {
        Self { precondition, follows, ..Self::default() }
    }

    /// The turn ran at another node: between these moments of this one's clock, as far as is known.
    pub(crate) fn ran(&self, tag: StateTag, began: Instant, ended: Instant) {
        keep(&self.began, began);
        self.end(tag, ended);
    }

    /// Where the actor's events stood when the turn ended, epoch and offset; `None` if no turn ended,
    /// or the receipt did not ask for it.
    #[must_use]
    pub fn log(&self) -> Option<(u64, u64)> {
        self.log.get().copied()
    }

    /// For hosts: whether to say where the events stand when the turn ends.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.follows
    }

    /// For hosts: where the events stand as the turn ends.
    pub fn stands_at(&self, epoch: u64, offset: u64) {
        // A call has one turn; a second answer changes nothing.
        let _ = self.log.set((epoch, offset));
    }

    /// The state that the turn left or, where it only read, met; `None` if no turn ended.
    #[must_use]
    pub fn tag(&self) -> Option<StateTag> {
        self.tag.get().copied()
    }

    /// When the turn began; `None` if none did.
    #[must_use]
    pub fn began(&self) -> Option<Instant> {
        at(&self.began)
    }

    /// When the turn ended, before what it left was durable; `None` if none did.
    #[must_use]
    pub fn ended(&self) -> Option<Instant> {
        at(&self.ended)
    }

    /// For hosts: the turn is about to begin, in the state `tag`.
    ///
    /// # Errors
    /// `VersionMismatch` where the precondition does not admit that; no turn may run then.
    pub fn begin(&self, tag: StateTag, now: Instant) -> Result<(), CallError> {
        if let Some(precondition) = &self.precondition
            && !precondition.admits(tag)
        {
            let detail = match precondition {
                Precondition::Exists => "the actor was never changed".to_owned(),
                Precondition::OneOf(_) => format!("the actor's state is \"{tag}\" by now"),
            };
            return Err(CallError::VersionMismatch { detail: detail.into() });
        }
        keep(&self.began, now);
        Ok(())
    }

    /// For hosts: the turn has ended and left the state `tag`.
    pub fn end(&self, tag: StateTag, now: Instant) {
        // A call has one turn; a second answer changes nothing.
        let _ = self.tag.set(tag);
        keep(&self.ended, now);
    }
}

fn keep(place: &AtomicU64, at: Instant) {
    place.store(at.as_nanos().saturating_add(1), Ordering::Relaxed);
}

fn at(place: &AtomicU64) -> Option<Instant> {
    let nanos = place.load(Ordering::Relaxed);
    nanos.checked_sub(1).map(Instant::from_nanos)
}
