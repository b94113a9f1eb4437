//! What nodes say to each other.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use tenure_protocol::cluster::{Message, URGENT_SLOTS_MAX};
use tenure_protocol::migration::MoveId;
use tenure_runtime::Packed;
use tenure_types::{ActorId, Incarnation, Tenure, ViewNumber};

use crate::following::Following;
use crate::levelling::Levelling;

/// A report of more activations goes beside what moves, not beside grants and look-ups.
const REPORT_CONTROL_MAX: usize = 256;

/// One message between two nodes.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The run of the node that wrote it.
    pub from: Incarnation,
    /// The run it is for: another run at the same address leaves it.
    pub to: Incarnation,
    /// What it says.
    pub body: Body,
}

/// What a frame says.
#[derive(Clone, Debug)]
pub enum Body {
    /// Slots, directory entries, moves.
    Directory(Message),
    /// There is a view with this number.
    Hint(ViewNumber),
    /// A member resets its connections and refuses new ones, as the sender sees it.
    Presumed(Incarnation),
    /// A call for an actor that lives at the receiver.
    Handed {
        /// Counts the calls that the sender handed on.
        number: u64,
        /// The call, encoded (`tenure_actor::wire`). What its turn leaves goes back with [`Body::Settled`].
        call: Part,
    },
    /// A call was handed to the wrong node.
    NotHere {
        /// Which of the receiver's calls.
        number: u64,
        /// Where the actor may be.
        hint: Option<(Incarnation, Tenure)>,
    },
    /// The reply of a call that was handed on.
    Settled {
        /// Which of the receiver's calls.
        number: u64,
        /// What its turn left, encoded.
        answer: Part,
    },
    /// The memory of an actor that moves.
    Shipped {
        /// Which move.
        id: MoveId,
        /// Which actor.
        actor: ActorId,
        /// What it takes along.
        packed: Packed,
    },
    /// Of actors that are followed at another node.
    Following(Following),
    /// What members carry, and what moves so that they carry alike.
    Levelling(Levelling),
}

/// Bytes within a frame that somebody else writes and reads.
#[derive(Clone)]
pub enum Part {
    /// Made here.
    Made(Vec<u8>),
    /// Of what a lane brought, and not copied.
    Came(Bytes),
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Part::Made(bytes) => bytes,
            Part::Came(bytes) => bytes,
        }
    }
}

/// As its bytes, wherever they lie.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// What never waits behind each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// Slots, directory entries, hints.
    Control,
    /// Calls and their answers, and events for those who follow.
    Call,
    /// What moves, and what is known of loads.
    Bulk,
}

/// Whether this is a piece of a report for which nobody waits, by its slots or by its size.
fn is_large_report(message: &Message) -> bool {
    match message {
        Message::Relay { message, .. } => is_large_report(message),
        Message::Report { slots, .. } => {
            let entries = slots.iter().map(|slot| slot.entries.len()).sum::<usize>();
            slots.len() > URGENT_SLOTS_MAX || entries > REPORT_CONTROL_MAX
        }
        _ => false,
    }
}

impl Body {
    /// On which lane it goes.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Directory(message) if is_large_report(message) => Lane::Bulk,
            Self::Directory(_) | Self::Hint(_) | Self::Presumed(_) => Lane::Control,
            Self::Handed { .. } | Self::NotHere { .. } | Self::Settled { .. } => Lane::Call,
            Self::Following(_) => Lane::Call,
            Self::Shipped { .. } | Self::Levelling(_) => Lane::Bulk,
        }
    }

    /// What kind of message it is, for counters and traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Directory(message) => message.name(),
            Self::Hint(_) => "hint",
            Self::Presumed(_) => "presumed",
            Self::Handed { .. } => "handed",
            Self::NotHere { .. } => "not-here",
            Self::Settled { .. } => "settled",
            Self::Shipped { .. } => "shipped",
            Self::Following(following) => following.name(),
            Self::Levelling(levelling) => levelling.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tenure_protocol::slot::{Reported, ReportedAs, SlotReport};
    use tenure_types::{ActorTypeName, Key, Slot};

    use super::*;

    fn report(slots: usize, entries: usize) -> Message {
        let actor_type = ActorTypeName::new("cart").unwrap();
        let actor = ActorId { actor_type, key: Key::new("alice").unwrap() };
        let (tenure, as_what) = (Tenure { view: 2, sequence: 1 }, ReportedAs::Live);
        let entry = Reported { actor, tenure, durable: true, as_what };
        let entries = vec![entry; entries];
        let slot = SlotReport { slot: Slot::default(), number: 1, part: 0, parts: 1, entries };
        Message::Report { view: ViewNumber(2), slots: vec![slot; slots] }
    }

    #[test]
    fn large_reports_leave_the_lane_of_grants_alone() {
        let relayed = |message| Message::Relay {
            origin: Incarnation(1),
            to: Incarnation(2),
            message: Box::new(message),
        };
        for (message, lane) in [
            (report(URGENT_SLOTS_MAX, 1), Lane::Control),
            (report(URGENT_SLOTS_MAX + 1, 0), Lane::Bulk),
            (report(1, REPORT_CONTROL_MAX), Lane::Control),
            (report(2, REPORT_CONTROL_MAX), Lane::Bulk),
            (relayed(report(1, 1)), Lane::Control),
            (relayed(report(1, REPORT_CONTROL_MAX + 1)), Lane::Bulk),
            (Message::Behind { view: ViewNumber(2) }, Lane::Control),
        ] {
            assert_eq!(Body::Directory(message).lane(), lane);
        }
    }
}
