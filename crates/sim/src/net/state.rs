use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tenure_types::Instant;

use super::config::NetConfig;
use super::inbox::Inbox;
use super::message::{Closed, Message, Traffic};
use super::trouble::Troubles;
use crate::entropy::Dice;
use crate::machine::Machine;

/// What the network does later.
pub(crate) enum Step<M> {
    /// The kernel of the sender takes a message.
    Take { from: Arc<Inbox<M>>, place: u32, to: u32, message: M },
    /// A datagram arrives.
    Datagram { from: u32, to: u32, message: M },
    /// The first message that the end of a connection has sent arrives.
    Deliver { connection: u64, end: usize },
    /// What the end of a connection has sent should be acknowledged by now.
    Acknowledge { connection: u64, end: usize },
    /// A process hears that its connection ended.
    Tell { from: u32, to: u32, inbox: Arc<Inbox<M>>, connection: u64, lane: u8, why: Closed },
    /// The memory of a process that ended is free, and its sockets are closed.
    Free { place: u32, group: u32 },
}

/// What follows from a step, to be done where no lock is held.
pub(crate) struct Effects<M> {
    pub(crate) steps: Vec<(Instant, u32, Step<M>)>,
    pub(crate) lost: Vec<M>,
    pub(crate) wakers: Vec<Waker>,
    pub(crate) marks: Vec<(&'static str, &'static str, [u64; 3])>,
}

impl<M> Default for Effects<M> {
    fn default() -> Self {
        Self { steps: Vec::new(), lost: Vec::new(), wakers: Vec::new(), marks: Vec::new() }
    }
}

impl<M> Effects<M> {
    pub(crate) fn at(&mut self, at: Instant, step: Step<M>) {
        self.steps.push((at, crate::world::NOBODY, step));
    }
}

/// One machine as the network sees it.
pub(crate) struct Place<M> {
    pub(crate) machine: Machine,
    /// Who is heard there, also for a while after its end.
    pub(crate) inbox: Option<Arc<Inbox<M>>>,
    /// Its power is off: it neither answers nor refuses.
    pub(crate) is_off: bool,
    pub(crate) traffic: Traffic,
}

/// A message on its way over a connection. It arrives then, but not before those that were sent
/// before it.
pub(crate) struct Flying<M> {
    pub(crate) message: M,
    pub(crate) at: Instant,
}

/// One end of a connection, with what it has sent.
pub(crate) struct End<M> {
    pub(crate) place: u32,
    /// The process, once it has accepted.
    pub(crate) inbox: Option<Arc<Inbox<M>>>,
    pub(crate) sent: VecDeque<Flying<M>>,
    /// Since when the first message is sent again and again.
    pub(crate) tries_since: Option<Instant>,
    pub(crate) pause: Duration,
    /// Since when nothing that was heard is acknowledged.
    pub(crate) unheard_since: Option<Instant>,
}

pub(crate) struct Connection<M> {
    pub(crate) lane: u8,
    pub(crate) ends: [End<M>; 2],
}

/// Everything that is on its way.
pub(crate) struct State<M> {
    pub(crate) config: NetConfig,
    pub(crate) dice: Dice,
    pub(crate) troubles: Troubles,
    pub(crate) places: BTreeMap<u32, Place<M>>,
    pub(crate) connections: BTreeMap<u64, Connection<M>>,
    /// The connection between two machines, the lower number first, on a lane.
    pub(crate) lanes: BTreeMap<(u32, u32, u8), u64>,
    pub(crate) next_connection: u64,
}

impl<M: Message> State<M> {
    pub(crate) fn new(config: NetConfig, dice: Dice) -> Self {
        Self {
            config,
            dice,
            troubles: Troubles::default(),
            places: BTreeMap::new(),
            connections: BTreeMap::new(),
            lanes: BTreeMap::new(),
            next_connection: 1,
        }
    }

    pub(crate) fn traffic(&mut self, place: u32) -> &mut Traffic {
        &mut self.places.get_mut(&place).expect("the machine was bound").traffic
    }

    pub(crate) fn lose(&mut self, from: u32, message: M, fx: &mut Effects<M>) {
        self.traffic(from).lost += 1;
        fx.marks.push(("lost", message.name(), [u64::from(from), 0, 0]));
        fx.lost.push(message);
    }

    fn is_up(&self, place: u32) -> bool {
        let place = self.places.get(&place);
        place.is_some_and(|place| !place.is_off && place.machine.is_running())
    }

    /// Whether nothing gets from one kernel to the other.
    pub(crate) fn is_cut(&self, now: Instant, from: u32, to: u32) -> bool {
        self.troubles.is_cut(now, from, to) || !self.is_up(from) || !self.is_up(to)
    }

    pub(crate) fn draw_way(&mut self, from: u32, to: u32) -> Duration {
        let slower = self.troubles.slower(from, to);
        self.config.draw_way(&mut self.dice, slower)
    }

    pub(crate) fn draw_lost(&mut self, from: u32, to: u32) -> bool {
        let losing = self.config.loses.max(self.troubles.losing(from, to));
        self.dice.below(1_000_000) < u64::from(losing)
    }

    /// Puts what was heard into the queue of a process.
    pub(crate) fn hear(
        &mut self,
        (from, to, connection): (u32, u32, u64),
        inbox: &Arc<Inbox<M>>,
        message: M,
        fx: &mut Effects<M>,
    ) {
        let bytes = message.bytes();
        let traffic = self.traffic(to);
        traffic.heard += 1;
        traffic.heard_bytes += u64::from(bytes);
        let numbers = [u64::from(from), u64::from(to), u64::from(bytes)];
        fx.marks.push(("heard", message.name(), numbers));
        let heard = super::message::Heard::Message { from, connection, message };
        fx.wakers.extend(inbox.push(heard, bytes));
    }
}
