use std::sync::Arc;

use tenure_types::{Incarnation, NodeId, ViewNumber};

use super::MemberState;

/// One transaction on the member table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableRequest {
    /// The highest view number its sender ever saw. A table that is behind it was restored from an older
    /// copy and refuses everything.
    pub seen: ViewNumber,
    /// What to do.
    pub action: TableAction,
}

/// Names one wish to join for ever: drawn at random, so that a join of unknown outcome may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct JoinToken(pub u128);

/// What a request does with the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TableAction {
    /// Read: the view if it is newer than `known`, and how the watched rows stand. Small at rest: a number
    /// and a few beats.
    Poll {
        /// The number of the view that the reader has.
        known: ViewNumber,
        /// Rows to read besides, at most [`WATCH_MAX`](super::WATCH_MAX); more are left out of the answer.
        watch: Vec<Incarnation>,
    },
    /// Renew one's own lease: `beat` becomes `beat + 1`, if the row is living and stands at `beat`. No
    /// new view.
    Beat {
        /// One's own row.
        incarnation: Incarnation,
        /// The beat it stands at.
        beat: u64,
    },
    /// Add a row, `Joining`, with the number of the view it makes as its incarnation. A living row of the
    /// same node is condemned in the same view: two processes never run as one node. Done once a token.
    /// `former` is down from then on: its own process says that nothing of it is left, which is as good as
    /// the end of its lease.
    Join {
        /// The node that this is a run of.
        node: NodeId,
        /// Its share of the slots, from 1.
        weight: u8,
        /// Where its peers reach it.
        address: Arc<str>,
        /// What this process was before, if it was discarded. Of another node it says nothing.
        former: Option<Incarnation>,
        /// Names this wish.
        token: JoinToken,
    },
    /// Move one's own row forward: `Joining` to `Alive` or `Leaving`, `Alive` to `Leaving`, `Leaving` to
    /// `Left`. A row that is there already is left as it is and the answer is the same.
    Advance {
        /// One's own row.
        incarnation: Incarnation,
        /// Where to.
        to: MemberState,
    },
    /// Refuse a living member's renewals from now on.
    Condemn {
        /// Whose.
        incarnation: Incarnation,
        /// Only if it stands at this beat.
        beat: Option<u64>,
        /// Why. A presumed death lets durable actors start elsewhere before the lease has run out.
        reason: Reason,
    },
    /// End the lease of a living or condemned member that stands at exactly this beat. Its sender saw this
    /// beat for 1.03 L + 50 ms.
    Down {
        /// Whose.
        incarnation: Incarnation,
        /// The beat that was observed.
        beat: u64,
    },
    /// End the lease of a member of which nothing is left: it has discarded everything and says so itself, or
    /// its sentinel has proven its death.
    DownProven {
        /// Whose.
        incarnation: Incarnation,
    },
    /// Drop rows that are gone **and fenced in the state store**, which the sender has seen to. At most
    /// [`FORGET_MAX`](super::FORGET_MAX); more are left. Rows that are not gone stay.
    Forget {
        /// Which ones.
        incarnations: Vec<Incarnation>,
    },
}

/// Why a member was condemned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// Enough members saw its connections reset and refused.
    PresumedDead,
    /// It beats, and its report to a slot owner is missing.
    MissingReport,
}
