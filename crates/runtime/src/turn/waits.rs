//! Chains of calls that wait for each other (RUNTIME 3): found when the newest of them queues.
//!
//! Who waits for an actor is seen in its mailbox: each waiting call carries the chain of the turns
//! that wait for it. A call of `a` that queues at `b` waits for ever if `b` waits, over any number
//! of actors, for `a`. So the walk goes backwards from `a`, over all who wait for it.

use std::fmt::Write as _;
use std::sync::Arc;

use tenure_actor::Link;
use tenure_actor::host::CallHead;
use tenure_types::{ActorId, ActorTypeName, Key};

use crate::activation::Activation;
use crate::runtime::Runtime;

/// How many actors a walk looks at; a longer circle ends by its deadlines.
const ACTORS_MAX: usize = 64;
/// How many waiting calls of one actor a walk looks at.
const CALLS_MAX: usize = 256;

/// An actor that waits, and for whom.
struct Waiting {
    actor: ActorId,
    /// The place of the actor that it waits for, in the list of those that were found.
    waits_for: usize,
}

impl Runtime {
    /// The circle that a call closes which was just queued at `at`: `a > b > .. > a`, `a` being the
    /// actor that calls.
    pub(crate) fn find_circle(&self, at: &Activation, head: &CallHead) -> Option<Box<str>> {
        let chain = head.chain.as_ref().filter(|_| !head.one_way)?;
        let goal = at.id();
        let mut found: Vec<Waiting> = Vec::new();
        // The callers of the caller wait for it too.
        add_chain(&mut found, chain, usize::MAX);
        let mut next = 0;
        while next < found.len().min(ACTORS_MAX) {
            let actor = found[next].actor.clone();
            for chain in self.chains_at(&actor) {
                add_chain(&mut found, &chain, next);
                if let Some(place) = found.iter().position(|it| it.actor == goal) {
                    return Some(path(&found, place, &goal));
                }
            }
            next += 1;
        }
        None
    }

    /// The chains that wait in the mailbox of an actor.
    fn chains_at(&self, actor: &ActorId) -> Vec<Arc<Link>> {
        let name = actor.actor_type;
        let kind = self.kinds.iter().flatten().find(|kind| kind.actor_type.name == name);
        let Some(activation) = kind.and_then(|it| self.catalog.find(&it.target(&actor.key))) else {
            return Vec::new();
        };
        activation.with_cold(|cold| cold.mailbox.chains(CALLS_MAX))
    }
}

/// Adds the actors of a chain: its last waits for the actor in place `waits_for`, each other for
/// the one after it.
fn add_chain(found: &mut Vec<Waiting>, chain: &Link, waits_for: usize) {
    let mut waits_for = waits_for;
    for (actor_type, key) in chain.actors() {
        waits_for = match place_of(found, actor_type, key) {
            Some(place) => place,
            None => {
                let actor = ActorId { actor_type, key: key.clone() };
                found.push(Waiting { actor, waits_for });
                found.len() - 1
            }
        };
    }
}

fn place_of(found: &[Waiting], actor_type: ActorTypeName, key: &Key) -> Option<usize> {
    found.iter().position(|it| it.actor.actor_type == actor_type && it.actor.key == *key)
}

fn path(found: &[Waiting], from: usize, goal: &ActorId) -> Box<str> {
    let mut links = vec![from];
    // The last link of the walk is the calling actor, which waits for the goal.
    while let Some(last) = links.last().map(|&place| found[place].waits_for)
        && last < found.len()
        && links.len() <= found.len()
    {
        links.push(last);
    }
    let caller = links.last().map_or(from, |&place| place);
    let mut path = found[caller].actor.to_string();
    for &place in &links[..links.len() - 1] {
        let _ = write!(path, " > {}", found[place].actor);
    }
    if links.len() == 1 {
        let _ = write!(path, " > {goal}");
    }
    let _ = write!(path, " > {}", found[caller].actor);
    path.into()
}
