use tenure_types::Instant;

use super::Cluster;
use super::schedule::Due;

impl Cluster {
    /// When [`Cluster::handle_time`] wants to be called next; `None` while nothing is awaited. To be
    /// asked again after every `handle_*`.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        if self.is_reporting() { Some(Instant::ZERO) } else { self.schedule.next() }
    }

    /// It is `now`. Does at most one piece of what was put off.
    pub fn handle_time(&mut self, now: Instant) {
        self.report_some();
        while let Some(due) = self.schedule.take(now) {
            match due {
                Due::Asks => self.ask_again(now),
                Due::Hurry => self.ask_hurried(),
                Due::Grant(slot, actor, tenure) => self.grant_again(now, slot, &actor, tenure),
                Due::LookUp(actor) => self.look_up_again(now, &actor),
                Due::Await(actor) => self.await_again(now, &actor),
                Due::Unregister(actor) => self.unregister_again(now, &actor),
                Due::Move(id) => self.move_again(now, id),
                Due::Arrival(id) => self.arrival_again(now, id),
            }
        }
        self.hear_self(now);
    }
}
