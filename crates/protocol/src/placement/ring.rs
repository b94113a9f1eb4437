//! The slot owner runs the actor itself, so it needs no directory entry.

use tenure_types::Incarnation;

use super::candidate::Candidate;

/// The owner, unless it is leaving.
pub(super) fn choose(owner: Incarnation, candidates: &[Candidate]) -> Option<Candidate> {
    candidates.iter().copied().find(|member| member.incarnation == owner && !member.is_leaving)
}
