//! How the node is a member: by a table that all agree on, or by gossip.

use std::sync::Arc;

use tenure_protocol::view::View;
use tenure_protocol::view::membership::{
    Config, Death, Lost, Membership as TableMembership, Seat, Timer,
};
use tenure_protocol::view::table::{JoinToken, TableAnswer};
use tenure_types::{Incarnation, Instant, ViewNumber};

use crate::gossiping::Gossiping;
use crate::told::Told;

/// The node's part in its cluster.
pub(crate) enum Membership {
    /// A member table.
    Table { machine: Box<TableMembership>, timer: Option<(Timer, Instant)> },
    /// Gossip.
    Gossip(Box<Gossiping>),
}

impl Membership {
    pub(crate) fn of_table(config: Config) -> Self {
        let machine = Box::new(TableMembership::new(config, ViewNumber(0)));
        Self::Table { machine, timer: None }
    }

    /// Whether there is a member table, by which views are agreed on.
    pub(crate) fn has_table(&self) -> bool {
        matches!(self, Self::Table { .. })
    }

    pub(crate) fn join(&mut self, now: Instant, seat: Seat, token: JoinToken) {
        match self {
            Self::Table { machine, .. } => machine.join(now, seat, token),
            Self::Gossip(gossip) => gossip.join(seat),
        }
    }

    /// The store has handed out incarnations.
    pub(crate) fn numbered(&mut self, numbers: Vec<Incarnation>) {
        if let Self::Gossip(gossip) = self {
            gossip.numbered(numbers);
        }
    }

    pub(crate) fn ready(&mut self, now: Instant) {
        match self {
            Self::Table { machine, .. } => machine.ready(now),
            Self::Gossip(gossip) => gossip.ready(now),
        }
    }

    pub(crate) fn leave(&mut self, now: Instant) {
        match self {
            Self::Table { machine, .. } => machine.leave(now),
            Self::Gossip(gossip) => gossip.leave(now),
        }
    }

    pub(crate) fn left(&mut self, now: Instant) {
        match self {
            Self::Table { machine, .. } => machine.left(now),
            Self::Gossip(gossip) => gossip.left(now),
        }
    }

    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        request: u64,
        result: Result<TableAnswer, Lost>,
    ) {
        if let Self::Table { machine, .. } = self {
            machine.handle_answer(now, request, result);
        }
    }

    pub(crate) fn handle_fenced(&mut self, incarnation: Incarnation) {
        if let Self::Table { machine, .. } = self {
            machine.handle_fenced(incarnation);
        }
    }

    /// There is a view with this number.
    pub(crate) fn handle_number(&mut self, now: Instant, number: ViewNumber) {
        match self {
            Self::Table { machine, .. } => machine.handle_number(now, number),
            Self::Gossip(gossip) => gossip.handle_number(now, number),
        }
    }

    /// Somebody spoke of whom the view does not tell. Gossip brings its views by itself.
    pub(crate) fn refresh(&mut self, now: Instant) {
        if let Self::Table { machine, .. } = self {
            let next = ViewNumber(machine.view().number.0 + 1);
            machine.handle_number(now, next);
        }
    }

    /// Somebody should look after a member. Gossip does so all the time.
    pub(crate) fn handle_hint(&mut self, now: Instant, incarnation: Incarnation) {
        if let Self::Table { machine, .. } = self {
            machine.handle_hint(now, incarnation);
        }
    }

    pub(crate) fn handle_death(&mut self, now: Instant, incarnation: Incarnation, death: Death) {
        match self {
            Self::Table { machine, .. } => machine.handle_death(now, incarnation, death),
            Self::Gossip(gossip) if death == Death::Proof => gossip.bury(now, incarnation),
            Self::Gossip(_) => {}
        }
    }

    /// A member withholds what others wait for, although it is asked directly and through others.
    pub(crate) fn accuse(&mut self, now: Instant, incarnation: Incarnation) {
        match self {
            Self::Table { machine, .. } => machine.accuse(now, incarnation),
            Self::Gossip(gossip) => gossip.bury(now, incarnation),
        }
    }

    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), String> {
        match self {
            Self::Table { .. } => Err("there is no gossip here".to_owned()),
            Self::Gossip(gossip) => gossip.handle_datagram(now, datagram),
        }
    }

    pub(crate) fn set_timer(&mut self, timer: Timer, at: Instant) {
        if let Self::Table { timer: armed, .. } = self {
            *armed = Some((timer, at));
        }
    }

    /// When it is to be looked at again.
    pub(crate) fn due(&self) -> Instant {
        match self {
            Self::Table { timer, .. } => timer.map_or(Instant::NEVER, |(_, at)| at),
            Self::Gossip(gossip) => gossip.due(),
        }
    }

    pub(crate) fn handle_time(&mut self, now: Instant) {
        match self {
            Self::Table { machine, timer } => {
                if let Some((due, _)) = timer.take_if(|(_, at)| *at <= now) {
                    machine.handle_timer(now, due);
                }
            }
            Self::Gossip(gossip) => gossip.handle_time(now),
        }
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Told> {
        match self {
            Self::Table { machine, .. } => {
                machine.take_effects().into_iter().map(Told::Member).collect()
            }
            Self::Gossip(gossip) => gossip.take_effects(),
        }
    }

    /// Until when the node may release what its actors produce; with gossip for ever, while it is a member.
    pub(crate) fn lease_until(&self) -> Instant {
        match self {
            Self::Table { machine, .. } => machine.lease_until(),
            Self::Gossip(gossip) => gossip.lease_until(),
        }
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        match self {
            Self::Table { machine, .. } => machine.view(),
            Self::Gossip(gossip) => gossip.view(),
        }
    }
}
