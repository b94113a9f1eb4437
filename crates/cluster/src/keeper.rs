use std::sync::Arc;

use tenure_protocol::view::Member;
use tenure_types::{ActorId, ViewNumber};

use crate::driver::Driver;
use crate::world::World;

/// Who keeps a part of the hash space, as one node knows it.
#[derive(Clone, Debug)]
pub enum Keeper {
    /// This node, and nobody else at this moment: since this view.
    Here(ViewNumber),
    /// Another member, by the newest view that this node knows.
    At(Member),
    /// Nobody whom this node knows: it is changing hands, or the node's lease has run out.
    Unknown,
}

impl<W: World> Driver<W> {
    /// Who keeps the part of the hash space in which an actor of this name lies, whether or not there is one.
    pub fn keeper_of(&self, actor: &ActorId) -> Keeper {
        let mut core = self.core.lock();
        let Some(life) = &mut core.life else { return Keeper::Unknown };
        let since = life.cluster.kept_since(actor);
        let owner = life.cluster.owner_of(actor).filter(|it| *it != life.incarnation);
        // After everything else: a lease that has ended by now ends the answer.
        if self.clock.now() >= core.membership.lease_until() {
            return Keeper::Unknown;
        }
        if let Some(since) = since {
            return Keeper::Here(since);
        }
        let view = Arc::clone(core.membership.view());
        owner.and_then(|it| view.member(it).cloned()).map_or(Keeper::Unknown, Keeper::At)
    }
}
