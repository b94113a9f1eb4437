use tenure_types::Slot;

/// Something for each of some slots, in their order. Reached in constant time: a view change touches
/// thousands of slots. Empty it is small; from the first one on it has 8 bytes for each of all slots.
#[derive(Debug)]
pub(crate) struct SlotMap<T> {
    places: Vec<Option<Box<T>>>,
    len: usize,
}

impl<T> Default for SlotMap<T> {
    fn default() -> Self {
        Self { places: Vec::new(), len: 0 }
    }
}

impl<T> SlotMap<T> {
    pub(crate) fn get(&self, slot: &Slot) -> Option<&T> {
        self.places.get(slot.index())?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, slot: &Slot) -> Option<&mut T> {
        self.places.get_mut(slot.index())?.as_deref_mut()
    }

    pub(crate) fn contains_key(&self, slot: &Slot) -> bool {
        self.get(slot).is_some()
    }

    pub(crate) fn insert(&mut self, slot: Slot, value: T) {
        if self.places.is_empty() {
            self.places.resize_with(Slot::COUNT, || None);
        }
        let before = self.places[slot.index()].replace(Box::new(value));
        self.len += usize::from(before.is_none());
    }

    pub(crate) fn remove(&mut self, slot: &Slot) -> Option<T> {
        let removed = self.places.get_mut(slot.index())?.take()?;
        self.len -= 1;
        Some(*removed)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(Option::as_deref)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map_in_the_order_of_slots() {
        let slot = |number| Slot::new(number).unwrap();
        let mut map = SlotMap::default();
        assert_eq!((map.remove(&slot(3)), map.len()), (None, 0));
        for number in [9, 3, 16_383, 3] {
            map.insert(slot(number), number);
        }
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [3, 9, 16_383]);
        *map.get_mut(&slot(9)).unwrap() = 10;
        assert_eq!((map.remove(&slot(9)), map.remove(&slot(9)), map.len()), (Some(10), None, 2));
        assert!(map.contains_key(&slot(3)) && !map.contains_key(&slot(9)));
    }
}
