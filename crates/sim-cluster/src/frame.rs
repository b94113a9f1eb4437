//! What simulated processes send each other.

use tenure_protocol::cluster::Message as Directory;
use tenure_protocol::migration::MoveId;
use tenure_runtime::Packed;
use tenure_sim::net::{Class, Message};
use tenure_types::{ActorId, Incarnation, Tenure, ViewNumber};

use crate::follow::{Follow, Followed, Read, WasRead};
use crate::ops::{Ask, Said};

/// One message between two processes.
#[derive(Clone)]
pub struct Frame {
    /// The run of the node that wrote it; zero for clients.
    pub from: Incarnation,
    /// The run it is for; zero for whoever listens there.
    pub to: Incarnation,
    /// What it says.
    pub body: Body,
}

/// What a frame says.
#[derive(Clone)]
pub enum Body {
    /// Slots, directory entries, moves.
    Directory(Directory),
    /// There is a view with this number.
    Hint(ViewNumber),
    /// A member resets its connections and refuses new ones, as the sender sees it.
    Presumed(Incarnation),
    /// A call for an actor that lives at the receiver.
    Handed {
        /// Counts the calls that the sender handed on.
        number: u64,
        /// The call, encoded. What its turn leaves goes back with [`Body::Settled`].
        call: Vec<u8>,
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
        answer: Vec<u8>,
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
    /// A client asks a node.
    Ask(Ask),
    /// A node answers a client.
    Said(Said),
    /// A subscriber asks a node.
    Follow(Follow),
    /// A node lets the one where the actor lives tell a subscriber.
    FollowHere {
        /// Where the subscriber is.
        place: u32,
        /// What it asks.
        follow: Follow,
        /// The epoch and the offset behind which it is told.
        from: (u64, u64),
    },
    /// A node tells a subscriber.
    Followed(Followed),
    /// A reader asks a node.
    Read(Read),
    /// A node answers a reader.
    WasRead(WasRead),
}

impl Message for Frame {
    fn class(&self) -> Class {
        match &self.body {
            Body::Directory(_) | Body::Hint(_) | Body::Presumed(_) => Class::Lane(0),
            Body::Handed { .. }
            | Body::NotHere { .. }
            | Body::Settled { .. }
            | Body::FollowHere { .. } => Class::Lane(1),
            Body::Shipped { .. } => Class::Lane(2),
            Body::Ask(_)
            | Body::Said(_)
            | Body::Follow(_)
            | Body::Followed(_)
            | Body::Read(_)
            | Body::WasRead(_) => Class::Lane(3),
        }
    }

    fn bytes(&self) -> u32 {
        let bytes = match &self.body {
            Body::Directory(message) => message.wire_bytes(),
            Body::Hint(_) | Body::Presumed(_) | Body::NotHere { .. } => 40,
            Body::Follow(_) | Body::FollowHere { .. } | Body::Read(_) => 80,
            Body::Followed(_) | Body::WasRead(_) => 512,
            Body::Handed { call: bytes, .. } | Body::Settled { answer: bytes, .. } => {
                40 + bytes.len()
            }
            Body::Ask(_) | Body::Said(_) => 160,
            Body::Shipped { .. } => 1_024,
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    fn name(&self) -> &'static str {
        match &self.body {
            Body::Directory(message) => message.name(),
            Body::Hint(_) => "hint",
            Body::Presumed(_) => "presumed",
            Body::Handed { .. } => "handed",
            Body::NotHere { .. } => "not-here",
            Body::Settled { .. } => "settled",
            Body::Shipped { .. } => "shipped",
            Body::Ask(_) => "ask",
            Body::Said(_) => "said",
            Body::Follow(_) => "follow",
            Body::FollowHere { .. } => "follow-here",
            Body::Followed(_) => "followed",
            Body::Read(_) => "read",
            Body::WasRead(_) => "was-read",
        }
    }
}
