//! Pools of members that run an actor without state side by side. Which members, follows from the actor's hash by
//! rendezvous hashing (Thaler and Ravishankar 1998, as in [`crate::ring`]): a join or a leave changes at most one of them.

use xxhash_rust::xxh3::xxh3_64;

use super::candidate::Candidate;
use super::random::scale;

/// The members of the pool.
pub(super) fn pool(actor_hash: u64, pool: u16, open: &[Candidate]) -> Vec<Candidate> {
    let mut scored: Vec<_> =
        open.iter().map(|member| (score(actor_hash, member), *member)).collect();
    scored.sort_unstable_by_key(|(score, member)| (std::cmp::Reverse(*score), member.incarnation));
    scored.truncate(usize::from(pool));
    scored.into_iter().map(|(_, member)| member).collect()
}

/// One of the pool, each as likely; `None` when nobody takes new activations.
pub(super) fn choose(
    actor_hash: u64,
    size: u16,
    open: &[Candidate],
    drawn: u64,
) -> Option<Candidate> {
    let pool = pool(actor_hash, size, open);
    pool.get(scale(drawn, pool.len() as u64) as usize).copied()
}

fn score(actor_hash: u64, member: &Candidate) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&actor_hash.to_le_bytes());
    bytes[8..].copy_from_slice(&member.incarnation.0.to_le_bytes());
    xxh3_64(&bytes)
}
