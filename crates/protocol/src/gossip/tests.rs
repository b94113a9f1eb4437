use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_types::{Entropy, Incarnation, Instant, NodeId, ViewNumber};

use super::*;
use crate::view::{MemberState, View};

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Dice(AtomicU64);

impl Entropy for Dice {
    fn next_u64(&self) -> u64 {
        let mut mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn peer(node: u64, incarnation: u64) -> Peer {
    let id = NodeId::new(&format!("n{node}")).unwrap();
    let address = format!("10.0.0.{node}:7071");
    Peer::new(id, Incarnation(incarnation), 1, address.into()).unwrap()
}

enum Event {
    Arrive(u64, Vec<u8>),
    Timer(u64, GossipTimer),
}

struct Net {
    now: Instant,
    dice: Arc<Dice>,
    sequence: u64,
    queue: BTreeMap<(Instant, u64), Event>,
    /// By incarnation.
    members: BTreeMap<u64, Gossip>,
    views: BTreeMap<u64, Arc<View>>,
    hints: Vec<(u64, Hint)>,
    defunct: Vec<u64>,
    /// Of a hundred datagrams.
    lost: u64,
    /// Those on one side do not hear those on the other.
    side: Vec<u64>,
    bytes_max: usize,
}

impl Net {
    fn new(seed: u64, size: u64) -> Self {
        let mut net = Self {
            now: Instant::ZERO,
            dice: Arc::new(Dice(AtomicU64::new(seed))),
            sequence: 0,
            queue: BTreeMap::new(),
            members: BTreeMap::new(),
            views: BTreeMap::new(),
            hints: vec![],
            defunct: vec![],
            lost: 10,
            side: vec![],
            bytes_max: 0,
        };
        for node in 1..=size {
            net.start(node, node, [peer(1, 1)]);
        }
        net
    }

    fn start(&mut self, node: u64, incarnation: u64, seeds: impl IntoIterator<Item = Peer>) {
        let mut member = Gossip::new(peer(node, incarnation), self.dice.clone());
        member.meet(self.now, seeds);
        self.members.insert(incarnation, member);
        self.obey(incarnation);
    }

    fn obey(&mut self, of: u64) {
        let Some(member) = self.members.get_mut(&of) else { return };
        for effect in member.take_effects() {
            match effect {
                GossipEffect::Send { to, datagram } => {
                    self.bytes_max = self.bytes_max.max(datagram.len());
                    let to = to.incarnation().0;
                    let is_cut = self.side.contains(&of) != self.side.contains(&to);
                    if !is_cut && self.dice.next_u64() % 100 >= self.lost {
                        let delay = Duration::from_millis(1 + self.dice.next_u64() % 20);
                        self.at(self.now + delay, Event::Arrive(to, datagram));
                    }
                }
                GossipEffect::SetTimer { timer, at } => self.at(at, Event::Timer(of, timer)),
                GossipEffect::Hint(hint) => self.hints.push((of, hint)),
                GossipEffect::Defunct => self.defunct.push(of),
                GossipEffect::View(view) => {
                    let before = self.views.insert(of, view.clone());
                    let grows = |before: &Arc<View>| before.number < view.number;
                    assert!(before.as_ref().is_none_or(grows), "{before:?} {view:?}");
                    for member in before.iter().flat_map(|before| before.members()) {
                        let state = view.state(member.incarnation).unwrap();
                        assert!(state >= member.state, "members never go back");
                    }
                }
            }
        }
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn run(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        while let Some(first) = self.queue.first_entry() {
            if first.key().0 > until {
                break;
            }
            let ((at, _), event) = first.remove_entry();
            self.now = at;
            let of = match event {
                Event::Arrive(to, datagram) => {
                    if let Some(member) = self.members.get_mut(&to) {
                        member.handle_datagram(at, &datagram).unwrap();
                    }
                    to
                }
                Event::Timer(of, timer) => {
                    if let Some(member) = self.members.get_mut(&of) {
                        member.handle_timer(at, timer);
                    }
                    of
                }
            };
            self.obey(of);
        }
        self.now = until;
    }

    fn kill(&mut self, incarnation: u64) {
        self.members.remove(&incarnation);
        self.views.remove(&incarnation);
    }

    /// The living of the one view that everybody has, and its number.
    fn agreed(&self) -> (ViewNumber, Vec<u64>) {
        let mut views = self.members.keys().map(|it| {
            let view = &self.views[it];
            let living = view.in_state(MemberState::Alive).map(|it| it.incarnation.0);
            (view.number, living.collect::<Vec<_>>())
        });
        let first = views.next().unwrap();
        views.for_each(|other| assert_eq!(other, first));
        first
    }
}

#[test]
fn everybody_ends_with_one_list_under_one_number() {
    for seed in 0..5 {
        let mut net = Net::new(seed, 12);
        net.run(60);
        let (number, living) = net.agreed();
        assert_eq!(living, (1..=12).collect::<Vec<_>>());
        net.kill(5);
        net.run(60);
        let (later, living) = net.agreed();
        assert_eq!(living, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
        assert!(later > number);
        let of_it = |hint: Hint| net.hints.iter().filter(|(_, it)| *it == hint).count();
        assert!(of_it(Hint::Suspected(Incarnation(5))) >= 1);
        assert_eq!(of_it(Hint::Down(Incarnation(5))), 11);
        assert!(net.bytes_max <= DATAGRAM_BYTES_MAX, "{}", net.bytes_max);
    }
}

#[test]
fn losses_kill_nobody() {
    for seed in 0..10 {
        let mut net = Net::new(seed, 4);
        net.run(300);
        assert_eq!((net.agreed().1, &net.defunct[..]), (vec![1, 2, 3, 4], &[][..]), "{seed}");
        let is_suspicion = |(_, hint): &(u64, Hint)| matches!(hint, Hint::Suspected(_));
        assert!(net.hints.iter().any(is_suspicion), "some were suspected and refuted it");
    }
}

#[test]
fn a_restarted_node_takes_the_place_of_its_older_self() {
    let mut net = Net::new(1, 4);
    net.run(30);
    net.kill(2);
    net.start(2, 20, [peer(1, 1)]);
    net.run(30);
    assert_eq!(net.agreed().1, [1, 3, 4, 20]);
    assert_eq!(net.views[&1].state(Incarnation(2)), Some(MemberState::Down));
}

#[test]
fn whoever_leaves_is_gone_at_once() {
    let mut net = Net::new(1, 4);
    net.run(30);
    let now = net.now;
    net.members.get_mut(&3).unwrap().leave(now);
    net.obey(3);
    net.kill(3);
    net.run(2);
    assert_eq!(net.agreed().1, [1, 2, 4]);
}

#[test]
fn a_minority_that_was_cut_off_learns_that_it_was_given_up() {
    let mut net = Net::new(3, 5);
    net.run(30);
    net.side = vec![4, 5];
    net.run(60);
    let living = |net: &Net, of: u64| {
        let living = net.views[&of].in_state(MemberState::Alive);
        living.map(|it| it.incarnation.0).collect::<Vec<_>>()
    };
    assert_eq!(living(&net, 1), [1, 2, 3]);
    assert_eq!(living(&net, 4), [4, 5]);
    net.side.clear();
    net.run(150);
    assert!(!net.defunct.is_empty(), "those that were given up are told");
}

#[test]
fn equal_seeds_give_equal_histories() {
    let history = |seed| {
        let mut net = Net::new(seed, 6);
        net.run(20);
        (net.hints, net.sequence)
    };
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let dice = Arc::new(Dice(AtomicU64::new(1)));
    let mut one = Gossip::new(peer(1, 1), dice.clone());
    one.take_effects();
    let mut other = Gossip::new(peer(2, 2), dice.clone());
    other.meet(Instant::ZERO, [peer(1, 1)]);
    let sends = other.take_effects();
    let mut datagrams = sends.iter().filter_map(|it| match it {
        GossipEffect::Send { datagram, .. } => Some(datagram.clone()),
        _ => None,
    });
    let good = datagrams.next().unwrap();
    let mut far = good.clone();
    far[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let now = Instant::ZERO;
    assert!(matches!(one.handle_datagram(now, &far), Err(GossipError::Number { .. })));
    let long = vec![0; DATAGRAM_BYTES_MAX + 1];
    assert!(matches!(one.handle_datagram(now, &long), Err(GossipError::Size { .. })));
    for cut in 0..good.len() {
        assert!(one.handle_datagram(now, &good[..cut]).is_err(), "{cut}");
    }
    for _ in 0..20_000 {
        let mut bad = good.clone();
        for _ in 0..1 + dice.next_u64() % 4 {
            let at = 16 + dice.next_u64() as usize % (bad.len() - 16);
            bad[at] = dice.next_u64() as u8;
        }
        // Some still read, and are of other peers.
        let _ = one.handle_datagram(now, &bad);
    }
    assert!(one.peers() < 20_000);
    one.take_effects();
    one.handle_datagram(now, &good).unwrap();
}

#[test]
fn a_table_that_says_who_is_there_and_gone_is_heard() {
    let dice = Arc::new(Dice(AtomicU64::new(1)));
    let mut one = Gossip::new(peer(1, 1), dice);
    one.take_effects();
    one.meet(Instant::ZERO, [peer(1, 1), peer(2, 2), peer(3, 3)]);
    let up = |it: &GossipEffect| matches!(it, GossipEffect::Hint(Hint::Up(_)));
    assert_eq!(one.take_effects().into_iter().filter(up).count(), 2);
    one.bury(Instant::ZERO, peer(2, 2));
    let down = GossipEffect::Hint(Hint::Down(Incarnation(2)));
    assert!(one.take_effects().contains(&down));
    one.meet(Instant::ZERO, [peer(2, 2)]);
    assert!(!one.take_effects().iter().any(up), "the gone stay gone");
}

#[test]
fn peers_follow_the_rules() {
    let node = NodeId::new("a").unwrap();
    let long: Arc<str> = "x".repeat(ADDRESS_BYTES_MAX + 1).into();
    let made = |weight, address| Peer::new(node.clone(), Incarnation(1), weight, address);
    assert_eq!(made(1, long).unwrap_err(), PeerError::Address { bytes: ADDRESS_BYTES_MAX + 1 });
    assert_eq!(made(0, "a".into()).unwrap_err(), PeerError::Weight);
    assert!(made(1, "a".into()).is_ok());
}
