//! Scores, and each slot's highest one.
//!
//! Stable for ever, as the published vectors are (`tests/vectors/ring.txt`): the score of a node for a slot is the highest, over
//! `draw` in `0..weight`, of xxh3-64 of 16 bytes: xxh3-64 of the node's id, then `draw * 2^16 + slot`, both as 64-bit
//! little-endian numbers. Of equal scores that of the lower node id counts as higher.

use tenure_types::{Incarnation, NodeId, Slot};
use xxhash_rust::xxh3::xxh3_64;

use super::member::{RingMember, WEIGHT_MAX};

/// A member, ready to score.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scorer {
    pub(super) incarnation: Incarnation,
    pub(super) weight: u8,
    node: NodeId,
    hash: u64,
}

/// The highest score of a slot, and whose it is: a place in the list of members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Best {
    pub(super) score: u64,
    pub(super) member: u32,
}

impl Scorer {
    pub(super) fn new(member: RingMember) -> Self {
        Self {
            incarnation: member.incarnation,
            weight: member.weight.clamp(1, WEIGHT_MAX),
            hash: xxh3_64(member.node.as_str().as_bytes()),
            node: member.node,
        }
    }

    pub(super) fn score(&self, slot: Slot) -> u64 {
        let draw = |draw: u8| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&self.hash.to_le_bytes());
            let which = u64::from(draw) << 16 | slot.index() as u64;
            bytes[8..].copy_from_slice(&which.to_le_bytes());
            xxh3_64(&bytes)
        };
        (0..self.weight).map(draw).max().unwrap_or(0)
    }

    /// Whether this one scores as the other does.
    fn is_alike(&self, other: &Self) -> bool {
        self.node == other.node && self.weight == other.weight
    }
}

impl Best {
    /// Whether it is ahead of the other for the same slot: `member` is a place in a list sorted by node id.
    pub(super) fn is_ahead(self, other: Self) -> bool {
        (self.score, other.member) > (other.score, self.member)
    }
}

/// The highest scores among `members`, made from those (`best`) among `before`.
pub(super) fn after(before: &[Scorer], best: &[Best], members: &[Scorer]) -> Vec<Best> {
    let (places, stayed) = matched(before, members);
    let among = |slot: Slot, wanted: bool, from: Option<Best>| {
        let mut highest = from;
        for (member, scorer) in (0..).zip(members) {
            if stayed[member as usize] == wanted {
                let here = Best { score: scorer.score(slot), member };
                if highest.is_none_or(|highest| here.is_ahead(highest)) {
                    highest = Some(here);
                }
            }
        }
        highest
    };
    let stays = |old: &Best| places[old.member as usize].map(|member| Best { member, ..*old });
    Slot::all()
        .map(|slot| {
            let kept = best.get(slot.index()).and_then(stays).or_else(|| among(slot, true, None));
            among(slot, false, kept).expect("a caller of this has members")
        })
        .collect()
}

/// Where each of `before` stands now, and which of `members` were there. Both lists are sorted by node id.
fn matched(before: &[Scorer], members: &[Scorer]) -> (Vec<Option<u32>>, Vec<bool>) {
    let mut stayed = vec![false; members.len()];
    let places = before
        .iter()
        .map(|old| {
            let place = members.binary_search_by(|member| member.node.cmp(&old.node)).ok()?;
            stayed[place] = members[place].is_alike(old);
            stayed[place].then_some(place as u32)
        })
        .collect();
    (places, stayed)
}
