use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{ActorId, FeedName};

use super::disk::MemoryDisk;
use super::plans::{LoadFault, Plans, UnitFault};
use crate::RowKey;

/// Makes a disk misbehave. Every setting holds until it is changed; [`Faults::clear`] ends all.
#[derive(Clone)]
pub struct Faults {
    disk: MemoryDisk,
}

impl MemoryDisk {
    /// What goes wrong on purpose.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults { disk: self.clone() }
    }
}

impl Faults {
    /// One unit, the next that has no fault from an earlier call, goes wrong.
    pub fn next_unit(&self, fault: UnitFault) {
        self.disk.plan(|plans| plans.units.next.push_back(fault));
    }

    /// Every unit of `actor` goes wrong from now on; `None` ends it.
    pub fn units_of(&self, actor: &ActorId, fault: Option<UnitFault>) {
        self.disk.plan(|plans| set(&mut plans.units.actors, actor, fault));
    }

    /// Every unit goes wrong from now on; `None` ends it.
    pub fn all_units(&self, fault: Option<UnitFault>) {
        self.disk.plan(|plans| plans.units.all = fault);
    }

    /// One load, the next that has no fault from an earlier call, goes wrong.
    pub fn next_load(&self, fault: LoadFault) {
        self.disk.plan(|plans| plans.loads.next.push_back(fault));
    }

    /// Every load of `actor` goes wrong from now on; `None` ends it.
    pub fn loads_of(&self, actor: &ActorId, fault: Option<LoadFault>) {
        self.disk.plan(|plans| set(&mut plans.loads.actors, actor, fault));
    }

    /// Every load goes wrong from now on; `None` ends it.
    pub fn all_loads(&self, fault: Option<LoadFault>) {
        self.disk.plan(|plans| plans.loads.all = fault);
    }

    /// Every batch takes this long before it is stored; `None` ends it.
    pub fn delay_batches(&self, delay: Option<Duration>) {
        self.disk.plan(|plans| plans.batch_delay = delay);
    }

    /// The next batch fails as a disk does: every unit of it, and all later ones, are answered
    /// `Fenced`, and loads `Unavailable`, until an engine opens the disk again. `stored` says
    /// whether that batch is found then.
    pub fn fail_next_batch(&self, stored: bool) {
        self.disk.plan(|plans| plans.failing_batch = Some(stored));
    }

    /// From now until an engine opens the disk again every unit is answered `Fenced` and loads
    /// `Unavailable`.
    pub fn fail(&self, reason: &str) {
        self.disk.fail(reason);
    }

    /// Every call of `open` takes this long before it opens the disk; `None` ends it.
    pub fn delay_opens(&self, delay: Option<Duration>) {
        self.disk.plan(|plans| plans.open_delay = delay);
    }

    /// The next `opens` calls of `open` fail.
    pub fn fail_opens(&self, opens: u64) {
        self.disk.plan(|plans| plans.failing_opens = opens);
    }

    /// Flips one bit of the head of `actor`, at byte `at` modulo its length. Returns whether
    /// there is a row.
    pub fn damage(&self, actor: &ActorId, at: usize) -> bool {
        self.disk.damage(actor, None, at)
    }

    /// Flips one bit of the row of `actor` that `key` names, at byte `at` modulo its length.
    /// Returns whether there is a row.
    pub fn damage_row(&self, actor: &ActorId, key: &RowKey, at: usize) -> bool {
        self.disk.damage(actor, Some(key), at)
    }

    /// Flips one bit of the oldest entry of `feed`. Returns whether there is one.
    pub fn damage_feed(&self, feed: &FeedName) -> bool {
        self.disk.damage_feed(feed)
    }

    /// Ends every fault but a failure that waits for `open`, and damage.
    pub fn clear(&self) {
        self.disk.plan(|plans| *plans = Plans::default());
    }
}

fn set<F>(actors: &mut BTreeMap<ActorId, F>, actor: &ActorId, fault: Option<F>) {
    match fault {
        Some(fault) => actors.insert(actor.clone(), fault),
        None => actors.remove(actor),
    };
}
