//! What people are shown of a node's place in its cluster.

use tenure_observe::{ClusterStatus, MemberStatus};
use tenure_types::Instant;

use crate::driver::Driver;
use crate::world::World;

impl<W: World> Driver<W> {
    /// What this node knows of its cluster now. Members' addresses are those of their rows.
    ///
    /// Cost: a look at each member and at each slot that it keeps, and at the calls that look for their actors.
    #[must_use]
    pub fn status(&self) -> ClusterStatus {
        let now = self.clock.now();
        let core = self.core.lock();
        let view = core.membership.view().clone();
        let me = core.incarnation();
        let mut status = ClusterStatus {
            view: view.number.0,
            incarnation: me.map(|me| me.0),
            state: me.and_then(|me| view.state(me)).map(|state| state.to_string()),
            leaving: core.is_leaving,
            cordoned: core.is_cordoned,
            lease_seconds: lease_seconds(core.membership.lease_until(), now),
            ..ClusterStatus::default()
        };
        if let Some(life) = &core.life {
            let sizes = life.cluster.sizes();
            status.slots = sizes.slots;
            status.slots_closed = sizes.closed;
            status.directory_entries = sizes.entries;
            status.locations = sizes.locations;
            status.moves_out = sizes.moves_out;
            status.moves_in = sizes.moves_in;
            let seeking = life.seeking.values().map(Vec::len).sum::<usize>();
            let (away, unsent) = life.way.counts();
            status.calls_seeking = seeking + unsent;
            status.calls_away = away;
        }
        drop(core);
        let slots = self.world.rings().slots_of(&view);
        let members = view.members().map(|member| MemberStatus {
            node: member.node.to_string(),
            incarnation: member.incarnation.0,
            state: member.state.to_string(),
            address: member.address.to_string(),
            weight: member.weight,
            slots: slots.get(&member.incarnation).copied().unwrap_or(0),
        });
        status.members = members.collect();
        status
    }
}

/// For how long the lease runs; `None` where it never ends.
fn lease_seconds(until: Instant, now: Instant) -> Option<f64> {
    (until < Instant::NEVER).then(|| until.saturating_since(now).as_secs_f64())
}
