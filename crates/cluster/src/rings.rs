use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_protocol::ring::Ring;
use tenure_protocol::view::View;
use tenure_types::ViewNumber;

/// How many views' rings are kept, for members of one process that learn them late.
pub const RINGS_MAX: usize = 64;

/// The rings of the last views. A view's ring is the same at every member, so it is made once for all members
/// that share this.
#[derive(Debug, Default)]
pub struct Rings(Mutex<BTreeMap<ViewNumber, Arc<Ring>>>);

impl Rings {
    /// The ring of a view. Cost, where it is not kept: a copy of the one before, and what changed.
    #[must_use]
    pub fn of(&self, view: &View) -> Arc<Ring> {
        let mut rings = self.0.lock();
        if let Some(ring) = rings.get(&view.number) {
            return Arc::clone(ring);
        }
        let before = rings.range(..view.number).next_back();
        let members = Ring::members_of(view);
        let ring =
            Arc::new(before.map_or_else(|| Ring::of([]), |(_, it)| Ring::clone(it)).after(members));
        rings.insert(view.number, Arc::clone(&ring));
        while rings.len() > RINGS_MAX {
            rings.pop_first();
        }
        ring
    }
}
