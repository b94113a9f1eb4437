use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tenure_types::Instant;

use super::inbox::Inbox;
use super::message::{Closed, Message};
use super::state::{Connection, Effects, End, Flying, State, Step};

/// After how long a kernel without room for more is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(10);

fn key(one: u32, other: u32, lane: u8) -> (u32, u32, u8) {
    (one.min(other), one.max(other), lane)
}

fn end<M>(place: u32, inbox: Option<Arc<Inbox<M>>>, pause: Duration) -> End<M> {
    End { place, inbox, sent: VecDeque::new(), tries_since: None, pause, unheard_since: None }
}

impl<M: Message> State<M> {
    /// The connection of this process to `to`, made if there is none, and which end of it is its own.
    fn connection(
        &mut self,
        now: Instant,
        (from, inbox): (u32, &Arc<Inbox<M>>),
        (to, lane): (u32, u8),
        fx: &mut Effects<M>,
    ) -> (u64, usize) {
        let key = key(from, to, lane);
        if let Some(&number) = self.lanes.get(&key) {
            let ends = &mut self.connections.get_mut(&number).expect("it is open").ends;
            let own = usize::from(ends[0].place != from);
            let owner = ends[own].inbox.get_or_insert_with(|| Arc::clone(inbox));
            if Arc::ptr_eq(owner, inbox) {
                return (number, own);
            }
            // It was that of an earlier process of this machine.
            let mut told = [None; 2];
            told[1 - own] = Some(Closed::Reset);
            self.close(now, number, told, fx);
        }
        let number = self.next_connection;
        self.next_connection += 1;
        let pause = self.config.resend;
        let ends = [end(from, Some(Arc::clone(inbox)), pause), end(to, None, pause)];
        self.connections.insert(number, Connection { lane, ends });
        self.lanes.insert(key, number);
        (number, 0)
    }

    /// Sends a message over a connection.
    pub(crate) fn send_on(
        &mut self,
        now: Instant,
        (from, inbox): (u32, &Arc<Inbox<M>>),
        (to, lane): (u32, u8),
        message: M,
        fx: &mut Effects<M>,
    ) {
        let (number, own) = self.connection(now, (from, inbox), (to, lane), fx);
        let mut way = self.draw_way(from, to);
        let mut pause = self.config.resend;
        while self.draw_lost(from, to) && pause < self.config.resend_max {
            way += pause;
            pause *= 2;
        }
        let end = &mut self.connections.get_mut(&number).expect("it is open").ends[own];
        let at = now + way;
        end.sent.push_back(Flying { message, at });
        if end.sent.len() == 1 {
            fx.at(at, Step::Deliver { connection: number, end: own });
        }
    }

    /// The first message of an end arrives, or must be sent again.
    pub(crate) fn deliver(&mut self, now: Instant, number: u64, own: usize, fx: &mut Effects<M>) {
        let Some(connection) = self.connections.get(&number) else { return };
        let (from, to) = (connection.ends[own].place, connection.ends[1 - own].place);
        let Some(first) = connection.ends[own].sent.front() else { return };
        let bytes = first.message.bytes();
        if self.is_cut(now, from, to) {
            return self.try_again(now, number, own, fx);
        }
        let Some(target) = self.accepted(number, 1 - own) else {
            let why = if self.listens(from, to) { Closed::Reset } else { Closed::Refused };
            let mut told = [None; 2];
            told[own] = Some(why);
            return self.close(now, number, told, fx);
        };
        if !target.has_room(bytes, self.config.kernel_bytes_max) {
            return fx.at(now + FULL_PAUSE, Step::Deliver { connection: number, end: own });
        }
        let is_unheard = self.is_cut(now, to, from);
        let patience = self.config.patience;
        let end = &mut self.connections.get_mut(&number).expect("it is open").ends[own];
        let flying = end.sent.pop_front().expect("there is a first one");
        (end.tries_since, end.pause) = (None, self.config.resend);
        if !is_unheard {
            end.unheard_since = None;
        } else if end.unheard_since.is_none() {
            end.unheard_since = Some(now);
            fx.at(now + patience, Step::Acknowledge { connection: number, end: own });
        }
        if let Some(next) = end.sent.front() {
            fx.at(next.at.max(now), Step::Deliver { connection: number, end: own });
        }
        if target.tasks.is_dead() {
            // Its kernel acknowledges until the sockets are closed.
            return self.lose(from, flying.message, fx);
        }
        self.hear((from, to, number), &target, flying.message, fx);
    }

    /// Whether somebody takes connections from `from` at `to`.
    fn listens(&self, from: u32, to: u32) -> bool {
        let has_inbox = self.places.get(&to).is_some_and(|place| place.inbox.is_some());
        has_inbox && !self.troubles.refuses(from, to)
    }

    /// The process at one end, which accepts the connection if it did not yet; `None` if nobody is
    /// there who knows of it.
    fn accepted(&mut self, number: u64, end: usize) -> Option<Arc<Inbox<M>>> {
        let connection = self.connections.get(&number)?;
        let (place, peer) = (connection.ends[end].place, connection.ends[1 - end].place);
        let listener = self.places.get(&place)?.inbox.clone();
        match &connection.ends[end].inbox {
            Some(inbox) => listener.filter(|listener| Arc::ptr_eq(listener, inbox)),
            None if self.listens(peer, place) => {
                let ends = &mut self.connections.get_mut(&number)?.ends;
                ends[end].inbox.clone_from(&listener);
                listener
            }
            None => None,
        }
    }

    fn try_again(&mut self, now: Instant, number: u64, own: usize, fx: &mut Effects<M>) {
        let (patience, pause_max) = (self.config.patience, self.config.resend_max);
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let end = &mut connection.ends[own];
        let since = *end.tries_since.get_or_insert(now);
        if now - since >= patience {
            return self.close(now, number, [Some(Closed::TimedOut); 2], fx);
        }
        fx.at(now + end.pause, Step::Deliver { connection: number, end: own });
        end.pause = (2 * end.pause).min(pause_max);
    }

    /// Gives a connection up whose messages are heard and never acknowledged.
    pub(crate) fn acknowledge(
        &mut self,
        now: Instant,
        number: u64,
        own: usize,
        fx: &mut Effects<M>,
    ) {
        let Some(connection) = self.connections.get(&number) else { return };
        let (from, to) = (connection.ends[own].place, connection.ends[1 - own].place);
        let Some(since) = connection.ends[own].unheard_since else { return };
        if self.is_cut(now, to, from) && now - since >= self.config.patience {
            return self.close(now, number, [Some(Closed::TimedOut); 2], fx);
        }
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.ends[own].unheard_since = None;
        }
    }

    /// Ends a connection. Of what is on its way a part still arrives, as the dice say.
    pub(crate) fn close(
        &mut self,
        now: Instant,
        number: u64,
        told: [Option<Closed>; 2],
        fx: &mut Effects<M>,
    ) {
        let Some(mut connection) = self.connections.remove(&number) else { return };
        let places = [connection.ends[0].place, connection.ends[1].place];
        self.lanes.remove(&key(places[0], places[1], connection.lane));
        for own in 0..2 {
            let (from, to) = (places[own], places[1 - own]);
            let sent = std::mem::take(&mut connection.ends[own].sent);
            let target = connection.ends[1 - own].inbox.clone();
            let target = target.filter(|it| !it.tasks.is_dead() && !self.is_cut(now, from, to));
            let mut arrive = self.dice.below(sent.len() as u64 + 1);
            for flying in sent {
                match &target {
                    Some(target) if arrive > 0 => {
                        self.hear((from, to, number), target, flying.message, fx);
                    }
                    _ => self.lose(from, flying.message, fx),
                }
                arrive = arrive.saturating_sub(1);
            }
        }
        for own in 0..2 {
            let (Some(why), Some(inbox)) = (told[own], connection.ends[own].inbox.take()) else {
                continue;
            };
            let (from, to) = (places[1 - own], places[own]);
            let way = match why {
                Closed::TimedOut => Duration::ZERO,
                _ => self.draw_way(from, to),
            };
            let lane = connection.lane;
            let tell = Step::Tell { from, to, inbox, connection: number, lane, why };
            fx.at(now + way, tell);
        }
    }
}
