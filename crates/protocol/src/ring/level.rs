//! No member has more slots than its bound: the rest go on to their next best members.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tenure_types::Slot;

use super::score::{Best, Scorer};

/// The bound of each member: its fair share, plus three times that share's square root, plus one.
///
/// The sum of all bounds is above the number of slots, so there is always room.
fn bounds(members: &[Scorer]) -> Vec<usize> {
    let total: usize = members.iter().map(|member| usize::from(member.weight)).sum();
    let slots = |member: &Scorer| Slot::COUNT * usize::from(member.weight);
    members
        .iter()
        .map(|member| slots(member) / total + (9 * slots(member) / total).isqrt() + 1)
        .collect()
}

/// Who owns each slot, as places in `members`, given each slot's best member.
///
/// Deferred acceptance with the slots proposing. It ends: no slot proposes twice to one member. Its result
/// is the same in whatever order slots propose.
pub(super) fn level(members: &[Scorer], best: &[Best]) -> Vec<u32> {
    let bounds = bounds(members);
    let mut owned = vec![0; members.len()];
    for best in best {
        owned[best.member as usize] += 1;
    }
    let mut owners: Vec<u32> = best.iter().map(|best| best.member).collect();
    if owned.iter().zip(&bounds).all(|(owned, bound)| owned <= bound) {
        return owners;
    }
    // What a member has, the slot that it would let go first at the top: the lowest score, then the highest slot.
    let mut held: Vec<BinaryHeap<_>> = (0..members.len()).map(|_| BinaryHeap::new()).collect();
    let mut waiting: Vec<(Slot, Best)> = Slot::all().zip(best.iter().copied()).collect();
    while let Some((slot, to)) = waiting.pop() {
        let place = to.member as usize;
        owners[slot.index()] = to.member;
        held[place].push((Reverse(to.score), slot));
        if held[place].len() > bounds[place] {
            let (Reverse(score), slot) = held[place].pop().expect("one was just put there");
            let refused = Best { score, member: to.member };
            let next = next_best(members, slot, refused).expect("there is room for every slot");
            waiting.push((slot, next));
        }
    }
    owners
}

/// The member that comes next for the slot, after one that refused it.
fn next_best(members: &[Scorer], slot: Slot, refused: Best) -> Option<Best> {
    let behind = (0..).zip(members).filter_map(|(member, scorer)| {
        let here = Best { score: scorer.score(slot), member };
        refused.is_ahead(here).then_some(here)
    });
    behind.reduce(|highest, here| if here.is_ahead(highest) { here } else { highest })
}
