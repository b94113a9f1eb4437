use super::{Effect, Filling, Page, Phase, Position, Topic, Weigh};

/// How many pages one subscriber may need until it is up with the others. A journal of so many pages is
/// no event window; it is read over HTTP.
const READS_MAX: u32 = 1_000;

impl<S: Copy + Ord, E: Clone + Weigh> Topic<S, E> {
    /// What was read for a subscriber, or for all.
    pub fn handle_page(&mut self, reader: Option<S>, after: Position, page: Page<E>) {
        match reader {
            None => self.take_for_all(after, page),
            Some(id) => self.take_for_one(id, after, page),
        }
    }

    fn take_for_all(&mut self, after: Position, page: Page<E>) {
        self.is_reading = false;
        let mut again = std::mem::take(&mut self.reads_again);
        let Some(head) = self.head else { return };
        if head.epoch == after.epoch {
            match page.events {
                Some(events) => {
                    for (offset, event) in &events {
                        self.handle_event(Position { offset: *offset, ..head }, event);
                    }
                    // The rest of what is known to be there may have been told already.
                    let last = self.head.map_or(0, |head| head.offset);
                    again |= !events.is_empty() && last < page.end.offset;
                }
                None => {
                    self.head = Some(page.end);
                    self.tail.clear();
                    self.generation += 1;
                    self.reset_where(|it| matches!(it.phase, Phase::Live));
                }
            }
        }
        if again {
            self.handle_gap();
        }
    }

    fn take_for_one(&mut self, id: S, after: Position, page: Page<E>) {
        let Some(subscriber) = self.subscribers.get_mut(&id).filter(|it| it.at == after) else {
            return;
        };
        let at = subscriber.at;
        // It is put back, or forgotten, by whatever follows.
        let filling = match std::mem::replace(&mut subscriber.phase, Phase::Joining) {
            Phase::Filling(filling) => filling,
            other => {
                subscriber.phase = other;
                return;
            }
        };
        if filling.generation != self.generation {
            // Another log has begun since: what was read may be of the one before.
            self.go_on_afresh(id, filling);
            return;
        }
        match page.events {
            Some(events) => self.take_events(id, at, filling, page.end, events),
            None => self.fall_back(id, filling),
        }
    }

    fn take_events(
        &mut self,
        id: S,
        mut at: Position,
        filling: Filling<E>,
        end: Position,
        events: Vec<(u64, E)>,
    ) {
        if let Some(head) = self.head {
            if head.epoch != at.epoch {
                self.turn_to(end);
            } else {
                self.tail.extend_back(head.offset, &events);
            }
        }
        let missed: Vec<_> = events.into_iter().filter(|(offset, _)| *offset > at.offset).collect();
        at.offset = missed.last().map_or(at.offset, |(offset, _)| *offset);
        let Some(subscriber) = self.subscribers.get_mut(&id) else { return };
        subscriber.at = at;
        let mut filling = filling;
        let is_behind = self.head.is_some_and(|head| at.offset < head.offset);
        if is_behind && missed.is_empty() {
            // What came meanwhile is in the tail. A log that goes further than it can be read is not
            // read for ever.
            filling.reads += READS_MAX / 10;
            self.go_on_afresh(id, filling);
            return;
        }
        match &mut filling.answer {
            Some(answer) if !is_behind => answer.events.extend(missed),
            // One page is answered; the others follow it.
            _ => {
                let answer = filling.answer.take();
                self.give(id, at, answer, missed);
            }
        }
        self.go_on_afresh(id, filling);
    }

    /// It cannot go on from where it was. If it was not answered, it begins where it was let in.
    fn fall_back(&mut self, id: S, mut filling: Filling<E>) {
        let log = match &mut filling.answer {
            Some(answer) if answer.recovered => {
                answer.recovered = false;
                answer.log
            }
            other => {
                let was_answered = other.is_none();
                self.reset(id, was_answered);
                return;
            }
        };
        if let Some(subscriber) = self.subscribers.get_mut(&id) {
            subscriber.at = log;
        }
        self.go_on_afresh(id, filling);
    }

    fn go_on_afresh(&mut self, id: S, filling: Filling<E>) {
        if filling.reads >= READS_MAX {
            self.reset(id, filling.answer.is_none());
        } else {
            self.go_on(id, filling);
        }
    }

    fn reset(&mut self, to: S, was_answered: bool) {
        self.subscribers.remove(&to);
        self.effects.push(Effect::Reset { to, was_answered });
    }
}
