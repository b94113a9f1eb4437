//! Bugs on purpose: a simulation that cannot find them proves nothing.
//!
//! With the feature `planted` a process may leave out one mechanism that the promises rest on, chosen at
//! its start. Without it every question is answered "no" when the program is compiled.

#[cfg(feature = "planted")]
use std::sync::atomic::{AtomicU8, Ordering};

macro_rules! planted {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal;)*) => {
        /// A mechanism that can be left out.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Planted {
            $($(#[doc = $doc])+ $bug,)*
        }

        impl Planted {
            /// Every one, in the order of the list.
            pub const ALL: &'static [Planted] = &[$(Planted::$bug,)*];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Planted::$bug => $name,)*
                }
            }
        }
    };
}

planted! {
    /// A store commits a unit whatever version is stored.
    VersionCheck = "version-check";
    /// A store commits units of fenced incarnations, and fencing does nothing.
    Fence = "fence";
    /// A unit of unknown outcome is read back once instead of being submitted again.
    ReadBack = "read-back";
    /// The lease is looked at before the turn runs and not after it.
    LeaseBefore = "lease-before";
    /// A lease counts from the answer of its renewal instead of from before the question.
    LeaseFromAnswer = "lease-from-answer";
    /// Another member's lease ends after exactly its length, whatever the clocks' rates.
    DriftBound = "drift-bound";
    /// Grants are taken whatever view they are of.
    GrantView = "grant-view";
    /// A grant that arrives after the report for its slot is taken all the same.
    LateGrant = "late-grant";
    /// A grant without an answer is given to another member after a time.
    PlaceAgain = "place-again";
    /// A slot that changed its owner and changed back is not reported.
    SkippedReport = "skipped-report";
    /// A move without an answer is given up without asking the slot owner.
    Unseal = "unseal";
    /// Replies of read-only turns do not wait for what they read to be durable.
    EarlyRead = "early-read";
    /// Calls of a turn leave before what it saw is durable.
    EarlyCall = "early-call";
    /// A new activation goes on with the epoch of events that was never stored.
    EpochReuse = "epoch-reuse";
    /// Readers of a feed see past the position up to which all are resolved.
    FeedStable = "feed-stable";
    /// A call that meets an activation that has moved is run as if it had not.
    Forwarding = "forwarding";
    /// Outcomes of calls with keys are not kept.
    Dedup = "dedup";
    /// A broken connection alone proves a death.
    FastPath = "fast-path";
    /// A node that suspends forgets its actors.
    DiscardOnSuspend = "discard-on-suspend";
    /// A slot opens without the reports of the living.
    OpenEarly = "open-early";
    /// Non-durable actors of a dead member start elsewhere before its lease has ended.
    OpenFragile = "open-fragile";
    /// A grant that was answered may be taken a second time.
    GrantTwice = "grant-twice";
    /// A successor loads before the incarnation of the dead is fenced.
    LoadUnfenced = "load-unfenced";
    /// A renewal counts although its row was changed by another.
    BeatUnchecked = "beat-unchecked";
    /// A process that is started again goes on as the incarnation that its node had.
    SameIncarnation = "same-incarnation";
    /// Events are told from memory after the lease, and by an activation that moves.
    OldEvents = "old-events";
    /// A node delivers the reminders alone that turns have set there.
    RemindOwn = "remind-own";
    /// The turn that handles a reminder does not remove it.
    RingAgain = "ring-again";
}

#[cfg(feature = "planted")]
static CHOSEN: AtomicU8 = AtomicU8::new(u8::MAX);

impl Planted {
    /// Leaves this mechanism out of everything that this process does from now on.
    #[cfg(feature = "planted")]
    pub fn plant(self) {
        CHOSEN.store(self as u8, Ordering::SeqCst);
    }

    /// Whether this mechanism is left out.
    #[cfg(feature = "planted")]
    #[must_use]
    #[inline]
    pub fn is_planted(self) -> bool {
        CHOSEN.load(Ordering::Relaxed) == self as u8
    }

    /// Whether this mechanism is left out: never, without the feature `planted`.
    #[cfg(not(feature = "planted"))]
    #[must_use]
    #[inline]
    pub const fn is_planted(self) -> bool {
        false
    }
}
