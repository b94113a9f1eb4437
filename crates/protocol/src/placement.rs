//! Placement: which member hosts a new activation (DESIGN section 7, rule 4). A file for each strategy.
//!
//! The slot owner asks; what it knows of the members comes in as [`Candidate`]s, what it draws as numbers. So a
//! choice follows from its arguments alone.

mod balanced;
mod candidate;
mod local;
mod random;
mod ring;
mod stateless;
#[cfg(test)]
mod tests;

use std::fmt;

use tenure_types::Incarnation;

pub use candidate::{Candidate, Draw};

/// The most members of a [`Strategy::Stateless`] pool.
pub const POOL_MAX: u16 = 1_024;

/// How a type's activations are spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Strategy {
    /// The slot owner runs it itself.
    Ring,
    /// Any member that takes new activations, each as likely as its weight.
    Random,
    /// The member that the first caller or socket is at.
    Local,
    /// The less loaded of two that were drawn.
    #[default]
    Balanced,
    /// A pool of so many members in which each call goes to any: outside the promises P1 to P3. Zero counts as
    /// one, more than [`POOL_MAX`] as that many.
    Stateless(u16),
}

/// What is to be placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its type's strategy.
    pub strategy: Strategy,
    /// The actor's [`actor_hash`](tenure_types::actor_hash): a stateless pool is made by it.
    pub actor_hash: u64,
    /// The member that the call came from.
    pub caller: Incarnation,
    /// The owner of the actor's slot.
    pub owner: Incarnation,
    /// Whether a drain asks: then members that are new in the roll go before all others.
    pub is_drain: bool,
}

/// Why an activation cannot be placed. Nothing was changed; ask again when the view or a cordon has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// No member is known at all.
    #[error("no member of the cluster can host actors; start a node or look at why none is Alive")]
    NoMembers,
    /// Every member is leaving or cordoned.
    #[error("every member is {why}; uncordon one or start another")]
    NoneTakes {
        /// What keeps them.
        why: Closed,
    },
}

/// What keeps members from taking new activations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// All are leaving.
    Leaving,
    /// All that are not leaving are cordoned.
    Cordoned,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaving => "leaving",
            Self::Cordoned => "leaving or cordoned",
        })
    }
}

/// The member that is to host the activation.
///
/// `candidates` are the `Alive` and `Leaving` members in an order that all strategies keep to (by incarnation). With
/// [`Strategy::Ring`] the owner hosts although it is cordoned (the ring moved its slots already if it left),
/// but not when it is leaving or no candidate: then, as with [`Strategy::Local`] and a caller that takes
/// nothing new, the choice is [`Strategy::Balanced`]'s.
///
/// # Errors
/// [`PlacementError`] when nobody takes new activations.
pub fn place(
    request: &Request,
    candidates: &[Candidate],
    draw: Draw,
) -> Result<Incarnation, PlacementError> {
    let open = open(request, candidates);
    let chosen = match request.strategy {
        Strategy::Ring => ring::choose(request.owner, candidates),
        Strategy::Random => random::choose(&open, draw.first),
        Strategy::Local => local::choose(request.caller, &open),
        Strategy::Balanced => None,
        Strategy::Stateless(pool) => {
            stateless::choose(request.actor_hash, pool.clamp(1, POOL_MAX), &open, draw.first)
        }
    };
    chosen
        .or_else(|| balanced::choose(&open, draw))
        .map(|chosen| chosen.incarnation)
        .ok_or_else(|| why_none(candidates))
}

/// The members of a stateless actor's pool, the first as good as the last; fewer than `pool` when fewer take new
/// activations. A join or a leave changes at most one of them.
#[must_use]
pub fn pool_of(actor_hash: u64, pool: u16, candidates: &[Candidate]) -> Vec<Incarnation> {
    let open: Vec<_> = candidates.iter().copied().filter(Candidate::takes_new).collect();
    let pool = stateless::pool(actor_hash, pool.clamp(1, POOL_MAX), &open);
    pool.into_iter().map(|member| member.incarnation).collect()
}

/// Who takes new activations: for a drain those that are new in the roll, if there are any.
fn open(request: &Request, candidates: &[Candidate]) -> Vec<Candidate> {
    let mut open: Vec<_> = candidates.iter().copied().filter(Candidate::takes_new).collect();
    if request.is_drain && open.iter().any(|member| member.is_new_in_roll) {
        open.retain(|member| member.is_new_in_roll);
    }
    open
}

fn why_none(candidates: &[Candidate]) -> PlacementError {
    if candidates.is_empty() {
        PlacementError::NoMembers
    } else if candidates.iter().all(|member| member.is_leaving) {
        PlacementError::NoneTakes { why: Closed::Leaving }
    } else {
        PlacementError::NoneTakes { why: Closed::Cordoned }
    }
}
