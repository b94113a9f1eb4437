//! A member without a table. By gossip: its views are those of [`Gossip`], its lease never ends, and where the cluster falls apart a
//! policy says which part goes on. Or of a fixed list of nodes, of which none is ever taken for dead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_protocol::gossip::{Fixed, Founding, Gossip, GossipEffect, GossipTimer, Hint, Peer};
use tenure_protocol::split_brain::{Decision, Picture, Policy, SplitBrain};
use tenure_protocol::view::membership::{Effect, Seat};
use tenure_protocol::view::{Member, MemberState, View};
use tenure_types::{Entropy, Incarnation, Instant, NodeId, ViewNumber};

use crate::told::Told;

/// How often the judge of splits is told what there is: once a period of failure detection.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// For so long those that were lost count as lost together: about what it takes to notice all of them.
const LOST_TOGETHER: Duration = Duration::from_secs(10);

/// How a node is a member without a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WithoutTable {
    /// By what members tell each other.
    Gossip(GossipConfig),
    /// By a list of these nodes, itself among them, that never changes.
    Fixed(Vec<NodeId>),
}

/// How a node is a member by gossip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GossipConfig {
    /// After how long without hearing of a cluster a node may begin one.
    pub found_after: Duration,
    /// What decides which part goes on when the cluster falls apart; `None`: all go on, each for itself.
    pub split_brain: Option<Policy>,
}

impl Default for GossipConfig {
    fn default() -> Self {
        Self { found_after: Duration::from_secs(2), split_brain: None }
    }
}

/// A node's part in a cluster without a member table.
pub(crate) struct Gossiping {
    config: WithoutTable,
    entropy: Arc<dyn Entropy>,
    phase: Phase,
    view: Arc<View>,
    due: Option<(GossipTimer, Instant)>,
    judge: Option<Judge>,
    effects: Vec<Told>,
}

enum Phase {
    /// No member.
    Out,
    /// It has no incarnation yet.
    Numbering(Seat),
    /// Its runtime does not stand yet. Numbers that no run has are kept for the others of a fixed list.
    Starting(Peer, Vec<(NodeId, Incarnation)>),
    In(Voice),
}

/// What it hears and says.
enum Voice {
    Gossip(Box<Gossip>),
    Fixed(Box<Fixed>),
}

/// Which part goes on.
struct Judge {
    policy: Policy,
    split_brain: SplitBrain,
    look_at: Instant,
    /// Those that were lost, and when.
    lost: BTreeMap<NodeId, Instant>,
    /// Who answered last, and when.
    heard: BTreeMap<NodeId, Instant>,
}

/// SplitMix64 (Steele, Lea and Flood 2014): which members are probed next need not be a secret.
struct Draws(AtomicU64);

impl Entropy for Draws {
    fn next_u64(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Gossiping {
    pub(crate) fn new(config: WithoutTable, seed: u64) -> Self {
        Self {
            config,
            entropy: Arc::new(Draws(AtomicU64::new(seed))),
            phase: Phase::Out,
            view: Arc::default(),
            due: None,
            judge: None,
            effects: Vec::new(),
        }
    }

    pub(crate) fn join(&mut self, seat: Seat) {
        let count = 1 + self.others(&seat.node).count();
        self.phase = Phase::Numbering(seat);
        self.effects.push(Told::Number(count));
    }

    /// The other nodes of a fixed list.
    fn others<'a>(&'a self, me: &'a NodeId) -> impl Iterator<Item = &'a NodeId> {
        let nodes = match &self.config {
            WithoutTable::Gossip(_) => &[][..],
            WithoutTable::Fixed(nodes) => nodes,
        };
        nodes.iter().filter(move |node| *node != me)
    }

    /// The store has handed out so many numbers. The last one is the node's own.
    pub(crate) fn numbered(&mut self, mut numbers: Vec<Incarnation>) {
        let Phase::Numbering(seat) = &self.phase else { return };
        let Some(incarnation) = numbers.pop() else { return };
        let Seat { node, weight, address } = seat.clone();
        let others = self.others(&node).cloned().zip(numbers).collect();
        let peer = Peer::new(node, incarnation, weight, address);
        let peer = peer.expect("a world gives a place that datagrams can name");
        self.phase = Phase::Starting(peer, others);
        self.effects.push(Told::Member(Effect::Joined(incarnation)));
    }

    /// The runtime stands: from now on others may place actors here.
    pub(crate) fn ready(&mut self, now: Instant) {
        let Phase::Starting(peer, others) = &self.phase else { return };
        let voice = match &self.config {
            WithoutTable::Gossip(config) => {
                self.judge = config.split_brain.map(|policy| Judge::new(now, peer, policy));
                let living_min = match config.split_brain {
                    Some(Policy::StaticQuorum(quorum)) => quorum as usize,
                    Some(Policy::KeepMajority { .. }) | None => 1,
                };
                let founding = Founding { after: config.found_after, living_min };
                let mut gossip = Gossip::new(peer.clone(), Arc::clone(&self.entropy), founding);
                gossip.start(now);
                Voice::Gossip(Box::new(gossip))
            }
            WithoutTable::Fixed(_) => {
                let mut fixed = Fixed::new(peer.clone(), others.iter().cloned());
                fixed.start(now);
                Voice::Fixed(Box::new(fixed))
            }
        };
        self.phase = Phase::In(voice);
        self.obey(now);
    }

    pub(crate) fn leave(&mut self, now: Instant) {
        if let Phase::In(Voice::Gossip(gossip)) = &mut self.phase {
            gossip.set_leaving(now);
            self.obey(now);
        }
    }

    /// Nothing of it is released any more: the others take it for gone.
    pub(crate) fn left(&mut self, now: Instant) {
        if let Phase::In(Voice::Gossip(gossip)) = &mut self.phase {
            gossip.leave(now);
            self.obey(now);
        }
        if !matches!(self.phase, Phase::Out) {
            self.phase = Phase::Out;
            (self.due, self.judge) = (None, None);
            self.effects.push(Told::Member(Effect::Left));
        }
    }

    /// This member is gone: the others are told.
    pub(crate) fn bury(&mut self, now: Instant, incarnation: Incarnation) {
        let living = self.view.member(incarnation).filter(|it| !it.state.is_gone());
        if let (Some(peer), Phase::In(Voice::Gossip(gossip))) =
            (living.and_then(peer_of), &mut self.phase)
        {
            gossip.bury(now, peer);
            self.obey(now);
        }
    }

    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), String> {
        let Phase::In(voice) = &mut self.phase else { return Ok(()) };
        let taken = match voice {
            Voice::Gossip(gossip) => gossip.handle_datagram(now, datagram),
            Voice::Fixed(fixed) => fixed.handle_datagram(datagram),
        };
        let from = taken.as_ref().ok().and_then(|from| self.view.member(*from));
        if let (Some(judge), Some(member)) = (&mut self.judge, from) {
            judge.heard.insert(member.node.clone(), now);
        }
        self.obey(now);
        taken.map(drop).map_err(|error| error.to_string())
    }

    /// There is a view with this number.
    pub(crate) fn handle_number(&mut self, now: Instant, number: ViewNumber) {
        if let Phase::In(Voice::Gossip(gossip)) = &mut self.phase {
            gossip.handle_number(now, number);
            self.obey(now);
        }
    }

    pub(crate) fn due(&self) -> Instant {
        let timer = self.due.map_or(Instant::NEVER, |(_, at)| at);
        timer.min(self.judge.as_ref().map_or(Instant::NEVER, |judge| judge.look_at))
    }

    pub(crate) fn handle_time(&mut self, now: Instant) {
        let due = self.due.take_if(|(_, at)| *at <= now);
        if let (Some((timer, _)), Phase::In(voice)) = (due, &mut self.phase) {
            match voice {
                Voice::Gossip(gossip) => gossip.handle_timer(now, timer),
                Voice::Fixed(fixed) => fixed.handle_timer(now, timer),
            }
            self.obey(now);
        }
        if let Some(judge) = self.judge.as_mut().filter(|judge| judge.look_at <= now) {
            judge.look_at = now + LOOK_PERIOD;
            judge.picture(now, &self.view);
        }
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn lease_until(&self) -> Instant {
        match self.phase {
            Phase::Out | Phase::Numbering(_) => Instant::ZERO,
            Phase::Starting(..) | Phase::In(_) => Instant::NEVER,
        }
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    fn obey(&mut self, now: Instant) {
        let effects = match &mut self.phase {
            Phase::In(Voice::Gossip(gossip)) => gossip.take_effects(),
            Phase::In(Voice::Fixed(fixed)) => fixed.take_effects(),
            Phase::Out | Phase::Numbering(_) | Phase::Starting(..) => return,
        };
        for effect in effects {
            match effect {
                GossipEffect::Send { to, datagram } => {
                    let to = Arc::clone(to.address());
                    self.effects.push(Told::Datagram { to, datagram });
                }
                GossipEffect::Knock { datagram } => self.effects.push(Told::Knock(datagram)),
                GossipEffect::SetTimer { timer, at } => self.due = Some((timer, at)),
                GossipEffect::Hint(Hint::Up(_) | Hint::Suspected(_) | Hint::Down(_)) => {}
                GossipEffect::View(view) => {
                    let before = std::mem::replace(&mut self.view, Arc::clone(&view));
                    self.effects.push(Told::Member(Effect::View(view)));
                    let judge = self.judge.as_mut();
                    if judge
                        .is_some_and(|it| it.decide(now, &before, &self.view) == Decision::Discard)
                    {
                        self.effects.push(Told::Member(Effect::Discard));
                    }
                }
                GossipEffect::OtherList(peer) => {
                    self.effects.push(Told::OtherList(peer.node().clone()));
                }
                GossipEffect::Defunct => self.effects.push(Told::Member(Effect::Discard)),
            }
        }
    }
}

impl Judge {
    fn new(now: Instant, me: &Peer, policy: Policy) -> Self {
        Self {
            policy,
            split_brain: SplitBrain::new(me.node().clone(), policy),
            look_at: now + LOOK_PERIOD,
            lost: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    /// What it has of the others now.
    fn picture(&mut self, now: Instant, view: &View) -> Picture {
        self.lost.retain(|_, at| now.saturating_since(*at) < LOST_TOGETHER);
        let living = view.members().filter(|it| !it.state.is_gone()).map(|it| it.node.clone());
        let living: BTreeSet<NodeId> = living.collect();
        // One that came back as a new incarnation is there.
        self.lost.retain(|node, _| !living.contains(node));
        let suspected: BTreeSet<NodeId> = self.lost.keys().cloned().collect();
        self.heard.retain(|node, at| {
            living.contains(node) && now.saturating_since(*at) < 2 * LOOK_PERIOD
        });
        let heard = self.heard.keys().cloned().collect();
        let members = living.union(&suspected).cloned().collect();
        let picture = Picture { members, suspected, heard };
        self.split_brain.handle_picture(&picture, now);
        picture
    }

    /// There is a new view: whether this part goes on. A quorum must be there however the others went; a majority is
    /// asked for where members were lost that did not leave in order.
    fn decide(&mut self, now: Instant, before: &View, view: &View) -> Decision {
        let lost = before.members().filter(|it| {
            matches!(it.state, MemberState::Joining | MemberState::Alive)
                && view.state(it.incarnation).is_none_or(|state| state == MemberState::Down)
        });
        let lost: Vec<NodeId> = lost.map(|it| it.node.clone()).collect();
        self.lost.extend(lost.into_iter().map(|node| (node, now)));
        let picture = self.picture(now, view);
        let is_split = !picture.suspected.is_empty();
        match self.policy {
            Policy::KeepMajority { .. } if !is_split => Decision::Stay,
            Policy::KeepMajority { .. } | Policy::StaticQuorum(_) => {
                self.split_brain.decide(&picture)
            }
        }
    }
}

fn peer_of(member: &Member) -> Option<Peer> {
    let Member { node, incarnation, weight, address, .. } = member;
    Peer::new(node.clone(), *incarnation, *weight, Arc::clone(address)).ok()
}

#[cfg(test)]
mod tests;
