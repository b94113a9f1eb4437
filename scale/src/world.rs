//! Nodes beside one member table, one network and one store, all without a real clock.
//!
//! A node is the protocol's two machines, [`Membership`] and [`Cluster`], and nothing else. Handling takes no
//! time and wires have no width: times that are measured here are those of messages that wait for each
//! other, and what a real machine adds to them follows from how many there are.

mod effects;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::cluster::{Cluster, ClusterConfig, Sizes};
use tenure_protocol::lease::LeaseTerms;
use tenure_protocol::ring::Ring;
use tenure_protocol::view::membership::{Config, FastPath, Membership, Seat};
use tenure_protocol::view::table::{JoinToken, Table, TableAction, TableOutcome, TableRequest};
use tenure_protocol::view::{MemberState, View};
use tenure_types::{ActorId, Incarnation, Instant, NodeId, ViewNumber};

use crate::draws::Draws;
use crate::events::{Event, Queue};
use crate::probes::Probes;
use crate::tally::Tally;

/// A message from node to node takes between these, evenly.
pub(crate) const NETWORK: (Duration, Duration) =
    (Duration::from_micros(200), Duration::from_millis(1));
/// A request to the table and its answer together.
pub(crate) const TABLE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(5));
/// A fence in the state store.
pub(crate) const FENCE: (Duration, Duration) =
    (Duration::from_millis(2), Duration::from_millis(10));
/// How long a member that is gone stays listed here: long enough for what is measured, and no longer.
const GONE_KEPT: Duration = Duration::from_secs(15);

/// One process.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) membership: Membership,
    /// From when it has an incarnation.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) is_dead: bool,
    /// When it learnt the view that is waited for.
    pub(crate) learnt_at: Option<Instant>,
    /// When all its slots were first seen open after that.
    pub(crate) settled_at: Option<Instant>,
    seat: Seat,
    token: JoinToken,
    due: Instant,
    fencing: BTreeSet<Incarnation>,
}

/// The view that is waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// All of these are condemned, down or forgotten.
    pub(crate) ended: Vec<Incarnation>,
    /// This node has a run that is alive.
    pub(crate) alive: Option<NodeId>,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) table: Table,
    pub(crate) tally: Tally,
    pub(crate) probes: Probes,
    pub(crate) expected: Expected,
    /// When the table first stood where it is expected to.
    pub(crate) decided_at: Option<Instant>,
    pub(crate) draws: Draws,
    /// Views with their rings: the same at every member, so made once.
    views: BTreeMap<ViewNumber, (Arc<View>, Arc<Ring>)>,
    by_incarnation: BTreeMap<Incarnation, usize>,
    queue: Queue,
    /// While the cluster starts, nobody is told of views: there is one, and everybody reads it.
    is_starting: bool,
}

impl World {
    /// A cluster of `count` members that renew, poll and know each other, without actors and slots.
    pub(crate) fn of_members(count: usize, seed: u64) -> Self {
        let mut world = Self {
            now: Instant::from_nanos(1_000_000_000),
            nodes: Vec::new(),
            table: Table::default(),
            tally: Tally::default(),
            probes: Probes::default(),
            expected: Expected::default(),
            decided_at: None,
            draws: Draws::new(seed),
            views: BTreeMap::new(),
            by_incarnation: BTreeMap::new(),
            queue: Queue::default(),
            is_starting: true,
        };
        let mut joined = Vec::new();
        for _ in 0..count {
            let at = world.add_node();
            joined.push(world.seat_in_table(at));
        }
        for incarnation in joined {
            let to = MemberState::Alive;
            let advanced = world.apply(TableAction::Advance { incarnation, to });
            assert_eq!(advanced, Ok(TableOutcome::Done), "it has just joined");
        }
        let terms = LeaseTerms::default();
        for node in 0..count {
            // Spread, so that renewals and polls of different members do not fall together.
            let at = world.now + world.draws.between(Duration::ZERO, terms.renew_every);
            world.queue.put(at, Event::Start { node });
        }
        world.run(terms.renew_every + 3 * terms.poll_every);
        world.is_starting = false;
        world
    }

    /// A further node, which does nothing yet. Returns its place in the list.
    pub(crate) fn add_node(&mut self) -> usize {
        let number = self.nodes.len();
        let node = NodeId::new(&format!("web-{number}")).expect("a name that follows the rule");
        let address = format!("10.{}.{}.{}:7073", number >> 16, number >> 8 & 255, number & 255);
        let terms = LeaseTerms::default();
        let config = Config { terms, fast_path: FastPath::Presumed, gone_kept: GONE_KEPT };
        self.nodes.push(Node {
            membership: Membership::new(config, ViewNumber(0)),
            cluster: None,
            incarnation: None,
            is_dead: false,
            learnt_at: None,
            settled_at: None,
            seat: Seat { node, weight: 1, address: address.into() },
            token: JoinToken(u128::from(self.draws.draw())),
            due: Instant::NEVER,
            fencing: BTreeSet::new(),
        });
        self.tally.by_node.push(0);
        number
    }

    /// Makes the row that the node's own request will find: as if its join had been answered before.
    fn seat_in_table(&mut self, node: usize) -> Incarnation {
        let Node { seat, token, .. } = &self.nodes[node];
        let Seat { node: id, weight, address } = seat.clone();
        let join = TableAction::Join { node: id, weight, address, former: None, token: *token };
        match self.apply(join) {
            Ok(TableOutcome::Joined { incarnation, .. }) => incarnation,
            other => panic!("a table with room takes everybody: {other:?}"),
        }
    }

    fn apply(
        &mut self,
        action: TableAction,
    ) -> Result<TableOutcome, tenure_protocol::view::table::TableError> {
        self.table.apply(TableRequest { seen: ViewNumber(0), action }).outcome
    }

    /// The machine of a run, as its node makes it.
    pub(crate) fn new_cluster(&mut self, incarnation: Incarnation) -> Cluster {
        Cluster::new(incarnation, ClusterConfig::default(), self.draws.draw())
    }

    /// The table's view as members learn it, with its ring.
    pub(crate) fn present(&mut self) -> (Arc<View>, Arc<Ring>) {
        let view = Arc::new(self.table.view());
        self.shared(&view)
    }

    /// The one copy of a view, and its ring.
    fn shared(&mut self, view: &Arc<View>) -> (Arc<View>, Arc<Ring>) {
        if let Some((view, ring)) = self.views.get(&view.number) {
            return (Arc::clone(view), Arc::clone(ring));
        }
        let before = self.views.values().next_back().map(|(_, ring)| Arc::clone(ring));
        let before = before.unwrap_or_else(|| Arc::new(Ring::of([])));
        let ring = Arc::new(before.after(Ring::members_of(view)));
        self.views.insert(view.number, (Arc::clone(view), Arc::clone(&ring)));
        (Arc::clone(view), ring)
    }

    /// Begins a time of observation.
    pub(crate) fn observe(&mut self, expected: Expected) {
        self.tally = Tally::new(self.nodes.len());
        self.probes = Probes::default();
        self.expected = expected;
        self.decided_at = None;
        for node in &mut self.nodes {
            node.learnt_at = None;
            node.settled_at = None;
        }
        // A member that lags may still ask for the last one, nobody for those before.
        while self.views.len() > 2 {
            self.views.pop_first();
        }
    }

    pub(crate) fn later(&mut self, after: Duration, event: Event) {
        self.queue.put(self.now + after, event);
    }

    pub(crate) fn network_delay(&mut self) -> Duration {
        self.draws.between(NETWORK.0, NETWORK.1)
    }

    /// The process is gone, and nothing of it is heard any more.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].is_dead = true;
    }

    /// Frees what a dead process had in memory.
    pub(crate) fn bury(&mut self) {
        for node in self.nodes.iter_mut().filter(|node| node.is_dead) {
            node.cluster = None;
        }
    }

    /// The name of the node in that place.
    pub(crate) fn id_of(&self, node: usize) -> NodeId {
        self.nodes[node].seat.node.clone()
    }

    /// How much the node in that place has.
    pub(crate) fn sizes(&self, node: usize) -> Option<Sizes> {
        self.nodes[node].cluster.as_ref().map(Cluster::sizes)
    }

    pub(crate) fn living(&self) -> Vec<usize> {
        let is_living = |node: &usize| {
            let it = &self.nodes[*node];
            !it.is_dead && it.cluster.is_some()
        };
        (0..self.nodes.len()).filter(is_living).collect()
    }

    pub(crate) fn is_dead(&self, incarnation: Incarnation) -> bool {
        self.by_incarnation.get(&incarnation).is_none_or(|node| self.nodes[*node].is_dead)
    }

    /// Looks an actor up as a call from that node would.
    pub(crate) fn look_up(&mut self, node: usize, actor: &ActorId) {
        let Some(wish) = self.probes.wish(actor) else { return };
        let now = self.now;
        if let Some(cluster) = &mut self.nodes[node].cluster {
            cluster.look_up(now, actor, wish);
        }
        self.carry_out(node);
    }

    /// Lets everything happen that happens within this time.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, event)) = self.queue.take(until) {
            self.now = at;
            self.happen(event);
        }
        self.now = until;
    }

    /// Who had all slots open by now, of those that know the view that is waited for.
    pub(crate) fn see_who_is_settled(&mut self) {
        let now = self.now;
        for node in self.nodes.iter_mut().filter(|it| !it.is_dead) {
            let waits = node.learnt_at.is_some() && node.settled_at.is_none();
            if waits && node.cluster.as_ref().is_some_and(Cluster::is_settled) {
                node.settled_at = Some(now);
            }
        }
    }
}
