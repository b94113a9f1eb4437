//! What happens, and what nodes then do.

use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::cluster;
use tenure_protocol::view::table::{TableAction, TableOutcome, TableRequest};
use tenure_protocol::view::{MemberState, View, membership};
use tenure_types::{ActorId, Incarnation, Instant, NodeId, Tenure, ViewNumber};

use super::{Expected, FENCE, TABLE, World};
use crate::events::Event;
use crate::wire::{HINT_BYTES, answer_bytes, ask_bytes};

/// After so long a caller of a host that is gone looks the actor up again.
const REFUSED_AFTER: Duration = Duration::from_millis(1);

impl Expected {
    fn is_met(&self, view: &View) -> bool {
        let is_over = |it: &Incarnation| {
            view.state(*it).map_or(it.0 <= view.number.0, |state| !state.is_living())
        };
        let is_alive = |node: &NodeId| {
            view.members().any(|it| it.node == *node && it.state == MemberState::Alive)
        };
        self.ended.iter().all(is_over) && self.alive.as_ref().is_none_or(is_alive)
    }
}

impl World {
    pub(super) fn happen(&mut self, event: Event) {
        let now = self.now;
        let node = match event {
            Event::Ask { node, request, ask, back } => {
                return self.answer(node, request, ask, back);
            }
            Event::Start { node }
            | Event::Deliver { node, .. }
            | Event::Number { node, .. }
            | Event::Death { node, .. }
            | Event::Answer { node, .. }
            | Event::Timer { node, .. }
            | Event::Due { node }
            | Event::Fenced { node, .. }
            | Event::Missed { node, .. } => node,
        };
        let it = &mut self.nodes[node];
        if it.is_dead {
            return;
        }
        match event {
            Event::Start { .. } => it.membership.join(now, it.seat.clone(), it.token),
            Event::Number { number, .. } => it.membership.handle_number(now, number),
            Event::Death { dead, death, .. } => it.membership.handle_death(now, dead, death),
            Event::Answer { request, answer, .. } => {
                it.membership.handle_answer(now, request, Ok(answer));
            }
            Event::Timer { timer, .. } => it.membership.handle_timer(now, timer),
            Event::Deliver { from, message, .. } => {
                if let Some(cluster) = &mut it.cluster {
                    cluster.handle_message(now, from, message);
                }
            }
            Event::Due { .. } => {
                it.due = Instant::NEVER;
                if let Some(cluster) = &mut it.cluster {
                    cluster.handle_time(now);
                }
            }
            Event::Fenced { dead, .. } => {
                it.fencing.remove(&dead);
                it.membership.handle_fenced(dead);
                if let Some(cluster) = &mut it.cluster {
                    cluster.handle_fenced(now, dead);
                }
            }
            Event::Missed { actor, at, .. } => self.missed(node, &actor, at),
            Event::Ask { .. } => unreachable!("it is the table's"),
        }
        self.carry_out(node);
    }

    fn missed(&mut self, node: usize, actor: &ActorId, at: (Incarnation, Tenure)) {
        let now = self.now;
        if let Some(wish) = self.probes.wish(actor)
            && let Some(cluster) = &mut self.nodes[node].cluster
        {
            cluster.missed(now, actor, wish, at, None);
        }
    }

    /// The table does a request.
    fn answer(&mut self, node: usize, request: u64, ask: TableRequest, back: Duration) {
        let asked = ask_bytes(&ask);
        let is_write = !matches!(ask.action, TableAction::Poll { .. });
        let before = self.table.number();
        let answer = self.table.apply(ask);
        if self.decided_at.is_none() && self.table.number() > before {
            let is_met = self.expected.is_met(&self.table.view());
            self.decided_at = is_met.then_some(self.now);
        }
        let has_view = matches!(&answer.outcome, Ok(TableOutcome::Read { view: Some(_), .. }));
        let bytes = (asked, answer_bytes(&answer));
        self.tally.table.answered(self.now, is_write, has_view, bytes);
        self.later(back, Event::Answer { node, request, answer });
    }

    /// Does what the node's machines want done, until they want nothing.
    pub(crate) fn carry_out(&mut self, node: usize) {
        loop {
            let it = &mut self.nodes[node];
            let of_membership = it.membership.take_effects();
            let of_cluster = it.cluster.as_mut().map(cluster::Cluster::take_effects);
            let of_cluster = of_cluster.unwrap_or_default();
            if of_membership.is_empty() && of_cluster.is_empty() {
                break;
            }
            of_membership.into_iter().for_each(|effect| self.obey_membership(node, effect));
            of_cluster.into_iter().for_each(|effect| self.obey_cluster(node, effect));
        }
        let it = &mut self.nodes[node];
        let due = it.cluster.as_ref().and_then(cluster::Cluster::next_due);
        if let Some(due) = due.filter(|due| *due < it.due) {
            it.due = due;
            let at = due.max(self.now);
            self.queue.put(at, Event::Due { node });
        }
    }

    fn obey_membership(&mut self, node: usize, effect: membership::Effect) {
        use membership::Effect;
        match effect {
            Effect::Ask { request, ask } => {
                let whole = self.draws.between(TABLE.0, TABLE.1);
                let (there, back) = (whole / 2, whole / 2);
                self.later(there, Event::Ask { node, request, ask, back });
            }
            Effect::SetTimer { timer, at } => self.queue.put(at, Event::Timer { node, timer }),
            Effect::Joined(incarnation) => {
                self.by_incarnation.insert(incarnation, node);
                self.nodes[node].incarnation = Some(incarnation);
                if !self.is_starting {
                    let cluster = self.new_cluster(incarnation);
                    self.nodes[node].cluster = Some(cluster);
                }
                let now = self.now;
                self.nodes[node].membership.ready(now);
            }
            Effect::View(view) => self.learn(node, &view),
            Effect::Fence(dead) => self.fence(node, dead, false),
            Effect::Hint(number) => self.hint(node, number),
            Effect::Suspend => self.tally.suspended += 1,
            Effect::Discard | Effect::Left => {
                self.tally.discarded += 1;
                self.kill(node);
            }
            Effect::Trouble(error) => panic!("the table is whole and has room: {error}"),
            Effect::Resume => {}
        }
    }

    fn learn(&mut self, node: usize, view: &Arc<View>) {
        let now = self.now;
        let (view, ring) = self.shared(view);
        let is_met = self.expected.is_met(&view);
        let it = &mut self.nodes[node];
        if it.learnt_at.is_none() && is_met {
            it.learnt_at = Some(now);
        }
        if let Some(cluster) = &mut it.cluster {
            cluster.handle_view_and_ring(now, view, ring);
        }
    }

    /// Every other member hears that there is a view with this number.
    fn hint(&mut self, node: usize, number: ViewNumber) {
        if self.is_starting {
            return;
        }
        let view = Arc::clone(self.nodes[node].membership.view());
        for member in view.members().filter(|member| member.state.is_living()) {
            let Some(to) = self.by_incarnation.get(&member.incarnation).copied() else { continue };
            if to != node {
                self.tally.between(node, to, "hint", HINT_BYTES as u64);
                let after = self.network_delay();
                self.later(after, Event::Number { node: to, number });
            }
        }
    }

    /// One request to the store for each node and dead run, whichever of its machines wants it.
    fn fence(&mut self, node: usize, dead: Incarnation, by_owner: bool) {
        if self.nodes[node].fencing.insert(dead) {
            self.tally.fence(self.now, by_owner);
            let after = self.draws.between(FENCE.0, FENCE.1);
            self.later(after, Event::Fenced { node, dead });
        }
    }

    fn obey_cluster(&mut self, node: usize, effect: cluster::Effect) {
        use cluster::Effect;
        let now = self.now;
        match effect {
            Effect::Send { to, message } => {
                let Some(to) = self.by_incarnation.get(&to).copied() else { return };
                self.tally.message(node, to, &message);
                let from = self.nodes[node].incarnation.expect("it has a machine");
                let after = self.network_delay();
                self.later(after, Event::Deliver { from, node: to, message });
            }
            Effect::Refresh(number) => self.nodes[node].membership.handle_number(now, number),
            Effect::Fence(dead) => self.fence(node, dead, true),
            Effect::Accuse(member) => {
                self.tally.accused += 1;
                self.nodes[node].membership.accuse(now, member);
            }
            Effect::Activate { .. } => self.tally.activations += 1,
            Effect::Found { actor, host, tenure } => {
                if self.is_dead(host) {
                    let at = (host, tenure);
                    self.later(REFUSED_AFTER, Event::Missed { node, actor, at });
                } else {
                    self.probes.answered(now, &actor);
                }
            }
            Effect::Stands { actor, .. } => panic!("nobody awaits {actor}"),
            Effect::Nowhere { actor, why } => panic!("{actor} finds no place: {why:?}"),
            Effect::Alarm(alarm) => panic!("the rules exclude {alarm:?}"),
            Effect::Drop { .. }
            | Effect::Seal { .. }
            | Effect::Ship { .. }
            | Effect::Unseal { .. }
            | Effect::Moved { .. }
            | Effect::Evict { .. }
            | Effect::DropArrived(_) => panic!("nothing leaves or moves here"),
        }
    }
}
