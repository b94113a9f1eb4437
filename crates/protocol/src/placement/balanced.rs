//! The less loaded of two: the power of two choices (Mitzenmacher, "The power of two choices in randomized load balancing", IEEE
//! TPDS 12(10), 2001). The fullest member is then ahead of the mean by about log log n instead of log n / log log n, and unlike
//! with "the least loaded of all" old news of loads does not send everybody to one member.

use super::candidate::{Candidate, Draw};
use super::random::choose as draw_one;

/// Of two different members, drawn by weight, the one with the lower load for its weight; `None` when there are none.
/// Equally loaded, the first one drawn.
pub(super) fn choose(open: &[Candidate], draw: Draw) -> Option<Candidate> {
    let first = draw_one(open, draw.first)?;
    let others: Vec<_> =
        open.iter().copied().filter(|member| member.incarnation != first.incarnation).collect();
    let Some(second) = draw_one(&others, draw.second) else { return Some(first) };
    // load / weight, compared without division.
    let relative =
        |one: Candidate, other: Candidate| u128::from(one.load) * u128::from(other.share());
    Some(if relative(second, first) < relative(first, second) { second } else { first })
}
