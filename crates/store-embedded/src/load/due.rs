use parking_lot::Mutex;

/// A time before which nothing is due.
///
/// What was due is removed at the front of the list, again and again. The tree keeps the place of
/// what was removed until it merges tables, and whoever reads the list from its beginning passes
/// all of that: a thousand times more, soon, than what is due.
///
/// **Invariant:** nothing that was committed and answered is due before the floor. A reader raises
/// it to what it saw, and not above what became due since it began.
#[derive(Default)]
pub(crate) struct DueFloor {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    floor_ms: u64,
    /// The readers that are reading, at most one for each thread that loads, and the first time at
    /// which something became due since they began.
    readers: Vec<(u64, u64)>,
    next_id: u64,
}

/// A reader that began.
pub(crate) struct DueReader<'a> {
    floor: &'a DueFloor,
    id: u64,
    floor_ms: u64,
}

impl DueFloor {
    /// To be called before the tree is read.
    pub(crate) fn begin(&self) -> DueReader<'_> {
        let mut state = self.state.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.readers.push((id, u64::MAX));
        DueReader { floor: self, id, floor_ms: state.floor_ms }
    }

    /// Notes what became due. To be called when a batch has become visible, and before its units
    /// are answered: whoever began before hears of it here, and whoever begins later sees the batch.
    pub(crate) fn lower(&self, due_ms: u64) {
        let mut state = self.state.lock();
        state.floor_ms = state.floor_ms.min(due_ms);
        for (_, first_ms) in &mut state.readers {
            *first_ms = due_ms.min(*first_ms);
        }
    }
}

impl DueReader<'_> {
    /// The time before which there is nothing to read.
    pub(crate) fn floor_ms(&self) -> u64 {
        self.floor_ms
    }

    /// Notes that nothing was due before `floor_ms` in what was read.
    pub(crate) fn raise(self, floor_ms: u64) {
        let mut state = self.floor.state.lock();
        let since = state.readers.iter().find(|(id, _)| *id == self.id);
        let floor_ms = since.map_or(0, |(_, first_ms)| floor_ms.min(*first_ms));
        state.floor_ms = state.floor_ms.max(floor_ms);
    }
}

impl Drop for DueReader<'_> {
    fn drop(&mut self) {
        self.floor.state.lock().readers.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_never_above_what_a_reader_may_have_missed() {
        let floor = DueFloor::default();
        let floor_ms = || floor.begin().floor_ms();
        floor.begin().raise(100);
        assert_eq!(floor_ms(), 100);
        // A batch becomes visible after the reader took its view.
        let reader = floor.begin();
        floor.lower(5);
        floor.lower(9);
        reader.raise(200);
        assert_eq!(floor_ms(), 5);
        // The same, but the reader is done before the batch is noted.
        let reader = floor.begin();
        reader.raise(200);
        floor.lower(7);
        assert_eq!(floor_ms(), 7);
        // What is due later lowers nothing, and keeps a reader from raising it beyond.
        let reader = floor.begin();
        floor.lower(300);
        assert_eq!(floor_ms(), 7);
        reader.raise(400);
        assert_eq!(floor_ms(), 300);
        // A slower reader takes nothing back.
        let (slow, fast, fails) = (floor.begin(), floor.begin(), floor.begin());
        fast.raise(390);
        slow.raise(380);
        drop(fails);
        assert_eq!(floor_ms(), 390);
        assert!(floor.state.lock().readers.is_empty());
    }
}
