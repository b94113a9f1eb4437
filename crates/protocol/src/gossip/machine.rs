use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use foca::{Config, Foca, NoCustomBroadcast, OwnedNotification, PostcardCodec};
use tenure_types::{Entropy, Incarnation, Instant, NUMBER_MAX, NodeId, ViewNumber};

use super::Peer;
use super::collected::Collected;
use super::datagram::{HEAD_BYTES, Head, Kind, Side, Verdict};
use super::draws::Draws;
use super::roll::Roll;
use crate::view::{Member, View};

/// The most bytes of a datagram: what an ordinary network carries in one piece.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;

/// The most peers, living and gone, of which it keeps track, but for those that one datagram adds. Past it
/// nobody is met and no datagram is taken.
pub const PEERS_MAX: usize = 4_096;

/// How long it remembers that a run of a node is gone.
const GONE_KEPT: Duration = Duration::from_secs(3_600);

/// How often each piece of news is passed on, at least. What foca takes for a small cluster, once or twice,
/// loses refutations where one datagram in ten is lost, and the living are taken for dead.
const TRANSMISSIONS_MIN: NonZeroU8 = NonZeroU8::new(10).unwrap();

/// How often it asks those of whom the configuration knows the address who they are, while it has no cluster.
const KNOCK_PERIOD: Duration = Duration::from_millis(500);
/// How often, once it has one: there may be others, which do not know of it.
const KNOCK_PERIOD_SETTLED: Duration = Duration::from_secs(10);
/// How often it looks whether it may found a cluster, once it might.
const FOUND_AGAIN: Duration = Duration::from_millis(250);
/// How often it speaks to some of those that it takes for dead, so that sides which fell apart find each other.
const DOWN_ANNOUNCE_PERIOD: Duration = Duration::from_secs(4);

/// For so long gossip may take to bring a view of which a member has told otherwise. Then it is taken for lost.
const CLIMB_AFTER: Duration = Duration::from_secs(1);

/// When a member that finds no cluster begins one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Founding {
    /// After so long without hearing of a cluster. Of those that know each other the one with the lowest incarnation
    /// founds.
    pub after: Duration,
    /// With so many members and more; nobody has a view before it has so many.
    pub living_min: usize,
}

/// What the driver of a [`Gossip`] is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GossipEffect {
    /// Send a datagram, of at most [`DATAGRAM_BYTES_MAX`] bytes. It may be lost.
    Send {
        /// To whom.
        to: Peer,
        /// What.
        datagram: Vec<u8>,
    },
    /// Send a datagram to each address at which a member may be, as far as the configuration knows any: whoever it
    /// reaches answers.
    Knock {
        /// What.
        datagram: Vec<u8>,
    },
    /// Call `handle_timer` at `at` or later. It replaces the timer before.
    SetTimer {
        /// What to give back.
        timer: GossipTimer,
        /// When.
        at: Instant,
    },
    /// A member seems to be well, or not. Nothing is decided by it with `consensus`.
    Hint(Hint),
    /// There is a newer view of the gossip: the cluster's with `gossip`, nobody's with `consensus`. None comes before
    /// it has found a cluster or founded one.
    View(Arc<View>),
    /// The others took it for dead and hear it no longer, or its side is the smaller one of two that met: with
    /// `gossip`, discard everything and come back as a new incarnation; with `consensus`, look at one's own row.
    Defunct,
    /// With a fixed list: this one has another list, and the later of the two ends. Told once of each later run.
    OtherList(Peer),
}

/// What gossip says of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hint {
    /// It answers.
    Up(Incarnation),
    /// It did not answer a probe of this node, nor one of others on its behalf.
    Suspected(Incarnation),
    /// It did not refute a suspicion in time, or went.
    Down(Incarnation),
}

/// Names one arming of the timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GossipTimer {
    pub(super) number: u64,
}

/// Why a datagram was dropped. What it said has no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GossipError {
    /// It is longer than [`DATAGRAM_BYTES_MAX`] or shorter than any is.
    #[error("a gossip datagram has {bytes} bytes; at most {DATAGRAM_BYTES_MAX} are taken")]
    Size {
        /// How long it is.
        bytes: usize,
    },
    /// There are too many peers already.
    #[error("gossip knows {PEERS_MAX} peers; those that are gone leave it after {GONE_KEPT:?}")]
    Full,
    /// Its view number is none.
    #[error("a gossip datagram names view {number}, which is beyond all numbers")]
    Number {
        /// What it names.
        number: u64,
    },
    /// Its sender has another list of nodes.
    #[error("{node} has another list of nodes (cluster.nodes)")]
    List {
        /// Who sent it.
        node: NodeId,
    },
    /// It is not of this protocol, or of a peer that calls itself what we are called.
    #[error("a gossip datagram could not be read: {reason}")]
    Unreadable {
        /// What foca says.
        reason: String,
    },
}

/// One member's gossip. See the module's documentation.
pub struct Gossip {
    me: Peer,
    founding: Founding,
    /// The member that founded its cluster; zero while it has none.
    founder: Incarnation,
    /// It has told of its views.
    is_settled: bool,
    is_leaving: bool,
    /// It looks soon whether it has come up to a number that it heard of.
    is_climbing: bool,
    /// It left, or was told that it is gone.
    is_over: bool,
    foca: Foca<Peer, PostcardCodec, Draws, NoCustomBroadcast>,
    roll: Roll,
    timers: BTreeMap<(Instant, u64), Due>,
    timers_set: u64,
    armed: Option<Instant>,
    armings: u64,
    /// How many members foca is configured for, a power of two.
    sized_for: u32,
    effects: Vec<GossipEffect>,
}

/// What is to be done at some time.
enum Due {
    Foca(foca::Timer<Peer>),
    Knock,
    Found,
    Climb,
}

fn config(members: u32) -> Config {
    let members = NonZeroU32::new(members).unwrap_or(NonZeroU32::MIN);
    let mut config = Config::new_lan(members);
    const BYTES: NonZeroUsize = NonZeroUsize::new(DATAGRAM_BYTES_MAX - HEAD_BYTES).unwrap();
    config.max_packet_size = BYTES;
    config.remove_down_after = Some(GONE_KEPT);
    // Whoever is gone is told so by a verdict, which names the sides.
    config.notify_down_members = false;
    if let Some(announce) = &mut config.periodic_announce_to_down_members {
        announce.frequency = DOWN_ANNOUNCE_PERIOD;
    }
    config.max_transmissions = config.max_transmissions.max(TRANSMISSIONS_MIN);
    config
}

impl Gossip {
    /// A member that knows nobody yet and has not begun. `entropy` is drawn from by every call.
    #[must_use]
    pub fn new(me: Peer, entropy: Arc<dyn Entropy>, founding: Founding) -> Self {
        let sized_for = 1;
        let foca = Foca::new(me.clone(), config(sized_for), Draws(entropy), PostcardCodec);
        let mut roll = Roll::new(me.incarnation());
        // Nobody is told of a view before there is a cluster.
        let _ = roll.handle_living(&[&me]);
        Self {
            me,
            founding,
            founder: Incarnation(0),
            is_settled: false,
            is_leaving: false,
            is_climbing: false,
            is_over: false,
            foca,
            roll,
            timers: BTreeMap::new(),
            timers_set: 0,
            armed: None,
            armings: 0,
            sized_for,
            effects: Vec::new(),
        }
    }

    /// Begins to look for a cluster.
    pub fn start(&mut self, now: Instant) {
        self.set_timer(now + self.founding.after, Due::Found);
        self.knock(now);
        self.arm();
    }

    /// It takes nothing new from now on and gives away what it has: the others are told.
    pub fn set_leaving(&mut self, now: Instant) {
        if self.is_leaving || self.is_over {
            return;
        }
        self.is_leaving = true;
        let view = self.roll.handle_leaving(self.me.incarnation());
        self.tell(view);
        let body = self.me.to_bytes();
        let others: Vec<Peer> = self.foca.iter_members().map(|it| it.id().clone()).collect();
        for to in others {
            let datagram = self.head(Kind::Welcome).with(&body);
            self.effects.push(GossipEffect::Send { to, datagram });
        }
        self.carry_out(now, Collected::default());
    }

    /// These are there, as the member table, the configuration or a handshake says: it speaks to them from
    /// now on. Those that it takes for dead, and older runs of ones it knows, stay what they are. Say it again
    /// from time to time to those that should be there: a member that lost everybody finds nobody by itself.
    pub fn meet(&mut self, now: Instant, peers: impl IntoIterator<Item = Peer>) {
        let room = PEERS_MAX.saturating_sub(self.foca.iter_membership_state().len());
        let others = peers.into_iter().filter(|peer| peer.node() != self.me.node());
        let others: Vec<_> = others.take(room).collect();
        let mut collected = Collected::default();
        let updates = others.iter().cloned().map(foca::Member::alive);
        // Both fail where an update is of no use (an older incarnation, too long to send): then nothing
        // changes, and the next round of announcements tries again.
        let _ = self.foca.apply_many(updates, true, &mut collected);
        for peer in others {
            let _ = self.foca.announce(peer, &mut collected);
        }
        self.carry_out(now, collected);
    }

    /// This one is gone, as the member table says: it speaks to it no more and tells the others.
    pub fn bury(&mut self, now: Instant, peer: Peer) {
        let mut collected = Collected::default();
        if peer.node() != self.me.node() {
            let update = std::iter::once(foca::Member::down(peer));
            // It fails only where the peer is known to be gone already.
            let _ = self.foca.apply_many(update, true, &mut collected);
        }
        self.carry_out(now, collected);
    }

    /// It goes: the others take it for gone at once. Nothing but sends follows.
    pub fn leave(&mut self, now: Instant) {
        let mut collected = Collected::default();
        // Without others nobody is told.
        let _ = self.foca.leave_cluster(&mut collected);
        collected.notes.clear();
        collected.timers.clear();
        self.is_over = true;
        self.timers.clear();
        self.carry_out(now, collected);
    }

    /// A datagram came that an authenticated peer sent.
    ///
    /// Gives the run that sent it.
    ///
    /// # Errors
    /// [`GossipError`] when it cannot be read; it is dropped.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<Incarnation, GossipError> {
        let bytes = datagram.len();
        if bytes > DATAGRAM_BYTES_MAX {
            return Err(GossipError::Size { bytes });
        }
        let (head, body) = Head::read(datagram).ok_or(GossipError::Size { bytes })?;
        for number in [head.number.0, head.founder.0, head.from.0] {
            if number > NUMBER_MAX {
                return Err(GossipError::Number { number });
            }
        }
        // Among the addresses that the configuration has is often its own.
        if self.is_over || head.from == self.me.incarnation() {
            return Ok(head.from);
        }
        match head.kind {
            Kind::News => self.handle_news(now, &head, body)?,
            Kind::Knock | Kind::Welcome => {
                let peer = Peer::read(body).filter(|it| it.incarnation() == head.from);
                let peer = peer.ok_or_else(|| unreadable("it does not name who sent it"))?;
                self.handle_peer(now, &head, peer);
            }
            Kind::Verdict => {
                let verdict = Verdict::read(body).filter(|it| it.by.incarnation() == head.from);
                let verdict = verdict.ok_or_else(|| unreadable("it is no verdict"))?;
                self.handle_verdict(&head, &verdict);
            }
        }
        Ok(head.from)
    }

    /// A member of its cluster told of a view with this number otherwise than by gossip, and has perhaps been promised
    /// something for it. Where that member goes before its view gets around, nobody would ever have that number: so
    /// whoever has heard of it goes above it.
    pub fn handle_number(&mut self, now: Instant, number: ViewNumber) {
        if self.roll.hear(number) && !self.is_climbing && !self.is_over {
            self.is_climbing = true;
            self.set_timer(now + CLIMB_AFTER, Due::Climb);
            self.arm();
        }
    }

    fn handle_news(&mut self, now: Instant, head: &Head, body: &[u8]) -> Result<(), GossipError> {
        if self.is_apart(head) {
            // A stranger's address is not known here: it will knock.
            if let Some(peer) = self.roll.member(head.from).and_then(peer_of) {
                self.judge(&peer);
            }
            return Ok(());
        }
        if self.peers() >= PEERS_MAX {
            return Err(GossipError::Full);
        }
        let mut collected = Collected::default();
        let result = self.foca.handle_data(body, &mut collected);
        self.carry_out(now, collected);
        result.map_err(|error| unreadable(&error.to_string()))?;
        self.learn(head);
        Ok(())
    }

    /// Somebody says who it is.
    fn handle_peer(&mut self, now: Instant, head: &Head, peer: Peer) {
        if self.is_apart(head) {
            return self.judge(&peer);
        }
        if head.kind == Kind::Knock {
            let datagram = self.head(Kind::Welcome).with(&self.me.to_bytes());
            return self.effects.push(GossipEffect::Send { to: peer, datagram });
        }
        // It is asked for all that it knows, and listed when it answers.
        self.meet(now, [peer]);
        self.learn_leaving(head);
    }

    /// The sender is with this node: what its datagram says of the cluster counts.
    fn learn(&mut self, head: &Head) {
        if self.founder == Incarnation(0) {
            self.founder = head.founder;
        }
        self.settle();
        let view = self.roll.handle_number(head.number, head.digest);
        self.tell(view);
        self.learn_leaving(head);
    }

    fn learn_leaving(&mut self, head: &Head) {
        if head.is_leaving {
            let view = self.roll.handle_leaving(head.from);
            self.tell(view);
        }
    }

    /// Whether the sender is of another cluster, or gone.
    fn is_apart(&self, head: &Head) -> bool {
        self.is_other(head) || self.roll.is_gone(head.from)
    }

    fn is_other(&self, head: &Head) -> bool {
        let none = Incarnation(0);
        self.founder != none && head.founder != none && self.founder != head.founder
    }

    /// The sender is not with this node. Where it is the other way round too, the greater side stays.
    fn handle_verdict(&mut self, head: &Head, verdict: &Verdict) {
        if verdict.on != self.me.incarnation() {
            return;
        }
        if !self.is_apart(head) || verdict.side > self.side() {
            return self.end();
        }
        self.judge(&verdict.by);
    }

    fn end(&mut self) {
        if !self.is_over {
            self.is_over = true;
            self.timers.clear();
            self.effects.push(GossipEffect::Defunct);
        }
    }

    /// Tells a run that it is not with this node.
    fn judge(&mut self, peer: &Peer) {
        let verdict = Verdict { on: peer.incarnation(), side: self.side(), by: self.me.clone() };
        let datagram = self.head(Kind::Verdict).with(&verdict.to_bytes());
        self.effects.push(GossipEffect::Send { to: peer.clone(), datagram });
    }

    fn side(&self) -> Side {
        let living = u32::try_from(self.roll.living().count()).unwrap_or(u32::MAX);
        let me = self.me.incarnation();
        let lowest = self.roll.living().next().unwrap_or(me);
        Side { living, lowest: Reverse(lowest), of: Reverse(me) }
    }

    fn head(&self, kind: Kind) -> Head {
        Head {
            kind,
            is_leaving: self.is_leaving,
            number: self.roll.number(),
            digest: self.roll.digest(),
            founder: self.founder,
            from: self.me.incarnation(),
        }
    }

    fn knock(&mut self, now: Instant) {
        let datagram = self.head(Kind::Knock).with(&self.me.to_bytes());
        self.effects.push(GossipEffect::Knock { datagram });
        let period = if self.is_settled { KNOCK_PERIOD_SETTLED } else { KNOCK_PERIOD };
        self.set_timer(now + period, Due::Knock);
    }

    /// Begins a cluster, if nobody knows of one and it is the one to do it.
    fn found(&mut self, now: Instant) {
        if self.founder != Incarnation(0) {
            return;
        }
        let me = self.me.incarnation();
        let is_first = self.roll.living().next() == Some(me);
        if is_first && self.roll.living().count() >= self.founding.living_min {
            self.founder = me;
            return self.settle();
        }
        self.set_timer(now + FOUND_AGAIN, Due::Found);
    }

    /// It is in a cluster that has as many members as it must: from now on it tells of its views.
    fn settle(&mut self) {
        let has_enough = self.roll.living().count() >= self.founding.living_min;
        if !self.is_settled && self.founder != Incarnation(0) && has_enough {
            self.is_settled = true;
            self.effects.push(GossipEffect::View(self.roll.view()));
        }
    }

    fn tell(&mut self, view: Option<Arc<View>>) {
        if self.is_settled {
            self.effects.extend(view.map(GossipEffect::View));
        }
        self.settle();
    }

    fn set_timer(&mut self, at: Instant, due: Due) {
        self.timers_set += 1;
        self.timers.insert((at, self.timers_set), due);
    }

    /// The timer went off. One that was armed before another is ignored.
    pub fn handle_timer(&mut self, now: Instant, timer: GossipTimer) {
        if timer.number != self.armings {
            return;
        }
        self.armed = None;
        let later = self.timers.split_off(&(now + Duration::from_nanos(1), 0));
        let due = std::mem::replace(&mut self.timers, later);
        let mut collected = Collected::default();
        for (_, due) in due {
            match due {
                Due::Knock => self.knock(now),
                Due::Found => self.found(now),
                Due::Climb => {
                    self.is_climbing = false;
                    let view = self.roll.climb();
                    self.tell(view);
                }
                // It fails only where a late timer is of no use any more.
                Due::Foca(timer) => drop(self.foca.handle_timer(timer, &mut collected)),
            }
        }
        self.carry_out(now, collected);
    }

    /// What the driver is to do, in this order.
    pub fn take_effects(&mut self) -> Vec<GossipEffect> {
        std::mem::take(&mut self.effects)
    }

    /// How many peers it keeps track of, gone ones included.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.foca.iter_membership_state().len()
    }

    fn carry_out(&mut self, now: Instant, collected: Collected) {
        for (after, timer) in collected.timers {
            if let foca::Timer::ChangeSuspectToDown { member_id, .. } = &timer {
                let hint = Hint::Suspected(member_id.incarnation());
                self.effects.push(GossipEffect::Hint(hint));
            }
            self.set_timer(now + after, Due::Foca(timer));
        }
        let is_changed = !collected.notes.is_empty();
        let mut gone = Vec::new();
        for note in collected.notes {
            match note {
                OwnedNotification::MemberUp(it) => {
                    self.effects.push(GossipEffect::Hint(Hint::Up(it.incarnation())));
                }
                OwnedNotification::MemberDown(it) => gone.push(it),
                OwnedNotification::Rename(before, after)
                    if before.incarnation() < after.incarnation() =>
                {
                    gone.push(before);
                }
                OwnedNotification::Defunct => self.end(),
                _ => {}
            }
        }
        let hints = gone.iter().map(|it| GossipEffect::Hint(Hint::Down(it.incarnation())));
        self.effects.extend(hints);
        if is_changed && !self.is_over {
            self.count();
            // As a courtesy: one that was merely stopped learns it as soon as it goes on.
            gone.iter().for_each(|it| self.judge(it));
        }
        let head = self.head(Kind::News);
        for (to, body) in collected.sends {
            let datagram = head.with(&body);
            self.effects.push(GossipEffect::Send { to, datagram });
        }
        self.arm();
    }

    /// Who is living has changed, perhaps.
    fn count(&mut self) {
        let mut living = vec![&self.me];
        living.extend(self.foca.iter_members().map(foca::Member::id));
        let size = u32::try_from(living.len()).unwrap_or(u32::MAX).next_power_of_two();
        let view = self.roll.handle_living(&living);
        self.tell(view);
        if size != self.sized_for {
            self.sized_for = size;
            // Only what may change while it runs depends on the size.
            let _ = self.foca.set_config(config(size));
        }
    }

    fn arm(&mut self) {
        let Some(((at, _), _)) = self.timers.first_key_value() else { return };
        if self.armed != Some(*at) {
            self.armed = Some(*at);
            self.armings += 1;
            let timer = GossipTimer { number: self.armings };
            self.effects.push(GossipEffect::SetTimer { timer, at: *at });
        }
    }
}

fn peer_of(member: &Member) -> Option<Peer> {
    let Member { incarnation, node, weight, address, .. } = member;
    Peer::new(node.clone(), *incarnation, *weight, Arc::clone(address)).ok()
}

pub(super) fn unreadable(reason: &str) -> GossipError {
    GossipError::Unreadable { reason: reason.to_owned() }
}
