//! What a poll says: the view, and the beats of those who are watched.

use std::sync::Arc;

use super::{
    Effect, Instant, MemberState, Membership, Phase, RowRead, TableError, TableOutcome, View,
};

impl Membership {
    pub(super) fn handle_polled(
        &mut self,
        now: Instant,
        outcome: Result<TableOutcome, TableError>,
    ) {
        let Ok(TableOutcome::Read { view, rows }) = outcome else { return };
        for row in rows {
            self.handle_row(now, row);
        }
        if let Some(view) = view.filter(|view| view.number > self.view.number) {
            self.learn(now, view);
        }
    }

    fn handle_row(&mut self, now: Instant, row: RowRead) {
        let RowRead { incarnation, state, beat } = row;
        if state.is_gone() {
            self.observed.retain(|it| it != incarnation);
            self.watch.unhint(incarnation);
        } else if self.observed.handle_read(now, incarnation, beat) {
            self.watch.unhint(incarnation);
        }
    }

    /// Views only grow: an older one than the present is never taken.
    fn learn(&mut self, now: Instant, view: View) {
        let Phase::In(me) = &mut self.phase else { return };
        match view.state(me.incarnation) {
            Some(state) if state.is_living() => me.state = me.state.max(state),
            // Read before its row was there.
            None if view.number.0 < me.incarnation.0 => return,
            Some(MemberState::Left) => return self.end(Effect::Left),
            _ => return self.discard(),
        }
        let me = me.incarnation;
        let is_first = self.view.member(me).is_none();
        self.view = Arc::new(view);
        self.effects.push(Effect::View(Arc::clone(&self.view)));
        self.watch.handle_view(&self.view);
        if is_first {
            // Whom it watches it knows only now.
            self.errands.poll.hurry(now);
        }
        self.verdicts.handle_view(&self.view);
        let view = Arc::clone(&self.view);
        self.observed.retain(|it| view.state(it).is_some_and(|state| !state.is_gone()));
        self.fences.handle_view(now, &view, is_first, |it| self.watch.is_keeper(me, it));
        self.fence_some();
    }
}
