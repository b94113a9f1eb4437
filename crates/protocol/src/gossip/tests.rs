use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foca::{Codec, PostcardCodec};
use tenure_types::{Entropy, Incarnation, Instant, NUMBER_MAX, NodeId, ViewNumber};

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

const FOUNDING: Founding = Founding { after: Duration::from_secs(2), living_min: 1 };

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
    /// By incarnation: whom the configuration of each knows, by incarnation too.
    seeds: BTreeMap<u64, Vec<u64>>,
    founding: Founding,
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
            seeds: BTreeMap::new(),
            founding: FOUNDING,
            lost: 10,
            side: vec![],
            bytes_max: 0,
        };
        for node in 1..=size {
            net.start(node, node, &[1]);
        }
        net
    }

    fn start(&mut self, node: u64, incarnation: u64, seeds: &[u64]) {
        let mut member = Gossip::new(peer(node, incarnation), self.dice.clone(), self.founding);
        member.start(self.now);
        self.members.insert(incarnation, member);
        self.seeds.insert(incarnation, seeds.to_vec());
        self.obey(incarnation);
    }

    fn obey(&mut self, of: u64) {
        let Some(member) = self.members.get_mut(&of) else { return };
        for effect in member.take_effects() {
            match effect {
                GossipEffect::Send { to, datagram } => {
                    self.send(of, to.incarnation().0, datagram);
                }
                GossipEffect::Knock { datagram } => {
                    for to in self.seeds[&of].clone() {
                        self.send(of, to, datagram.clone());
                    }
                }
                GossipEffect::SetTimer { timer, at } => self.at(at, Event::Timer(of, timer)),
                GossipEffect::Hint(hint) => self.hints.push((of, hint)),
                GossipEffect::Defunct => self.defunct.push(of),
                GossipEffect::OtherList(peer) => panic!("{peer:?} has a list"),
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

    fn send(&mut self, of: u64, to: u64, datagram: Vec<u8>) {
        self.bytes_max = self.bytes_max.max(datagram.len());
        let is_cut = self.side.contains(&of) != self.side.contains(&to);
        if !is_cut && self.dice.next_u64() % 100 >= self.lost {
            let delay = Duration::from_millis(1 + self.dice.next_u64() % 20);
            self.at(self.now + delay, Event::Arrive(to, datagram));
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
    net.start(2, 20, &[1]);
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
fn a_number_whose_view_was_lost_with_its_member_is_passed() {
    let mut net = Net::new(7, 4);
    net.run(30);
    let (ViewNumber(number), living) = net.agreed();
    let now = net.now;
    for told in [number, number + 7, number + 5] {
        net.members.get_mut(&3).unwrap().handle_number(now, ViewNumber(told));
    }
    net.obey(3);
    net.run(20);
    assert_eq!(net.agreed(), (ViewNumber(number + 8), living), "everybody, once");
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
    assert!(net.defunct.is_empty(), "each side goes on");
    net.side.clear();
    net.run(60);
    net.defunct.sort_unstable();
    assert_eq!(net.defunct, [4, 5], "those of the smaller side, and nobody else");
    net.kill(4);
    net.kill(5);
    // Started again, they are with the others.
    net.start(4, 40, &[1]);
    net.start(5, 50, &[1]);
    net.run(30);
    assert_eq!(net.agreed().1, [1, 2, 3, 40, 50]);
    assert_eq!(net.defunct, [4, 5]);
}

#[test]
fn one_that_was_stopped_while_the_others_gave_it_up_ends_though_its_list_is_longer() {
    let mut net = Net::new(5, 3);
    net.run(30);
    // Its timers stand still too: it has taken nobody for dead.
    let stopped = net.members.remove(&3).unwrap();
    net.run(40);
    assert_eq!(net.agreed().1, [1, 2]);
    net.members.insert(3, stopped);
    net.run(40);
    assert_eq!(net.defunct, [3], "and the two others stay");
}

#[test]
fn a_side_knows_that_it_lost_the_others_within_twice_the_time_of_a_suspicion() {
    for seed in 0..20 {
        let mut net = Net::new(seed, 3);
        net.run(30);
        net.side = vec![3];
        net.run(8);
        let living = net.views[&3].in_state(MemberState::Alive).count();
        assert_eq!(living, 1, "{seed}");
    }
}

#[test]
fn clusters_that_were_founded_apart_become_the_larger_one() {
    let mut net = Net::new(4, 0);
    net.side = vec![4];
    for node in 1..=4 {
        net.start(node, node, &[1, 4]);
    }
    net.run(30);
    assert_eq!(net.views[&4].in_state(MemberState::Alive).count(), 1, "it founded its own");
    net.side.clear();
    net.run(30);
    assert_eq!(net.defunct, [4]);
    net.kill(4);
    net.start(4, 40, &[1]);
    net.run(20);
    assert_eq!(net.agreed().1, [1, 2, 3, 40]);
}

#[test]
fn nobody_has_a_view_before_there_are_enough() {
    let mut net = Net::new(4, 0);
    net.founding.living_min = 3;
    net.start(1, 1, &[1]);
    net.start(2, 2, &[1]);
    net.run(60);
    assert!(net.views.is_empty(), "{:?}", net.views);
    net.start(3, 3, &[2]);
    net.run(10);
    assert_eq!(net.agreed().1, [1, 2, 3]);
    // One that comes to a cluster of others waits until it has heard of as many as it must.
    net.founding.living_min = 5;
    net.start(4, 4, &[1]);
    net.run(10);
    assert!(!net.views.contains_key(&4), "{:?}", net.views);
    net.start(5, 5, &[1]);
    net.run(10);
    assert_eq!(net.agreed().1, [1, 2, 3, 4, 5]);
}

#[test]
fn whoever_leaves_says_so_before_it_goes() {
    let mut net = Net::new(1, 4);
    net.run(30);
    let now = net.now;
    net.members.get_mut(&3).unwrap().set_leaving(now);
    net.obey(3);
    net.run(3);
    for of in 1..=4 {
        assert_eq!(net.views[&of].state(Incarnation(3)), Some(MemberState::Leaving), "{of}");
    }
    let now = net.now;
    net.members.get_mut(&3).unwrap().leave(now);
    net.obey(3);
    net.kill(3);
    net.run(3);
    assert_eq!(net.views[&1].state(Incarnation(3)), Some(MemberState::Left));
}

#[test]
fn the_number_of_a_view_is_not_below_an_incarnation_in_it() {
    let mut net = Net::new(2, 0);
    for (node, incarnation) in [(1, 70), (2, 90), (3, 40)] {
        net.start(node, incarnation, &[70]);
    }
    net.run(20);
    let (number, living) = net.agreed();
    assert_eq!(living, [40, 70, 90]);
    assert!(number >= ViewNumber(90), "{number}");
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
    let mut one = Gossip::new(peer(1, 1), dice.clone(), FOUNDING);
    one.take_effects();
    let mut other = Gossip::new(peer(2, 2), dice.clone(), FOUNDING);
    other.meet(Instant::ZERO, [peer(1, 1)]);
    let sends = other.take_effects();
    let mut datagrams = sends.iter().filter_map(|it| match it {
        GossipEffect::Send { datagram, .. } => Some(datagram.clone()),
        _ => None,
    });
    let good = datagrams.next().unwrap();
    let mut far = good.clone();
    far[2..10].copy_from_slice(&u64::MAX.to_le_bytes());
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
            let at = 34 + dice.next_u64() as usize % (bad.len() - 34);
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
fn a_datagram_names_who_sent_it_and_no_run_that_there_cannot_be() {
    let dice = Arc::new(Dice(AtomicU64::new(1)));
    let mut one = Gossip::new(peer(1, 1), dice.clone(), FOUNDING);
    let mut other = Gossip::new(peer(2, 2), dice, FOUNDING);
    other.start(Instant::ZERO);
    let knock = other.take_effects().into_iter().find_map(|it| match it {
        GossipEffect::Knock { datagram } => Some(datagram),
        _ => None,
    });
    let mut knock = knock.unwrap();
    one.handle_datagram(Instant::ZERO, &knock).unwrap();
    one.take_effects();
    for number in [0, 3, NUMBER_MAX + 1, u64::MAX] {
        // Behind the head, which names the sender too.
        knock[34..42].copy_from_slice(&number.to_le_bytes());
        assert!(one.handle_datagram(Instant::ZERO, &knock).is_err(), "{number}");
        assert_eq!(one.take_effects(), [], "{number}");
    }
    let mut news = vec![];
    PostcardCodec.encode_member(&foca::Member::alive(peer(1, 5)), &mut news).unwrap();
    let read = |news: &[u8]| -> Result<foca::Member<Peer>, _> { PostcardCodec.decode_member(news) };
    assert_eq!((read(&news).is_ok(), news[3]), (true, 5), "the number is behind the name");
    news[3] = 0;
    assert!(read(&news).is_err(), "news are read by the same rule");
}

#[test]
fn a_table_that_says_who_is_there_and_gone_is_heard() {
    let dice = Arc::new(Dice(AtomicU64::new(1)));
    let mut one = Gossip::new(peer(1, 1), dice, FOUNDING);
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
    let of_run = |run| Peer::new(node.clone(), Incarnation(run), 1, "a".into());
    for number in [0, NUMBER_MAX + 1, u64::MAX] {
        assert_eq!(of_run(number).unwrap_err(), PeerError::Incarnation { number });
    }
    assert!(of_run(NUMBER_MAX).is_ok());
    let made = |weight, address| Peer::new(node.clone(), Incarnation(1), weight, address);
    assert_eq!(made(1, long).unwrap_err(), PeerError::Address { bytes: ADDRESS_BYTES_MAX + 1 });
    assert_eq!(made(0, "a".into()).unwrap_err(), PeerError::Weight);
    assert!(made(1, "a".into()).is_ok());
}
