use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_protocol::ring::Ring;
use tenure_protocol::view::View;
use tenure_types::{Incarnation, ViewNumber};

/// How many views' rings are kept, for members of one process that learn them late.
pub const RINGS_MAX: usize = 64;

/// The rings of the last views. A view's ring is the same at every member, so it is made once for all members
/// that share this.
#[derive(Debug, Default)]
pub struct Rings(Mutex<BTreeMap<ViewNumber, Kept>>);

/// The ring of one view.
#[derive(Debug)]
struct Kept {
    ring: Arc<Ring>,
    /// How many slots each member has; counted when it is first asked for.
    slots: Option<Arc<BTreeMap<Incarnation, usize>>>,
}

impl Rings {
    /// The ring of a view. Cost, where it is not kept: a copy of the one before, and what changed.
    #[must_use]
    pub fn of(&self, view: &View) -> Arc<Ring> {
        let mut rings = self.0.lock();
        if let Some(kept) = rings.get(&view.number) {
            return Arc::clone(&kept.ring);
        }
        let before = rings.range(..view.number).next_back();
        let members = Ring::members_of(view);
        let before = before.map_or_else(|| Ring::of([]), |(_, it)| Ring::clone(&it.ring));
        let ring = Arc::new(before.after(members));
        rings.insert(view.number, Kept { ring: Arc::clone(&ring), slots: None });
        while rings.len() > RINGS_MAX {
            rings.pop_first();
        }
        ring
    }

    /// How many slots the ring of a view gives each member that it has. Counted once for a view that is kept.
    #[must_use]
    pub fn slots_of(&self, view: &View) -> Arc<BTreeMap<Incarnation, usize>> {
        if let Some(slots) = self.0.lock().get(&view.number).and_then(|kept| kept.slots.clone()) {
            return slots;
        }
        let slots = Arc::new(self.of(view).slots_of().into_iter().collect());
        if let Some(kept) = self.0.lock().get_mut(&view.number) {
            kept.slots = Some(Arc::clone(&slots));
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use tenure_protocol::view::{Member, MemberState};
    use tenure_types::{NodeId, Slot};

    use super::*;

    fn view(number: u64, states: &[MemberState]) -> View {
        let members = (1..).zip(states).map(|(incarnation, state)| Member {
            incarnation: Incarnation(incarnation),
            node: NodeId::new(&format!("n{incarnation}")).unwrap(),
            state: *state,
            presumed: false,
            weight: 1,
            address: "".into(),
        });
        View::new(ViewNumber(number), members)
    }

    #[test]
    fn slots_are_counted_for_each_view_of_its_own() {
        use MemberState::{Alive, Down, Leaving};
        let rings = Rings::default();
        let both = view(2, &[Alive, Alive, Leaving]);
        let slots = rings.slots_of(&both);
        assert_eq!(slots.len(), 2, "who leaves keeps none: {slots:?}");
        assert_eq!(slots.values().sum::<usize>(), Slot::COUNT);
        assert!(Arc::ptr_eq(&slots, &rings.slots_of(&both)), "counted once");
        let one = rings.slots_of(&view(3, &[Down, Alive, Leaving]));
        assert_eq!(*one, BTreeMap::from([(Incarnation(2), Slot::COUNT)]));
        assert_eq!(rings.slots_of(&both), slots);
    }
}
