//! Any member, each as likely as its weight.

use super::candidate::Candidate;

/// One of them by its weight; `None` when there are none.
///
/// The drawn number is scaled by a multiplication (Lemire, "Fast random integer generation in an interval", 2019); its
/// bias is below the sum of weights in 2^64.
pub(super) fn choose(open: &[Candidate], drawn: u64) -> Option<Candidate> {
    let total: u64 = open.iter().map(Candidate::share).sum();
    let mut point = scale(drawn, total);
    open.iter().copied().find(|member| {
        let is_here = point < member.share();
        point = point.saturating_sub(member.share());
        is_here
    })
}

/// A number below `bound`, as likely as any other; 0 when `bound` is.
pub(super) fn scale(drawn: u64, bound: u64) -> u64 {
    ((u128::from(drawn) * u128::from(bound)) >> 64) as u64
}
