use std::collections::{BTreeMap, VecDeque};

use tenure_types::{ActorId, Incarnation, Tenure};

/// Where actors were found last. Wrong ones are found out by whoever is called; the oldest go first.
#[derive(Debug)]
pub(crate) struct Locations {
    found: BTreeMap<ActorId, (Incarnation, Tenure)>,
    order: VecDeque<ActorId>,
    len_max: usize,
}

impl Locations {
    pub(crate) fn new(len_max: usize) -> Self {
        Self { found: BTreeMap::new(), order: VecDeque::new(), len_max: len_max.max(1) }
    }

    pub(crate) fn get(&self, actor: &ActorId) -> Option<(Incarnation, Tenure)> {
        self.found.get(actor).copied()
    }

    /// Keeps where the actor is, unless something newer is known: locations are followed only upwards.
    pub(crate) fn put(&mut self, actor: &ActorId, host: Incarnation, tenure: Tenure) {
        if let Some(known) = self.found.get_mut(actor) {
            if known.1 < tenure {
                *known = (host, tenure);
            }
            return;
        }
        if self.order.len() >= self.len_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.found.remove(&oldest);
        }
        self.order.push_back(actor.clone());
        self.found.insert(actor.clone(), (host, tenure));
    }

    /// Forgets that the actor was there under this right, or an earlier one.
    pub(crate) fn refuted(&mut self, actor: &ActorId, tenure: Tenure) {
        if self.found.get(actor).is_some_and(|known| known.1 <= tenure) {
            self.found.remove(actor);
            // Refuted ones are few, and the line is bounded.
            self.order.retain(|it| it != actor);
        }
    }

    /// Forgets everything that was at a member for which this holds.
    pub(crate) fn forget_hosts(&mut self, is_gone: impl Fn(Incarnation) -> bool) {
        self.found.retain(|_, (host, _)| !is_gone(*host));
        let found = &self.found;
        self.order.retain(|actor| found.contains_key(actor));
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }
}
