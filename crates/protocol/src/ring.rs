//! The ring: which member owns which slot (DESIGN section 7, rule 3).
//!
//! Weighted rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
//! IEEE/ACM Transactions on Networking 6(1), 1998): every node has a score for every slot, and the highest
//! one has the slot. A node of weight `w` draws `w` scores a slot and keeps the highest, so its chance is
//! exactly `w` of the sum of all weights, with integers alone.
//!
//! Chance alone leaves about one cluster in ten of 100 equal nodes with a node beyond 1.25 of the mean (of ten families of
//! names that the tests measure, `web.0` to `web.99`: 1.263).
//! So every node has a bound, its fair share plus three times that share's square root, and a slot whose
//! best node is full goes to the next best that is not: the slots and nodes are matched by deferred
//! acceptance (Gale and Shapley, "College admissions and the stability of marriage", 1962), a node keeping
//! the slots for which it scores highest. The result follows from the members alone, never from the order in
//! which they came. A cap on load is the idea of Mirrokni, Thorup and Zadimoghaddam ("Consistent hashing
//! with bounded loads", 2018); three deviations instead of a fixed factor keep it rare, so that a join or a
//! leave moves next to nothing between members that were there before and after (at most 9 slots in 990
//! joins that were measured).
//!
//! Scores follow from the node's id, not from its incarnation: a node that restarts has its slots again.

mod level;
mod member;
mod score;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tenure_types::{Incarnation, NodeId, Slot};

use crate::view::{MemberState, View};
use score::{Best, Scorer};

pub use member::{RingMember, WEIGHT_MAX};

/// Which member owns each of the slots.
///
/// Two rings of the same members are equal, whatever their past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ring {
    /// By node id, each once: a place in this list names a member below.
    members: Vec<Scorer>,
    /// Each slot's highest score; empty without members.
    best: Vec<Best>,
    /// Each slot's owner, once the bounds were kept; empty without members.
    owners: Vec<u32>,
}

impl Ring {
    /// The ring of these members, in whatever order they come.
    ///
    /// Costs one score for each slot and unit of weight: 16.4 million for 1,000 members of weight 1.
    /// [`Ring::after`] is cheaper where a ring of nearly the same members is there.
    #[must_use]
    pub fn of(members: impl IntoIterator<Item = RingMember>) -> Self {
        Self { members: Vec::new(), best: Vec::new(), owners: Vec::new() }.after(members)
    }

    /// The ring of the view's `Alive` members.
    #[must_use]
    pub fn of_view(view: &View) -> Self {
        Self::of(Self::members_of(view))
    }

    /// What the ring takes from a view: its `Alive` members.
    pub fn members_of(view: &View) -> impl Iterator<Item = RingMember> {
        view.in_state(MemberState::Alive).map(|member| RingMember {
            incarnation: member.incarnation,
            node: member.node.clone(),
            weight: member.weight,
        })
    }

    /// The ring of these members, made from this one: equal to [`Ring::of`] of them.
    ///
    /// A join costs the joiner's scores of every slot, a leave the scores of all others for the leaver's slots,
    /// a restart or a renewed incarnation none. A changed weight costs a leave and a join.
    #[must_use]
    pub fn after(&self, members: impl IntoIterator<Item = RingMember>) -> Self {
        let members = sorted(members);
        if members.is_empty() {
            return Self { members, best: Vec::new(), owners: Vec::new() };
        }
        let best = score::after(&self.members, &self.best, &members);
        let owners = level::level(&members, &best);
        Self { members, best, owners }
    }

    /// The slot's owner; `None` when the ring has no members.
    #[must_use]
    #[inline]
    pub fn owner(&self, slot: Slot) -> Option<Incarnation> {
        let owner = *self.owners.get(slot.index())?;
        Some(self.members[owner as usize].incarnation)
    }

    /// The slots of this member, ascending; none for one that the ring does not know.
    pub fn owned(&self, incarnation: Incarnation) -> impl Iterator<Item = Slot> {
        let place = self.members.iter().position(|member| member.incarnation == incarnation);
        Slot::all()
            .zip(&self.owners)
            .filter(move |(_, owner)| Some(**owner as usize) == place)
            .map(|(slot, _)| slot)
    }

    /// How many slots each member owns, by node id; members without any are listed too.
    #[must_use]
    pub fn slots_of(&self) -> Vec<(Incarnation, usize)> {
        let mut counts: Vec<_> =
            self.members.iter().map(|member| (member.incarnation, 0)).collect();
        for owner in &self.owners {
            counts[*owner as usize].1 += 1;
        }
        counts
    }

    /// The slots whose owner is another incarnation than in `before`, ascending.
    pub fn changed_since<'a>(&'a self, before: &'a Ring) -> impl Iterator<Item = Slot> + 'a {
        Slot::all().filter(|slot| self.owner(*slot) != before.owner(*slot))
    }

    /// How many members it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no members, and so no slot an owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Each node once, with its highest incarnation, by node id.
fn sorted(members: impl IntoIterator<Item = RingMember>) -> Vec<Scorer> {
    let mut by_node = BTreeMap::<NodeId, RingMember>::new();
    for member in members {
        match by_node.get(&member.node) {
            Some(other) if other.incarnation >= member.incarnation => {}
            _ => {
                by_node.insert(member.node.clone(), member);
            }
        }
    }
    by_node.into_values().map(Scorer::new).collect()
}
