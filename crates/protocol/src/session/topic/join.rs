use super::{Answer, Effect, Filling, Phase, Position, Subscriber, Topic, Weigh};

impl<S: Copy + Ord, E: Clone + Weigh> Topic<S, E> {
    /// Somebody is about to follow. To be told before its `#[attach]` turn is started: then no event
    /// is missed between that turn and its end here.
    pub fn handle_join(&mut self, id: S) {
        let subscriber = Subscriber { at: Position::default(), phase: Phase::Joining };
        self.subscribers.insert(id, subscriber);
    }

    /// The `#[attach]` turn has answered; its actor's log stood at `log` then. The subscriber comes
    /// back to `resume`, or is new.
    pub fn handle_attached(&mut self, id: S, log: Position, resume: Option<Position>) {
        let resume =
            resume.filter(|resume| resume.epoch == log.epoch && resume.offset <= log.offset);
        let Some(subscriber) = self.subscribers.get_mut(&id) else { return };
        subscriber.at = resume.unwrap_or(log);
        let answer = Answer { recovered: resume.is_some(), log, events: Vec::new() };
        let filling = Filling { answer: Some(answer), generation: self.generation, reads: 0 };
        if self.head.is_none() {
            self.head = Some(log);
            if std::mem::take(&mut self.is_behind) {
                self.read_for_all(log);
            }
        }
        self.go_on(id, filling);
    }

    /// Lets a subscriber go on from where it stands: with the tail, or with what is to be read.
    pub(super) fn go_on(&mut self, id: S, mut filling: Filling<E>) {
        let Some(subscriber) = self.subscribers.get_mut(&id) else { return };
        let at = subscriber.at;
        let head = self.head.unwrap_or(at);
        // Of another log than its own the head says nothing.
        let missed = match head.epoch == at.epoch {
            true if at.offset >= head.offset => Some(Vec::new()),
            true => self.tail.after(at.offset).map(|events| events.cloned().collect()),
            false => None,
        };
        let Some(missed) = missed else {
            filling.generation = self.generation;
            filling.reads += 1;
            subscriber.phase = Phase::Filling(filling);
            self.effects.push(Effect::Read { reader: Some(id), after: at });
            return;
        };
        if let Some((offset, _)) = missed.last() {
            subscriber.at.offset = *offset;
        }
        subscriber.phase = Phase::Live;
        let at = subscriber.at;
        self.give(id, at, filling.answer, missed);
    }

    /// Gives events to a subscriber: in its answer, if it was not answered yet.
    pub(super) fn give(
        &mut self,
        to: S,
        at: Position,
        answer: Option<Answer<E>>,
        missed: Vec<(u64, E)>,
    ) {
        match answer {
            Some(Answer { recovered, mut events, .. }) => {
                events.extend(missed);
                self.effects.push(Effect::Answer { to, at, recovered, events });
            }
            None => {
                let deliver = |(offset, event)| Effect::Deliver { to, offset, event };
                self.effects.extend(missed.into_iter().map(deliver));
            }
        }
    }
}
