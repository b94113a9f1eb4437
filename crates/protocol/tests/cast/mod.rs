//! Machines of several members, a network that loses, repeats and overtakes, and a membership that is
//! decided from outside: what the cluster's own rules must keep, whatever the order of events.

#![allow(clippy::print_stderr, reason = "a failing seed is looked at")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::cluster::{Cluster, ClusterConfig, Effect, Message};
use tenure_protocol::directory::Wish;
use tenure_protocol::migration::MoveId;
use tenure_protocol::placement::Strategy;
use tenure_protocol::ring::Ring;
use tenure_protocol::view::{Member, MemberState, View};
use tenure_types::{ActorId, ActorTypeName, Incarnation, Instant, Key, NodeId, Tenure, ViewNumber};

/// What happens at some time.
enum Event {
    Deliver { from: Incarnation, to: Incarnation, message: Message },
    Shipped { to: Incarnation, id: MoveId, actor: ActorId },
    Time(Incarnation),
    Learn(Incarnation, Arc<View>),
    Fenced(Incarnation, Incarnation),
    Packed(Incarnation, MoveId),
    Refresh(Incarnation),
}

/// How bad the network is.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) loss_percent: u64,
    pub(crate) twice_percent: u64,
    pub(crate) delay_max: Duration,
}

pub(crate) const FAIR: Weather =
    Weather { loss_percent: 0, twice_percent: 0, delay_max: Duration::from_millis(2) };
pub(crate) const FOUL: Weather =
    Weather { loss_percent: 15, twice_percent: 10, delay_max: Duration::from_millis(300) };

/// Where an activation can be heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Voice {
    Live,
    Sealed,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) weather: Weather,
    pub(crate) nodes: BTreeMap<Incarnation, Cluster>,
    pub(crate) view: Arc<View>,
    pub(crate) cut: BTreeSet<(Incarnation, Incarnation)>,
    /// Activations by who has them: what can be heard now.
    voices: BTreeMap<ActorId, BTreeMap<Incarnation, (Tenure, Voice)>>,
    highest: BTreeMap<ActorId, Tenure>,
    arrived: BTreeSet<(Incarnation, MoveId)>,
    pub(crate) found: BTreeMap<(Incarnation, ActorId), (Incarnation, Tenure)>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    events: BTreeMap<(Instant, u64), Event>,
    next_event: u64,
    rings: BTreeMap<ViewNumber, Arc<Ring>>,
    draws: u64,
    config: ClusterConfig,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Instant::from_nanos(1_000_000_000),
            weather: FAIR,
            nodes: BTreeMap::new(),
            view: Arc::default(),
            cut: BTreeSet::new(),
            voices: BTreeMap::new(),
            highest: BTreeMap::new(),
            arrived: BTreeSet::new(),
            found: BTreeMap::new(),
            counts: BTreeMap::new(),
            events: BTreeMap::new(),
            next_event: 0,
            rings: BTreeMap::new(),
            draws: seed,
            config: ClusterConfig {
                move_patience: Duration::from_millis(800),
                ..ClusterConfig::default()
            },
        }
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.draws;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }

    fn soon(&mut self, most: Duration) -> Instant {
        let nanos = self.below(u64::try_from(most.as_nanos()).unwrap());
        self.now + Duration::from_nanos(nanos + 1)
    }

    fn later(&mut self, at: Instant, event: Event) {
        self.next_event += 1;
        self.events.insert((at, self.next_event), event);
    }

    /// Changes the list of members; everybody learns it sooner or later, or skips it.
    fn change(&mut self, change: impl FnOnce(&mut BTreeMap<Incarnation, Member>, ViewNumber)) {
        let number = ViewNumber(self.view.number.0 + 1);
        let mut members: BTreeMap<_, _> =
            self.view.members().map(|member| (member.incarnation, member.clone())).collect();
        change(&mut members, number);
        self.view = Arc::new(View::new(number, members.into_values()));
        let nodes: Vec<Incarnation> = self.nodes.keys().copied().collect();
        for node in nodes {
            if self.below(4) != 0 {
                let at = self.soon(self.weather.delay_max * 3);
                let view = Arc::clone(&self.view);
                self.later(at, Event::Learn(node, view));
            } else {
                let at = self.soon(Duration::from_secs(2));
                self.later(at, Event::Refresh(node));
            }
        }
    }

    pub(crate) fn join(&mut self, node: &str) -> Incarnation {
        let incarnation = Incarnation(self.view.number.0 + 1);
        let member = Member {
            incarnation,
            node: NodeId::new(node).unwrap(),
            state: MemberState::Alive,
            presumed: false,
            weight: 1,
            address: "".into(),
        };
        let seed = self.below(u64::MAX);
        self.nodes.insert(incarnation, Cluster::new(incarnation, self.config.clone(), seed));
        self.change(|members, _| {
            members.insert(incarnation, member);
        });
        incarnation
    }

    pub(crate) fn set_state(&mut self, node: Incarnation, state: MemberState, presumed: bool) {
        if state.is_gone() {
            self.kill(node);
        }
        self.change(|members, _| {
            let member = members.get_mut(&node).unwrap();
            member.state = state;
            member.presumed = presumed;
        });
    }

    pub(crate) fn forget(&mut self, node: Incarnation) {
        self.change(|members, _| {
            members.remove(&node);
        });
    }

    /// Nothing of it is heard any more.
    pub(crate) fn kill(&mut self, node: Incarnation) {
        self.nodes.remove(&node);
        for hosts in self.voices.values_mut() {
            hosts.remove(&node);
        }
    }

    pub(crate) fn with(&mut self, node: Incarnation, work: impl FnOnce(&mut Cluster, Instant)) {
        let now = self.now;
        let Some(cluster) = self.nodes.get_mut(&node) else { return };
        work(cluster, now);
        let effects = cluster.take_effects();
        for effect in effects {
            self.carry_out(node, effect);
        }
        if let Some(at) = self.nodes.get(&node).and_then(Cluster::next_due) {
            self.later(at.max(self.now), Event::Time(node));
        }
    }

    /// With `TENURE_TRACE` set, everything that happens is printed.
    fn note(&self, what: impl FnOnce() -> String) {
        if std::env::var_os("TENURE_TRACE").is_some() {
            eprintln!("{:?} {}", self.now, what());
        }
    }

    fn carry_out(&mut self, node: Incarnation, effect: Effect) {
        self.note(|| format!("{node} does {effect:?}"));
        match effect {
            Effect::Send { to, message } => self.post(node, to, &message),
            Effect::Refresh(_) => {
                let at = self.soon(Duration::from_millis(20));
                self.later(at, Event::Refresh(node));
            }
            Effect::Fence(dead) => {
                let at = self.soon(Duration::from_millis(500));
                self.later(at, Event::Fenced(node, dead));
            }
            Effect::Accuse(_) => *self.counts.entry("accused").or_default() += 1,
            Effect::Activate { actor, tenure, arrived } => {
                if let Some(id) = arrived {
                    assert!(self.arrived.remove(&(node, id)), "{actor} starts from nothing");
                }
                self.speaks(node, &actor, tenure, "starts");
            }
            Effect::Drop { actor, tenure } | Effect::Moved { actor, tenure, .. } => {
                let voice = self.voices.get_mut(&actor).and_then(|hosts| hosts.remove(&node));
                assert_eq!(voice, Some((tenure, Voice::Sealed)), "{actor} leaves {node}");
            }
            Effect::Found { actor, host, tenure } => {
                self.found.insert((node, actor), (host, tenure));
            }
            Effect::Nowhere { .. } => *self.counts.entry("nowhere").or_default() += 1,
            Effect::Stands { actor, .. } => panic!("nobody awaits {actor}"),
            Effect::Seal { id, actor, .. } => {
                self.hushed(node, &actor);
                let at = self.soon(Duration::from_millis(50));
                self.later(at, Event::Packed(node, id));
            }
            Effect::Ship { id, actor, to } => {
                let at = self.soon(self.weather.delay_max);
                if self.below(100) >= self.weather.loss_percent {
                    self.later(at, Event::Shipped { to, id, actor });
                }
            }
            Effect::Unseal { actor, tenure, .. } => {
                *self.counts.entry("unsealed").or_default() += 1;
                self.speaks(node, &actor, tenure, "goes on");
            }
            Effect::DropArrived(id) => {
                self.arrived.remove(&(node, id));
            }
            Effect::Evict { actor, .. } => panic!("{actor} runs twice"),
            Effect::Alarm(alarm) => panic!("{alarm:?}"),
        }
    }

    /// An activation can be heard from now on: no other of its actor can.
    fn speaks(&mut self, node: Incarnation, actor: &ActorId, tenure: Tenure, how: &str) {
        let hosts = self.voices.entry(actor.clone()).or_default();
        let other = hosts.iter().find(|(it, (_, voice))| **it != node && *voice == Voice::Live);
        assert_eq!(other, None, "{actor} {how} on {node} with {tenure}");
        hosts.insert(node, (tenure, Voice::Live));
        let highest = self.highest.entry(actor.clone()).or_default();
        assert!(tenure >= *highest, "{actor} {how} with {tenure} after {highest}");
        *highest = tenure;
        *self.counts.entry("activations").or_default() += 1;
    }

    fn hushed(&mut self, node: Incarnation, actor: &ActorId) {
        let voice = self.voices.get_mut(actor).and_then(|hosts| hosts.get_mut(&node));
        voice.expect("it runs here").1 = Voice::Sealed;
    }

    fn post(&mut self, from: Incarnation, to: Incarnation, message: &Message) {
        *self.counts.entry(message.name()).or_default() += 1;
        let copies = 1 + u64::from(self.below(100) < self.weather.twice_percent);
        for _ in 0..copies {
            if self.below(100) < self.weather.loss_percent || self.cut.contains(&(from, to)) {
                continue;
            }
            let at = self.soon(self.weather.delay_max);
            self.later(at, Event::Deliver { from, to, message: message.clone() });
        }
    }

    /// Lets everything happen that happens within this time.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(entry) = self.events.first_entry().filter(|it| it.key().0 <= until) {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
        self.now = until;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => {
                self.note(|| format!("{from}>{to} {message:?}"));
                self.with(to, |cluster, now| cluster.handle_message(now, from, message));
            }
            Event::Shipped { to, id, actor } => {
                let mut is_wanted = false;
                self.with(to, |it, now| is_wanted = it.handle_shipped(now, id, &actor));
                if is_wanted {
                    self.arrived.insert((to, id));
                }
            }
            Event::Time(node) => self.with(node, |cluster, now| cluster.handle_time(now)),
            Event::Learn(node, view) => {
                self.note(|| format!("{node} learns {view:?}"));
                self.learn(node, view);
            }
            Event::Fenced(node, dead) => {
                self.with(node, |cluster, now| cluster.handle_fenced(now, dead));
            }
            Event::Packed(node, id) => {
                self.with(node, |cluster, now| cluster.handle_packed(now, id));
            }
            Event::Refresh(node) => {
                self.learn(node, Arc::clone(&self.view));
            }
        }
    }

    fn learn(&mut self, node: Incarnation, view: Arc<View>) {
        let ring = Arc::clone(
            self.rings.entry(view.number).or_insert_with(|| Arc::new(Ring::of_view(&view))),
        );
        self.with(node, |cluster, now| cluster.handle_view_and_ring(now, view, ring));
    }

    pub(crate) fn look_up(&mut self, node: Incarnation, actor: &ActorId, wish: Wish) {
        self.with(node, |cluster, now| cluster.look_up(now, actor, wish));
    }

    /// An activation of this node becomes idle, is sealed and saved.
    pub(crate) fn leave_some(&mut self, node: Incarnation) {
        let Some((actor, tenure)) = self.some_live(node) else { return };
        self.hushed(node, &actor);
        let mut leaves = false;
        self.with(node, |cluster, now| leaves = cluster.leave(now, &actor, tenure));
        assert!(leaves, "{actor} runs on {node}");
    }

    pub(crate) fn some_live(&mut self, node: Incarnation) -> Option<(ActorId, Tenure)> {
        let live: Vec<_> = self
            .voices
            .iter()
            .filter_map(|(actor, hosts)| Some((actor, hosts.get(&node)?)))
            .filter(|(_, (_, voice))| *voice == Voice::Live)
            .map(|(actor, (tenure, _))| (actor.clone(), *tenure))
            .collect();
        let at = self.below(live.len() as u64) as usize;
        live.get(at).cloned()
    }

    /// Who can be heard as this actor.
    pub(crate) fn live(&self, actor: &ActorId) -> Option<(Incarnation, Tenure)> {
        let hosts = self.voices.get(actor)?;
        let mut live = hosts.iter().filter(|(_, (_, voice))| *voice == Voice::Live);
        live.next().map(|(node, (tenure, _))| (*node, *tenure))
    }
}

pub(crate) fn actor(number: u64) -> ActorId {
    let actor_type = ActorTypeName::new("ledger").unwrap();
    ActorId { actor_type, key: Key::new(&number.to_string()).unwrap() }
}

pub(crate) const DURABLE: Wish = Wish { strategy: Strategy::Balanced, durable: true };
pub(crate) const FRAGILE: Wish = Wish { strategy: Strategy::Balanced, durable: false };
