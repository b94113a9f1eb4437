use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tenure_types::{Incarnation, NUMBER_MAX, ViewNumber};
use xxhash_rust::xxh3::Xxh3Default;

use super::Peer;
use crate::view::{Member, MemberState, View};

/// The most members that are listed although they are gone; the oldest are forgotten first.
pub const GONE_LISTED_MAX: usize = 1_024;

/// The list of members as one node's gossip sees it, and its number.
pub(super) struct Roll {
    number: ViewNumber,
    /// The highest number that was heard of.
    heard: ViewNumber,
    members: BTreeMap<Incarnation, Member>,
    digest: u64,
}

impl Roll {
    /// Nobody yet. Its first view has the number of the run, as if it had joined with it: so numbers, and the rights
    /// that are given in them, grow over restarts of all members, as far as their incarnations did.
    pub(super) fn new(me: Incarnation) -> Self {
        let heard = ViewNumber(me.0.saturating_sub(1));
        Self { number: ViewNumber(0), heard, members: BTreeMap::new(), digest: 0 }
    }

    /// Whether the member is listed as gone.
    pub(super) fn is_gone(&self, incarnation: Incarnation) -> bool {
        self.members.get(&incarnation).is_some_and(|member| member.state.is_gone())
    }

    pub(super) fn member(&self, incarnation: Incarnation) -> Option<&Member> {
        self.members.get(&incarnation)
    }

    /// Those that are not gone, the oldest first.
    pub(super) fn living(&self) -> impl Iterator<Item = Incarnation> {
        let living = self.members.values().filter(|member| !member.state.is_gone());
        living.map(|member| member.incarnation)
    }

    pub(super) fn number(&self) -> ViewNumber {
        self.number
    }

    /// Names the list of the living: equal lists have equal digests.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// Takes the list of the living. Returns the new view if it is another list than before.
    pub(super) fn handle_living(&mut self, living: &[&Peer]) -> Option<Arc<View>> {
        let mut is_changed = false;
        let there: BTreeSet<_> = living.iter().map(|peer| peer.incarnation()).collect();
        for member in self.members.values_mut() {
            if !member.state.is_gone() && !there.contains(&member.incarnation) {
                member.state = match member.state {
                    MemberState::Leaving => MemberState::Left,
                    _ => MemberState::Down,
                };
                is_changed = true;
            }
        }
        for peer in living {
            // Whoever is gone stays gone: only a new incarnation comes back.
            self.members.entry(peer.incarnation()).or_insert_with(|| {
                is_changed = true;
                member_of(peer)
            });
        }
        is_changed.then(|| self.changed())
    }

    /// A member gives away what it has and takes nothing new. Returns the new view if that is news.
    pub(super) fn handle_leaving(&mut self, incarnation: Incarnation) -> Option<Arc<View>> {
        let member = self.members.get_mut(&incarnation)?;
        if member.state >= MemberState::Leaving {
            return None;
        }
        member.state = MemberState::Leaving;
        Some(self.changed())
    }

    /// The list under a new number: above all that it heard of, and not below any member's incarnation, so that
    /// whoever is above a view's number is not in it.
    fn changed(&mut self) -> Arc<View> {
        self.forget();
        self.digest = digest(self.members.values());
        let highest = self.living().max().map_or(0, |it| it.0);
        self.heard = ViewNumber((self.heard.0 + 1).max(highest).min(NUMBER_MAX));
        self.number = self.heard;
        self.view()
    }

    /// A peer's list has this number and digest. Returns the view if it is the same list under a higher
    /// number, which it takes.
    pub(super) fn handle_number(&mut self, number: ViewNumber, digest: u64) -> Option<Arc<View>> {
        self.heard = self.heard.max(number);
        if digest != self.digest || number <= self.number {
            return None;
        }
        self.number = number;
        Some(self.view())
    }

    /// Some member had a view with this number. Whether that is above its own.
    pub(super) fn hear(&mut self, number: ViewNumber) -> bool {
        self.heard = self.heard.max(number);
        self.heard > self.number
    }

    /// The same list above all numbers that it heard of, if any is above its own.
    pub(super) fn climb(&mut self) -> Option<Arc<View>> {
        (self.heard > self.number).then(|| self.changed())
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::new(View::new(self.number, self.members.values().cloned()))
    }

    fn forget(&mut self) {
        let gone = self.members.values().filter(|member| member.state.is_gone());
        let gone: Vec<_> = gone.map(|member| member.incarnation).collect();
        for incarnation in &gone[..gone.len().saturating_sub(GONE_LISTED_MAX)] {
            self.members.remove(incarnation);
        }
    }
}

fn member_of(peer: &Peer) -> Member {
    Member {
        incarnation: peer.incarnation(),
        node: peer.node().clone(),
        state: MemberState::Alive,
        presumed: false,
        weight: peer.weight(),
        address: Arc::clone(peer.address()),
    }
}

fn digest<'a>(members: impl Iterator<Item = &'a Member>) -> u64 {
    let mut hasher = Xxh3Default::new();
    for member in members.filter(|member| !member.state.is_gone()) {
        hasher.update(&member.incarnation.0.to_le_bytes());
        hasher.update(member.node.as_str().as_bytes());
        let is_leaving = member.state == MemberState::Leaving;
        hasher.update(&[0, member.weight, u8::from(is_leaving)]);
    }
    hasher.digest()
}
