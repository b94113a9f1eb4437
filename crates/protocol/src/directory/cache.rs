use std::collections::{BTreeMap, VecDeque};

use tenure_types::{ActorId, Incarnation, Tenure};

/// Where actors were found last. Wrong ones are found out by whoever is called; the oldest go first.
///
/// Nothing here walks over all of them: a node has hundreds of thousands, and forgets some with each call that
/// missed its actor.
#[derive(Debug)]
pub(crate) struct Locations {
    found: BTreeMap<ActorId, Place>,
    /// Who was found, in order, each with its number; those that were forgotten meanwhile among them.
    order: VecDeque<(ActorId, u64)>,
    numbered: u64,
    len_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    host: Incarnation,
    tenure: Tenure,
    number: u64,
}

impl Locations {
    pub(crate) fn new(len_max: usize) -> Self {
        let (found, order) = (BTreeMap::new(), VecDeque::new());
        Self { found, order, numbered: 0, len_max: len_max.max(1) }
    }

    pub(crate) fn get(&self, actor: &ActorId) -> Option<(Incarnation, Tenure)> {
        self.found.get(actor).map(|it| (it.host, it.tenure))
    }

    /// Keeps where the actor is, unless something newer is known: locations are followed only upwards.
    pub(crate) fn put(&mut self, actor: &ActorId, host: Incarnation, tenure: Tenure) {
        if let Some(known) = self.found.get_mut(actor) {
            if known.tenure < tenure {
                (known.host, known.tenure) = (host, tenure);
            }
            return;
        }
        if self.order.len() >= self.len_max
            && let Some((oldest, number)) = self.order.pop_front()
            && self.found.get(&oldest).is_some_and(|it| it.number == number)
        {
            self.found.remove(&oldest);
        }
        self.numbered += 1;
        self.order.push_back((actor.clone(), self.numbered));
        self.found.insert(actor.clone(), Place { host, tenure, number: self.numbered });
    }

    /// Forgets that the actor was there under this right, or an earlier one.
    pub(crate) fn refuted(&mut self, actor: &ActorId, tenure: Tenure) {
        if self.found.get(actor).is_some_and(|known| known.tenure <= tenure) {
            self.found.remove(actor);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }
}

#[cfg(test)]
mod tests {
    use tenure_types::{ActorTypeName, Key};

    use super::*;

    const RIGHT: Tenure = Tenure { view: 2, sequence: 5 };

    fn actor(number: u64) -> ActorId {
        let actor_type = ActorTypeName::new("cart").unwrap();
        ActorId { actor_type, key: Key::new(&number.to_string()).unwrap() }
    }

    #[test]
    fn the_oldest_go_first_and_who_was_refuted_may_come_back() {
        let mut places = Locations::new(4);
        let host = Incarnation(1);
        (0..3).for_each(|number| places.put(&actor(number), host, RIGHT));
        places.refuted(&actor(0), Tenure { sequence: 4, ..RIGHT });
        assert!(places.get(&actor(0)).is_some(), "an earlier right says nothing of a later one");
        places.refuted(&actor(0), RIGHT);
        assert_eq!(places.get(&actor(0)), None);
        // It comes back as the newest: what was remembered of its first coming does not end it.
        places.put(&actor(0), Incarnation(2), RIGHT);
        places.put(&actor(3), host, RIGHT);
        let there = |places: &Locations| {
            (0..6).filter(|it| places.get(&actor(*it)).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(there(&places), [0, 1, 2, 3]);
        assert_eq!(places.get(&actor(0)), Some((Incarnation(2), RIGHT)));
        (4..6).for_each(|number| places.put(&actor(number), host, RIGHT));
        assert_eq!(there(&places), [0, 3, 4, 5]);
        assert!(places.order.len() <= 4);
    }
}
