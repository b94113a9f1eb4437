use std::sync::Arc;

use tenure_types::Instant;

use super::inbox::Inbox;
use super::message::{Class, Closed, Heard, Message};
use super::state::{Effects, State, Step};
use crate::schedule::Owner;

impl<M: Message> State<M> {
    /// What was planned happens.
    pub(crate) fn happen(
        &mut self,
        now: Instant,
        step: Step<M>,
        owner: Owner,
        fx: &mut Effects<M>,
    ) {
        match step {
            Step::Take { from, place, to, message } => {
                self.take(now, (place, &from), to, message, owner, fx);
            }
            Step::Datagram { from, to, message } => self.arrive(now, (from, to), message, fx),
            Step::Deliver { connection, end } => self.deliver(now, connection, end, fx),
            Step::Acknowledge { connection, end } => self.acknowledge(now, connection, end, fx),
            Step::Tell { from, to, inbox, connection, lane, why } => {
                if inbox.tasks.is_dead() {
                    return;
                }
                if why != Closed::TimedOut && self.is_cut(now, from, to) {
                    // It hears of it when the way is free again, or gives up by itself.
                    let at = now + self.config.patience / 4;
                    return fx.at(at, Step::Tell { from, to, inbox, connection, lane, why });
                }
                let numbers = [u64::from(from), u64::from(to), connection];
                fx.marks.push(("closed", why.name(), numbers));
                fx.wakers
                    .extend(inbox.push(Heard::Closed { peer: from, connection, lane, why }, 0));
            }
            Step::Free { place, group } => self.free(now, place, group, fx),
        }
    }

    /// The kernel takes a message, or its process ended on the way to it.
    fn take(
        &mut self,
        now: Instant,
        (from, inbox): (u32, &Arc<Inbox<M>>),
        to: u32,
        message: M,
        owner: Owner,
        fx: &mut Effects<M>,
    ) {
        if owner == Owner::Dead && self.dice.one_in(2) {
            return self.lose(from, message, fx);
        }
        message.released(now);
        let bytes = message.bytes();
        let traffic = self.traffic(from);
        traffic.sent += 1;
        traffic.sent_bytes += u64::from(bytes);
        let numbers = [u64::from(from), u64::from(to), u64::from(bytes)];
        fx.marks.push(("sent", message.name(), numbers));
        let lane = match message.class() {
            Class::Datagram => return self.cast(now, (from, to), message, fx),
            Class::Lane(lane) => lane,
        };
        let is_its = |own: &Arc<Inbox<M>>| Arc::ptr_eq(own, inbox);
        if !self.places[&from].inbox.as_ref().is_some_and(is_its) {
            // Its sockets are closed.
            return self.lose(from, message, fx);
        }
        self.send_on(now, (from, inbox), (to, lane), message, fx);
    }

    /// Sends a datagram on its way, perhaps twice, perhaps not at all.
    fn cast(&mut self, now: Instant, (from, to): (u32, u32), message: M, fx: &mut Effects<M>) {
        let doubling = self.config.doubles.max(self.troubles.doubling(from, to));
        if self.dice.below(1_000_000) < u64::from(doubling)
            && let Some(message) = message.duplicate()
        {
            self.traffic(from).doubled += 1;
            let way = self.draw_way(from, to) + self.draw_way(from, to);
            fx.at(now + way, Step::Datagram { from, to, message });
        }
        if self.draw_lost(from, to) {
            return self.lose(from, message, fx);
        }
        let way = self.draw_way(from, to);
        fx.at(now + way, Step::Datagram { from, to, message });
    }

    fn arrive(&mut self, now: Instant, (from, to): (u32, u32), message: M, fx: &mut Effects<M>) {
        let inbox = self.places.get(&to).and_then(|place| place.inbox.clone());
        let has_room = |inbox: &Arc<Inbox<M>>| {
            !inbox.tasks.is_dead() && inbox.has_room(message.bytes(), self.config.kernel_bytes_max)
        };
        match inbox.filter(has_room) {
            Some(inbox) if !self.is_cut(now, from, to) => {
                self.hear((from, to, 0), &inbox, message, fx);
            }
            _ => self.lose(from, message, fx),
        }
    }

    /// The sockets of a process that ended are closed.
    pub(crate) fn free(&mut self, now: Instant, place: u32, group: u32, fx: &mut Effects<M>) {
        if let Some(place) = self.places.get_mut(&place)
            && place.inbox.as_ref().is_some_and(|inbox| inbox.group() == group)
        {
            place.inbox = None;
        }
        let is_its = |inbox: &Option<Arc<Inbox<M>>>| {
            inbox.as_ref().is_some_and(|inbox| inbox.group() == group)
        };
        let of_group = |(number, connection): (&u64, &super::state::Connection<M>)| {
            let own = connection.ends.iter().position(|end| is_its(&end.inbox))?;
            Some((*number, own))
        };
        let open: Vec<_> = self.connections.iter().filter_map(of_group).collect();
        for (number, own) in open {
            // A kernel that closes a socket with unread data resets it.
            let why = if self.dice.one_in(3) { Closed::Reset } else { Closed::EndOfFile };
            let mut told = [None; 2];
            told[1 - own] = Some(why);
            self.close(now, number, told, fx);
        }
    }

    /// Resets what is open between two machines. Both ends hear of it.
    pub(crate) fn reset(&mut self, now: Instant, one: u32, other: u32, fx: &mut Effects<M>) {
        let places = (one.min(other), one.max(other));
        let between = self.lanes.iter().filter(|((low, high, _), _)| (*low, *high) == places);
        let open: Vec<u64> = between.map(|(_, number)| *number).collect();
        for number in open {
            self.close(now, number, [Some(Closed::Reset); 2], fx);
        }
    }

    /// The power of a machine goes: nobody is told.
    pub(crate) fn power_off(&mut self, place: u32, fx: &mut Effects<M>) {
        let Some(it) = self.places.get_mut(&place) else { return };
        it.is_off = true;
        it.inbox = None;
        for connection in self.connections.values_mut() {
            for end in connection.ends.iter_mut().filter(|end| end.place == place) {
                fx.lost.extend(end.sent.drain(..).map(|flying| flying.message));
            }
        }
    }
}
