use std::collections::BTreeMap;

use tenure_types::{ActorId, Slot, Tenure};

use crate::slot::ReportedAs;
use crate::slot::slot_of;

/// The activations of this node, by slot.
#[derive(Debug, Default)]
pub(super) struct Hosting {
    slots: BTreeMap<Slot, BTreeMap<ActorId, Hosted>>,
    len: usize,
}

/// An activation of this node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosted {
    pub(super) tenure: Tenure,
    pub(super) durable: bool,
    pub(super) stands: ReportedAs,
    /// How often its end was told to the slot owner.
    pub(super) told: u32,
}

impl Hosting {
    pub(super) fn get(&self, actor: &ActorId) -> Option<&Hosted> {
        self.slots.get(&slot_of(actor))?.get(actor)
    }

    pub(super) fn get_mut(&mut self, actor: &ActorId) -> Option<&mut Hosted> {
        self.slots.get_mut(&slot_of(actor))?.get_mut(actor)
    }

    pub(super) fn insert(&mut self, actor: ActorId, hosted: Hosted) {
        let slot = self.slots.entry(slot_of(&actor)).or_default();
        self.len += usize::from(slot.insert(actor, hosted).is_none());
    }

    pub(super) fn remove(&mut self, actor: &ActorId) -> Option<Hosted> {
        let slot = slot_of(actor);
        let actors = self.slots.get_mut(&slot)?;
        let removed = actors.remove(actor)?;
        if actors.is_empty() {
            self.slots.remove(&slot);
        }
        self.len -= 1;
        Some(removed)
    }

    pub(super) fn in_slot(&self, slot: Slot) -> impl Iterator<Item = (&ActorId, &Hosted)> {
        self.slots.get(&slot).into_iter().flatten()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ActorId, &Hosted)> {
        self.slots.values().flatten()
    }

    /// By slot, those of this slot first.
    pub(super) fn beginning_at(&self, slot: Slot) -> impl Iterator<Item = (&ActorId, &Hosted)> {
        let (before, from) = (self.slots.range(..slot), self.slots.range(slot..));
        from.chain(before).flat_map(|(_, actors)| actors)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}
