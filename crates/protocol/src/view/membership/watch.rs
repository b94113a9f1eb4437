use std::collections::BTreeSet;

use tenure_types::Incarnation;

use crate::view::{MemberState, View};

/// How many members that renew in time each member watches.
pub const SUCCESSORS: usize = 3;

/// The most members that are watched because of a hint. Further hints only make it read the table now.
pub const HINTED_MAX: usize = 16;

/// Whom to look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Those that are not gone, in the order of the ring.
    ring: Vec<(u64, Incarnation, MemberState)>,
    /// Watched until they are seen to renew, or gone.
    pub(super) hinted: BTreeSet<Incarnation>,
}

/// Where a member stands in the ring: Fibonacci hashing (Knuth 1973, section 6.4), which puts
/// consecutive incarnations far apart.
fn position(incarnation: Incarnation) -> u64 {
    incarnation.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Watch {
    pub(super) fn handle_view(&mut self, view: &View) {
        let members = view.members().filter(|member| !member.state.is_gone());
        self.ring = members
            .map(|member| (position(member.incarnation), member.incarnation, member.state))
            .collect();
        self.ring.sort_unstable();
        let is_listed = |it: &Incarnation| view.state(*it).is_some_and(|state| !state.is_gone());
        self.hinted.retain(is_listed);
    }

    pub(super) fn unhint(&mut self, incarnation: Incarnation) {
        self.hinted.remove(&incarnation);
    }

    /// Those after `place`, once around, without the one that stands there.
    pub(super) fn after(
        &self,
        place: Incarnation,
    ) -> impl DoubleEndedIterator<Item = (Incarnation, MemberState)> {
        let at = (position(place), place);
        let start = self.ring.partition_point(|(position, it, _)| (*position, *it) <= at);
        let (before, after) = self.ring.split_at(start);
        let around = after.iter().chain(before).filter(move |(_, it, _)| *it != place);
        around.map(|(_, it, state)| (*it, *state))
    }

    /// Whether `me` is one of the living that stand just before `incarnation`, so that it fences and forgets it.
    pub(super) fn is_keeper(&self, me: Incarnation, incarnation: Incarnation) -> bool {
        let before = self.after(incarnation).rev();
        let mut living = before.filter(|(_, state)| state.is_living()).take(SUCCESSORS);
        living.any(|(it, _)| it == me)
    }
}
