//! Split brain: which part of a cluster in `gossip` mode goes on after it fell apart (DESIGN section 7, rule 8).
//!
//! Each node decides for itself, by what it hears. [`Policy::StaticQuorum`] has a guarantee: of two disjoint parts
//! at most one stays. [`Policy::KeepMajority`] counts the last view that was stable for a while; parts that fell apart
//! while views differed may both stay, so it is likely to be right, not certain.
//!
//! The two strategies are those of Akka's split brain resolver (documentation of Akka Cluster, "Split Brain Resolver": static
//! quorum, keep majority); the sick accuser is the idea of Lifeguard's local health (Dadgar, Phillips and Currey, "Lifeguard:
//! local health awareness for more accurate failure detection", 2018).

mod majority;
mod picture;
mod sick;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use tenure_types::{Instant, NodeId};

use majority::Stable;
pub use picture::Picture;

/// What decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Go on with so many members and more. It must be above half of all nodes that there will ever be, or two
    /// parts may both go on; zero counts as one.
    StaticQuorum(u32),
    /// Go on with more than half of the members of the last view that was the same for so long; of two halves
    /// the one with the lowest node id.
    KeepMajority {
        /// How long a view must have been the same to be counted. It should be longer than a partition takes to be noticed.
        stable_for: Duration,
    },
}

/// What a node is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Go on.
    Stay,
    /// Drop every activation and join again as a new incarnation.
    Discard,
}

/// One node's judgement of whether its part goes on.
#[derive(Clone, Debug)]
pub struct SplitBrain {
    me: NodeId,
    policy: Policy,
    stable: Stable,
}

impl SplitBrain {
    /// The judgement of node `me`, which knows of no stable view yet.
    #[must_use]
    pub fn new(me: NodeId, policy: Policy) -> Self {
        Self { me, policy, stable: Stable::default() }
    }

    /// Takes what the node has of the others. To be told whenever that changes, and once a period of failure detection
    /// besides, so that time counts as stable.
    pub fn handle_picture(&mut self, picture: &Picture, now: Instant) {
        if let Policy::KeepMajority { stable_for } = self.policy {
            self.stable.see(picture, now, stable_for);
        }
    }

    /// What to do, once suspicions have had their time. Costs a walk over the members.
    ///
    /// While nobody is suspected everybody stays. A node that suspects more than half of all others and hears
    /// nobody discards, whatever the policy: it is itself what is sick. Under [`Policy::KeepMajority`] a node that never saw a stable
    /// view counts the members that it lists.
    #[must_use]
    pub fn decide(&self, picture: &Picture) -> Decision {
        let suspects_any = picture.suspected.iter().any(|node| *node != self.me);
        let reached = self.reached(picture);
        let stays = match self.policy {
            _ if sick::is_sick(&self.me, picture) => false,
            Policy::StaticQuorum(quorum) => reached.len() >= quorum.max(1) as usize,
            Policy::KeepMajority { .. } if !suspects_any && !self.stable.is_seen() => true,
            Policy::KeepMajority { .. } => self.stable.keeps(&reached, picture),
        };
        if stays { Decision::Stay } else { Decision::Discard }
    }

    /// Who is on this node's side: itself, and the members that it does not suspect.
    fn reached<'a>(&'a self, picture: &'a Picture) -> BTreeSet<&'a NodeId> {
        let others = picture.members.iter().filter(|node| !picture.suspected.contains(*node));
        others.chain([&self.me]).collect()
    }
}
