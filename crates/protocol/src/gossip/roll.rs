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
    pub(super) fn new() -> Self {
        let (number, heard) = (ViewNumber(0), ViewNumber(0));
        Self { number, heard, members: BTreeMap::new(), digest: 0 }
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
                member.state = MemberState::Down;
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
        if !is_changed {
            return None;
        }
        self.forget();
        self.digest = digest(self.members.values());
        self.heard = ViewNumber((self.heard.0 + 1).min(NUMBER_MAX));
        self.number = self.heard;
        Some(self.view())
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

    fn view(&self) -> Arc<View> {
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
        hasher.update(&[0, member.weight]);
    }
    hasher.digest()
}
