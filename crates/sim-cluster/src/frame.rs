//! What simulated processes send each other.

use tenure_cluster::{Body as Between, Lane};
use tenure_sim::net::{Class, Message};
use tenure_types::Incarnation;

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
    /// What nodes say to each other.
    Node(Between),
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
            Body::Node(body) => Class::Lane(match body.lane() {
                Lane::Control => 0,
                Lane::Call => 1,
                Lane::Bulk => 2,
            }),
            Body::FollowHere { .. } => Class::Lane(1),
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
            Body::Node(body) => between_bytes(body),
            Body::Follow(_) | Body::FollowHere { .. } | Body::Read(_) => 80,
            Body::Followed(_) | Body::WasRead(_) => 512,
            Body::Ask(_) | Body::Said(_) => 160,
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    fn name(&self) -> &'static str {
        match &self.body {
            Body::Node(body) => body.name(),
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

/// About how many bytes it takes on the wire.
fn between_bytes(body: &Between) -> usize {
    match body {
        Between::Directory(message) => message.wire_bytes(),
        Between::Hint(_) | Between::Presumed(_) | Between::NotHere { .. } => 40,
        Between::Handed { call: bytes, .. } | Between::Settled { answer: bytes, .. } => {
            40 + bytes.len()
        }
        Between::Following(_) | Between::Levelling(_) => 128,
        Between::Shipped { .. } => 1_024,
    }
}
