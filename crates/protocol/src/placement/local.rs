//! The actor runs where the first call for it came from: its later callers often are there too.

use tenure_types::Incarnation;

use super::candidate::Candidate;

/// The caller's member, if it takes new activations.
pub(super) fn choose(caller: Incarnation, open: &[Candidate]) -> Option<Candidate> {
    open.iter().copied().find(|member| member.incarnation == caller)
}
