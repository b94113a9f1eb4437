//! The network: what is lost, doubled, late, cut and broken, and what a pause or a crash comes between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_sim::net::{Class, Closed, Heard, Ill, Message, Net, NetConfig, Places, Port, Trouble};
use tenure_sim::{ClockSpec, Machine, SimTasks, Simulation, Standstill, each_seed};
use tenure_types::Instant;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A numbered message, and how many of them kernels took.
#[derive(Clone, Debug)]
struct Numbered(u64, Class, Arc<AtomicU64>);

impl Message for Numbered {
    fn class(&self) -> Class {
        self.1
    }

    fn bytes(&self) -> u32 {
        100
    }

    fn name(&self) -> &'static str {
        "numbered"
    }

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn released(&self, _: Instant) {
        self.2.fetch_add(1, Ordering::Relaxed);
    }
}

struct Peer {
    machine: Machine,
    process: Arc<SimTasks>,
    port: Port<Numbered>,
}

struct Pair {
    sim: Simulation,
    net: Net<Numbered>,
    one: Peer,
    other: Peer,
    released: Arc<AtomicU64>,
}

fn peer(sim: &Simulation, net: &Net<Numbered>) -> Peer {
    let machine = sim.machine(ClockSpec::default());
    let process = machine.start();
    let port = net.bind(&machine, &process);
    Peer { machine, process, port }
}

/// Two machines and a network that loses nothing by itself.
fn pair(seed: u64, change: impl FnOnce(&mut NetConfig)) -> Pair {
    let sim = Simulation::new(seed);
    let mut config = NetConfig { loses: 0, doubles: 0, tail_one_in: 0, ..NetConfig::default() };
    change(&mut config);
    let net = Net::new(&sim, config);
    let (one, other) = (peer(&sim, &net), peer(&sim, &net));
    Pair { sim, net, one, other, released: Arc::default() }
}

impl Pair {
    fn send(&self, numbers: impl IntoIterator<Item = u64>, class: Class) {
        for number in numbers {
            self.one.port.send(1, Numbered(number, class, Arc::clone(&self.released)));
        }
    }

    fn cut(&self, from: u32, to: u32) -> u64 {
        let (from, to) = (Places::one(from), Places::one(to));
        self.net.begin(Trouble { from, to, ill: Ill::Cut })
    }
}

/// What a port heard: numbers of messages, and why connections ended.
fn heard(port: &Port<Numbered>) -> (Vec<u64>, Vec<Closed>) {
    let (mut numbers, mut closed) = (Vec::new(), Vec::new());
    while let Some(it) = port.try_heard() {
        match it {
            Heard::Message { message, .. } => numbers.push(message.0),
            Heard::Closed { why, .. } => closed.push(why),
        }
    }
    (numbers, closed)
}

const LANE: Class = Class::Lane(1);

#[test]
fn a_lane_keeps_order_and_loses_nothing_whatever_is_lost_below() {
    each_seed(20, |seed| {
        let pair = pair(seed, |config| config.loses = 100_000);
        pair.send(0..200, LANE);
        pair.sim.advance(60 * SECOND);
        let (numbers, closed) = heard(&pair.other.port);
        assert_eq!((numbers, closed), ((0..200).collect(), vec![]));
        assert!(pair.net.traffic(0).sent == 200 && pair.net.traffic(1).heard_bytes == 20_000);
    });
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken() {
    let pair = pair(1, |config| (config.loses, config.doubles) = (100_000, 100_000));
    pair.send(0..1_000, Class::Datagram);
    pair.sim.advance(SECOND);
    let (mut numbers, _) = heard(&pair.other.port);
    let traffic = pair.net.traffic(0);
    assert!(
        (50..150).contains(&traffic.lost) && (50..150).contains(&traffic.doubled),
        "{traffic:?}"
    );
    assert_eq!(numbers.len() as u64, 1_000 - traffic.lost + traffic.doubled);
    assert!(!numbers.is_sorted(), "none was overtaken");
    numbers.sort_unstable();
    assert!(numbers.windows(2).any(|pair| pair[0] == pair[1]), "none came twice");
}

#[test]
fn a_cut_is_one_way_and_a_lane_lives_through_a_short_one() {
    let pair = pair(1, |_| {});
    let cut = pair.cut(0, 1);
    pair.send([1], LANE);
    pair.send([2], Class::Datagram);
    pair.other.port.send(0, Numbered(3, Class::Datagram, Arc::default()));
    pair.sim.advance(3 * SECOND);
    assert_eq!(heard(&pair.other.port), (vec![], vec![]));
    assert_eq!(heard(&pair.one.port), (vec![3], vec![]));
    pair.net.end(cut);
    pair.sim.advance(5 * SECOND);
    assert_eq!(heard(&pair.other.port), (vec![1], vec![]));
}

#[test]
fn a_lane_that_is_not_acknowledged_is_given_up_whether_it_was_heard_or_not() {
    for (from, to, arrives) in [(0, 1, vec![]), (1, 0, vec![7])] {
        let pair = pair(1, |_| {});
        let _cut = pair.cut(from, to);
        pair.send([7], LANE);
        pair.sim.advance(40 * SECOND);
        assert_eq!(heard(&pair.other.port).0, arrives);
        assert_eq!(heard(&pair.one.port), (vec![], vec![Closed::TimedOut]), "{from} {to}");
    }
}

#[test]
fn a_flapping_link_lets_something_through() {
    let pair = pair(1, |_| {});
    let ill = Ill::Flaps(100 * MS);
    let _flaps = pair.net.begin(Trouble { from: Places::ALL, to: Places::ALL, ill });
    for number in 0..100 {
        pair.send([number], Class::Datagram);
        pair.sim.advance(11 * MS);
    }
    let (numbers, _) = heard(&pair.other.port);
    assert!((30..70).contains(&numbers.len()), "{}", numbers.len());
}

#[test]
fn a_stopped_process_is_acknowledged_for_and_reads_when_it_goes_on() {
    let pair = pair(1, |_| {});
    let stand = pair.other.machine.stand(Standstill::Processes);
    pair.send(0..10, LANE);
    pair.sim.advance(60 * SECOND);
    assert_eq!(heard(&pair.one.port), (vec![], vec![]), "nobody noticed");
    assert_eq!(pair.other.port.unread(), 10);
    drop(stand);
    assert_eq!(heard(&pair.other.port).0.len(), 10);
    // A machine that stands with its kernel acknowledges nothing.
    let _stand = pair.other.machine.stand(Standstill::Machine);
    pair.send([11], LANE);
    pair.sim.advance(60 * SECOND);
    assert_eq!(heard(&pair.one.port).1, [Closed::TimedOut]);
}

#[test]
fn between_the_decision_to_send_and_the_kernel_a_pause_or_a_crash_may_strike() {
    let released = |pair: &Pair| pair.released.load(Ordering::Relaxed);
    let paused = pair(1, |_| {});
    paused.send([1], LANE);
    let stand = paused.one.machine.stand(Standstill::Processes);
    paused.sim.advance(10 * SECOND);
    assert_eq!((released(&paused), paused.other.port.unread()), (0, 0));
    drop(stand);
    paused.sim.advance(SECOND);
    assert_eq!((released(&paused), heard(&paused.other.port).0), (1, vec![1]));
    let mut taken = 0;
    for seed in 0..40 {
        let pair = pair(seed, |_| {});
        pair.send([1], LANE);
        pair.one.process.kill();
        pair.net.killed(&pair.one.machine, &pair.one.process, 1_024);
        pair.sim.advance(SECOND);
        assert_eq!(released(&pair), heard(&pair.other.port).0.len() as u64);
        taken += released(&pair);
    }
    assert!((5..35).contains(&taken), "{taken} of 40");
}

#[test]
fn the_sockets_of_the_dead_close_when_their_memory_is_free() {
    for (memory_mib, closed_ms) in [(0, 0), (1_024, 130), (8_192, 1_040)] {
        let pair = pair(1, |config| config.jitter = Duration::ZERO);
        pair.send([1], LANE);
        pair.sim.advance(SECOND);
        pair.other.process.kill();
        pair.net.killed(&pair.other.machine, &pair.other.process, memory_mib);
        if closed_ms > 0 {
            pair.sim.advance(Duration::from_millis(closed_ms - 1));
            pair.send([2], LANE);
            assert_eq!(heard(&pair.one.port).1, []);
        }
        pair.sim.advance(3 * MS);
        assert_eq!(pair.net.traffic(1).heard, 1, "the dead hear nothing");
        let closed = heard(&pair.one.port).1;
        assert!(matches!(closed[..], [Closed::EndOfFile | Closed::Reset]), "{closed:?}");
        pair.send([3], LANE);
        pair.sim.advance(SECOND);
        assert_eq!(heard(&pair.one.port).1, [Closed::Refused]);
        // The next process there knows nothing of what was.
        let next = pair.other.machine.start();
        let port = pair.net.bind(&pair.other.machine, &next);
        pair.send([4], LANE);
        pair.sim.advance(SECOND);
        assert_eq!(heard(&port).0, [4]);
    }
}

#[test]
fn a_machine_without_power_is_silent_and_resets_what_it_forgot() {
    let pair = pair(1, |_| {});
    pair.send([1], LANE);
    pair.sim.advance(SECOND);
    pair.other.process.kill();
    pair.net.power_off(&pair.other.machine);
    pair.send([2], LANE);
    pair.sim.advance(5 * SECOND);
    assert_eq!(heard(&pair.one.port).1, []);
    let next = pair.other.machine.start();
    let port = pair.net.bind(&pair.other.machine, &next);
    pair.sim.advance(8 * SECOND);
    assert_eq!((heard(&pair.one.port).1, heard(&port).0), (vec![Closed::Reset], vec![]));
}

#[test]
fn the_living_are_reset_and_refused_too() {
    let (mut arrived, mut lost) = (0, 0);
    for seed in 0..20 {
        let pair = pair(seed, |_| {});
        pair.send(0..10, LANE);
        pair.sim.advance(MS / 4);
        pair.net.reset(1, 0);
        pair.sim.advance(SECOND);
        let (numbers, closed) = heard(&pair.other.port);
        // What was not with the kernel yet went over the next connection.
        assert!(numbers.is_sorted() && closed.len() <= 1);
        arrived += numbers.len();
        lost += pair.net.traffic(0).lost;
    }
    assert!(arrived > 0 && lost > 0 && arrived as u64 + lost == 200, "{arrived}, {lost}");
    let pair = pair(1, |_| {});
    let trouble = Trouble { from: Places::one(0), to: Places::one(1), ill: Ill::Refuses };
    let refuses = pair.net.begin(trouble);
    pair.send([1], LANE);
    pair.sim.advance(SECOND);
    assert_eq!(
        (heard(&pair.one.port).1, heard(&pair.other.port).0),
        (vec![Closed::Refused], vec![])
    );
    pair.net.end(refuses);
    pair.send([2], LANE);
    pair.sim.advance(SECOND);
    assert_eq!(heard(&pair.other.port).0, [2]);
}

#[test]
fn a_full_kernel_holds_a_lane_up_and_drops_datagrams() {
    let pair = pair(1, |config| config.kernel_bytes_max = 1_000);
    pair.send(0..20, LANE);
    pair.send(100..120, Class::Datagram);
    pair.sim.advance(SECOND);
    let unread = pair.other.port.unread();
    assert!(unread <= 10, "{unread}");
    let mut numbers = Vec::new();
    for _ in 0..20 {
        numbers.extend(heard(&pair.other.port).0);
        pair.sim.advance(SECOND);
    }
    numbers.retain(|number| *number < 100);
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    assert!(pair.net.traffic(0).lost > 5);
}

#[test]
fn one_seed_is_one_run_of_the_network() {
    let run = |seed| {
        let pair = pair(seed, |config| (config.loses, config.doubles) = (50_000, 50_000));
        pair.send(0..100, Class::Datagram);
        pair.send(0..100, LANE);
        pair.sim.advance(MS);
        pair.net.reset(0, 1);
        pair.sim.advance(10 * SECOND);
        (pair.sim.trace().hash(), heard(&pair.other.port))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}
