use super::{Effect, Phase, Position, Topic, Weigh};

impl<S: Copy + Ord, E: Clone + Weigh> Topic<S, E> {
    /// Takes an event that has left its actor: what stands at `at.offset` of the log `at.epoch`.
    pub fn handle_event(&mut self, at: Position, event: &E) {
        match self.head {
            Some(head) if head.epoch == at.epoch => {
                if at.offset <= head.offset {
                    return;
                }
                if at.offset > head.offset + 1 {
                    self.read_for_all(head);
                    return;
                }
            }
            // Of another log this may be any event: who wants those before it reads them.
            _ => self.turn_to(Position { offset: at.offset.saturating_sub(1), ..at }),
        }
        self.head = Some(at);
        self.tail.push(at.offset, event.clone());
        for (id, subscriber) in &mut self.subscribers {
            // One that joined late may have seen more than the head.
            let is_next = matches!(subscriber.phase, Phase::Live)
                && subscriber.at.epoch == at.epoch
                && subscriber.at.offset + 1 == at.offset;
            if is_next {
                subscriber.at = at;
                self.effects.push(Effect::Deliver {
                    to: *id,
                    offset: at.offset,
                    event: event.clone(),
                });
            }
        }
    }

    /// Events may have been missed: they are read.
    pub fn handle_gap(&mut self) {
        match self.head {
            Some(head) => self.read_for_all(head),
            // It may be missed by who is being let in.
            None => self.is_behind = true,
        }
    }

    pub(super) fn read_for_all(&mut self, head: Position) {
        if std::mem::replace(&mut self.is_reading, true) {
            self.reads_again = true;
        } else {
            self.effects.push(Effect::Read { reader: None, after: head });
        }
    }
}
