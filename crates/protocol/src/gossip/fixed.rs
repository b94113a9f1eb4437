use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tenure_types::{Incarnation, Instant, NUMBER_MAX, NodeId, ViewNumber};
use xxhash_rust::xxh3::Xxh3Default;

use super::datagram::{Head, Kind};
use super::machine::{DATAGRAM_BYTES_MAX, GossipEffect, GossipError, GossipTimer, unreadable};
use super::peer::Peer;
use crate::view::{Member, MemberState, View};

/// How often it asks where the others are, while one of them was never heard.
const KNOCK_PERIOD: Duration = Duration::from_millis(500);
/// How often, once all were: one may have been started again.
const KNOCK_PERIOD_MET: Duration = Duration::from_secs(2);
/// How many runs that are gone it lists.
const GONE_LISTED_MAX: usize = 256;

/// A member of a list of nodes that never changes (`static`): it learns which run of each node is the present one, and takes
/// nobody for dead. Its views differ from each other by the runs alone.
///
/// Of two runs with different lists the later one ends, as they would give one actor two places: so a node that is started with
/// another list ends no cluster, and of any two that hear each other one is left.
pub struct Fixed {
    me: Peer,
    others: BTreeMap<NodeId, Other>,
    /// Names the list: equal lists have equal digests.
    digest: u64,
    /// The highest run with another list that it told of.
    odd: Incarnation,
    gone: VecDeque<Member>,
    number: ViewNumber,
    timers: u64,
    is_over: bool,
    effects: Vec<GossipEffect>,
}

/// What is known of another node.
struct Other {
    /// Its present run; or a number that no run has, while none was heard.
    run: Incarnation,
    /// Where that run is.
    peer: Option<Peer>,
}

impl Fixed {
    /// The run `me` of a node. Of each other node it is given a number that no run ever has: it stands in the views for one
    /// that was not heard yet, so that the slots of that node are nobody else's.
    #[must_use]
    pub fn new(me: Peer, others: impl IntoIterator<Item = (NodeId, Incarnation)>) -> Self {
        let others = others.into_iter().map(|(node, run)| (node, Other { run, peer: None }));
        let others: BTreeMap<_, _> = others.collect();
        let digest = digest(others.keys().chain([me.node()]));
        let number = ViewNumber(me.incarnation().0);
        let (odd, gone, effects) = (Incarnation(0), VecDeque::new(), Vec::new());
        Self { me, others, digest, odd, gone, number, timers: 0, is_over: false, effects }
    }

    /// Begins: there is a view at once.
    pub fn start(&mut self, now: Instant) {
        self.tell();
        self.knock(now);
    }

    /// A datagram came that an authenticated peer sent. Gives the run that sent it.
    ///
    /// # Errors
    /// [`GossipError`] when it cannot be read, or is of a node with another list; it is dropped, but that one of the two may
    /// end.
    pub fn handle_datagram(&mut self, datagram: &[u8]) -> Result<Incarnation, GossipError> {
        let bytes = datagram.len();
        if bytes > DATAGRAM_BYTES_MAX {
            return Err(GossipError::Size { bytes });
        }
        let (head, body) = Head::read(datagram).ok_or(GossipError::Size { bytes })?;
        if head.from.0 > NUMBER_MAX {
            return Err(GossipError::Number { number: head.from.0 });
        }
        if self.is_over || head.from == self.me.incarnation() {
            return Ok(head.from);
        }
        if !matches!(head.kind, Kind::Knock | Kind::Welcome) {
            return Err(unreadable("it is of a cluster with gossip"));
        }
        let peer = Peer::read(body).filter(|it| it.incarnation() == head.from);
        let peer = peer.ok_or_else(|| unreadable("it names no peer"))?;
        if head.kind == Kind::Knock {
            let datagram = self.head(Kind::Welcome).with(&self.me.to_bytes());
            self.effects.push(GossipEffect::Send { to: peer.clone(), datagram });
        }
        if head.digest != self.digest {
            self.differ(&peer);
            return Err(GossipError::List { node: peer.node().clone() });
        }
        self.learn(&peer)?;
        Ok(head.from)
    }

    /// That run has another list. Where it is the later one it ends as soon as it hears this one.
    fn differ(&mut self, peer: &Peer) {
        if peer.incarnation() > self.odd {
            self.odd = peer.incarnation();
            self.effects.push(GossipEffect::OtherList(peer.clone()));
        }
        if peer.incarnation() < self.me.incarnation() {
            self.is_over = true;
            self.effects.push(GossipEffect::Defunct);
        }
    }

    fn learn(&mut self, peer: &Peer) -> Result<(), GossipError> {
        if peer.node() == self.me.node() {
            // The later of two processes with one name is the node.
            if peer.incarnation() > self.me.incarnation() {
                self.is_over = true;
                self.effects.push(GossipEffect::Defunct);
            }
            return Ok(());
        }
        let Some(other) = self.others.get_mut(peer.node()) else {
            let reason = format!("{} is not one of the nodes (cluster.nodes)", peer.node());
            return Err(GossipError::Unreadable { reason });
        };
        let is_news = other.peer.as_ref().is_none_or(|it| it.incarnation() < peer.incarnation());
        if is_news {
            if let Some(before) = other.peer.replace(peer.clone()) {
                self.gone.push_back(member_of(&before, MemberState::Down));
                while self.gone.len() > GONE_LISTED_MAX {
                    self.gone.pop_front();
                }
            }
            other.run = peer.incarnation();
            let number = (self.number.0 + 1).max(peer.incarnation().0).min(NUMBER_MAX);
            self.number = ViewNumber(number);
            self.tell();
        }
        Ok(())
    }

    /// The timer went off. One that was armed before another is ignored.
    pub fn handle_timer(&mut self, now: Instant, timer: GossipTimer) {
        if timer.number == self.timers && !self.is_over {
            self.knock(now);
        }
    }

    /// What the driver is to do, in this order.
    pub fn take_effects(&mut self) -> Vec<GossipEffect> {
        std::mem::take(&mut self.effects)
    }

    fn knock(&mut self, now: Instant) {
        let datagram = self.head(Kind::Knock).with(&self.me.to_bytes());
        self.effects.push(GossipEffect::Knock { datagram });
        let all_met = self.others.values().all(|other| other.peer.is_some());
        let period = if all_met { KNOCK_PERIOD_MET } else { KNOCK_PERIOD };
        self.timers += 1;
        let timer = GossipTimer { number: self.timers };
        self.effects.push(GossipEffect::SetTimer { timer, at: now + period });
    }

    fn head(&self, kind: Kind) -> Head {
        let founder = Incarnation(0);
        let from = self.me.incarnation();
        let (number, digest) = (self.number, self.digest);
        Head { kind, is_leaving: false, number, digest, founder, from }
    }

    fn tell(&mut self) {
        let others = self.others.iter().map(|(node, other)| match &other.peer {
            Some(peer) => member_of(peer, MemberState::Alive),
            None => Member {
                incarnation: other.run,
                node: node.clone(),
                state: MemberState::Alive,
                presumed: false,
                weight: 1,
                address: "".into(),
            },
        });
        let me = member_of(&self.me, MemberState::Alive);
        let members = self.gone.iter().cloned().chain([me]).chain(others);
        let view = View::new(self.number, members);
        self.effects.push(GossipEffect::View(Arc::new(view)));
    }
}

fn digest<'a>(names: impl Iterator<Item = &'a NodeId>) -> u64 {
    let sorted: BTreeSet<&str> = names.map(NodeId::as_str).collect();
    let mut hasher = Xxh3Default::new();
    for name in sorted {
        hasher.update(name.as_bytes());
        hasher.update(&[0]);
    }
    hasher.digest()
}

fn member_of(peer: &Peer, state: MemberState) -> Member {
    Member {
        incarnation: peer.incarnation(),
        node: peer.node().clone(),
        state,
        presumed: false,
        weight: peer.weight(),
        address: Arc::clone(peer.address()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MemberState::{Alive, Down};

    fn peer(node: &str, incarnation: u64) -> Peer {
        let id = NodeId::new(node).unwrap();
        Peer::new(id, Incarnation(incarnation), 1, format!("{node}:1#{incarnation}").into())
            .unwrap()
    }

    fn fixed(me: (&str, u64), others: &[(&str, u64)]) -> Fixed {
        let others =
            others.iter().map(|(node, run)| (NodeId::new(node).unwrap(), Incarnation(*run)));
        let mut fixed = Fixed::new(peer(me.0, me.1), others);
        fixed.start(Instant::ZERO);
        fixed
    }

    fn members(view: &View) -> Vec<(u64, String, MemberState)> {
        view.members().map(|it| (it.incarnation.0, it.node.to_string(), it.state)).collect()
    }

    /// Lets the first knock at the second, and gives the last view of each.
    fn meet(one: &mut Fixed, other: &mut Fixed) -> [Arc<View>; 2] {
        let mut views = [None, None];
        for effect in one.take_effects() {
            match effect {
                GossipEffect::Knock { datagram } => {
                    other.handle_datagram(&datagram).unwrap();
                }
                GossipEffect::View(view) => views[0] = Some(view),
                _ => {}
            }
        }
        for effect in other.take_effects() {
            match effect {
                GossipEffect::Send { datagram, .. } => {
                    one.handle_datagram(&datagram).unwrap();
                }
                GossipEffect::View(view) => views[1] = Some(view),
                _ => {}
            }
        }
        for effect in one.take_effects() {
            if let GossipEffect::View(view) = effect {
                views[0] = Some(view);
            }
        }
        views.map(|view| view.unwrap())
    }

    #[test]
    fn a_node_has_a_view_of_all_nodes_before_it_hears_them_and_the_later_run_of_each_after() {
        let (mut a, mut b) = (fixed(("a", 3), &[("b", 2)]), fixed(("b", 5), &[("a", 4)]));
        let first = a.effects.iter().find_map(|it| match it {
            GossipEffect::View(view) => Some(Arc::clone(view)),
            _ => None,
        });
        let first = first.unwrap();
        assert_eq!(first.number, ViewNumber(3));
        assert_eq!(members(&first), [(2, "b".to_owned(), Alive), (3, "a".to_owned(), Alive)]);
        let both = [(3, "a".to_owned(), Alive), (5, "b".to_owned(), Alive)];
        for view in meet(&mut a, &mut b) {
            assert_eq!(members(&view), both);
        }
        let mut later = fixed(("b", 7), &[("a", 6)]);
        let [_, seen] = meet(&mut later, &mut a);
        let gone = (5, "b".to_owned(), Down);
        assert_eq!(members(&seen), [both[0].clone(), gone, (7, "b".to_owned(), Alive)]);
        assert!(seen.number >= ViewNumber(7), "{}", seen.number);
        // The former one, if it still runs, learns that it is no more the node, and is not heard.
        let knock = later.head(Kind::Knock).with(&later.me.to_bytes());
        b.handle_datagram(&knock).unwrap();
        assert_eq!(b.take_effects().last(), Some(&GossipEffect::Defunct));
        let knock = b.head(Kind::Knock).with(&b.me.to_bytes());
        a.handle_datagram(&knock).unwrap();
        assert!(!a.take_effects().iter().any(|it| matches!(it, GossipEffect::View(_))));
        assert!(a.handle_datagram(&knock[..40]).is_err());
    }

    #[test]
    fn of_two_with_different_lists_the_later_one_ends_and_both_say_so() {
        for list in [&[("a", 6), ("c", 7)][..], &[("c", 6)], &[]] {
            let (mut one, mut two) = (fixed(("a", 3), &[("b", 2)]), fixed(("b", 8), list));
            one.take_effects();
            two.take_effects();
            for _ in 0..2 {
                let knock = two.head(Kind::Knock).with(&two.me.to_bytes());
                assert!(matches!(one.handle_datagram(&knock), Err(GossipError::List { .. })));
            }
            let told = one.take_effects();
            let [GossipEffect::Send { datagram, .. }, other, GossipEffect::Send { .. }] = &told[..]
            else {
                panic!("it answers, tells of it once, and goes on: {told:?}")
            };
            assert_eq!(*other, GossipEffect::OtherList(peer("b", 8)));
            assert!(two.handle_datagram(datagram).is_err());
            let told = two.take_effects();
            assert_eq!(told, [GossipEffect::OtherList(peer("a", 3)), GossipEffect::Defunct]);
        }
        // The order in which they are written is nothing.
        let one = fixed(("a", 4), &[("b", 2), ("c", 3)]);
        assert_eq!(one.digest, fixed(("c", 7), &[("b", 6), ("a", 5)]).digest);
    }
}
