//! The actors that clients play with: one type of each mode. Each holds a number and the effects that made
//! it, and every reply says under which right and at which version its turn ran.

mod board;
mod chronicle;
mod later;
mod ledger;
mod memory;
mod purse;
mod role;
mod seen;

use tenure_actor::ActorType;
use tenure_sim::judge::Release;
use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use crate::stage;

pub use self::board::*;
pub use self::chronicle::*;
pub use self::later::{Entry, FEED, Later, Rung, Told, appended, entries, true_time};
pub use self::ledger::*;
pub use self::purse::*;
pub use self::role::{Role, Who};
pub use self::seen::Seen;

/// What nodes run.
#[must_use]
pub fn types() -> Vec<ActorType> {
    let types = [
        ActorType::of::<Ledger>(),
        ActorType::of::<Chronicle>(),
        ActorType::of::<Purse>(),
        ActorType::of::<Board>(),
    ];
    types.into_iter().map(|it| it.expect("the types have good names")).collect()
}

/// Tells the jury that a node let a reply of an activation go.
pub(crate) fn released(actor: &ActorId, node: Incarnation, tenure: Tenure, at: Instant) {
    let role = Role::ALL.iter().find(|role| role.name() == actor.actor_type.as_str());
    let Some(role) = role else { return };
    stage::tell(|jury, _| {
        let actor = jury.cast.number(actor, role.mode());
        jury.releases.released(Release { actor, node, tenure, at });
    });
}
