use std::sync::Arc;
use std::time::Duration;

use tenure_cluster::LevelConfig;
use tenure_protocol::balance::BalanceConfig;
use tenure_protocol::lease::LeaseTerms;
use tenure_protocol::placement::Strategy;
use tenure_protocol::view::membership::FastPath;
use tenure_sim::campaign::{Settings, Vacuity};
use tenure_sim::faults::{Kind, Plan, Shape as Faults};
use tenure_sim::net::NetConfig;
use tenure_sim::remote::{RouteConfig, StoreHost};
use tenure_sim::{ClockSpec, Dice, Options, Simulation};
use tenure_store::MemoryDisk;

use super::plan;
use crate::cast::{Role, Who};
use crate::crowd::{FEED_READERS, SUBSCRIBERS, Taste};
use crate::node::Outer;

/// Sets the sequence from which shapes are drawn apart from others.
const SHAPE_SEQUENCE: u64 = 0x7368_6170;
/// For how long things go wrong.
const FAULTS_FOR: Duration = Duration::from_secs(180);
/// How many actors there are of each type.
const ACTORS_EACH: u32 = 3;
/// A rush is so much shorter than other runs.
const RUSH_FOR: Duration = Duration::from_secs(60);
/// One run in so many is a rush.
const RUSH_ONE_IN: u64 = 20;
/// And another one in so many is a rush in which all that goes wrong is that leases end.
const LEASES_END_ONE_IN: u64 = 12;
/// Sets the sequence that decides that apart from others.
const LEASES_END_SEQUENCE: u64 = 0x6c65_6173;
/// Sets the sequence that decides how like real processes nodes are apart from others.
const LIKENESS_SEQUENCE: u64 = 0x6c69_6b65;
/// Sets the sequence from which rolls are drawn apart from others.
const ROLL_SEQUENCE: u64 = 0x726f_6c6c;
/// Sets the sequence that decides whether nodes are levelled apart from others.
const LEVEL_SEQUENCE: u64 = 0x6c65_766c;
/// After so long an actor that was moved to level nodes may move again, and after a leave nodes are levelled: a sixth of
/// the time in a real cluster.
const LEVEL_REST: Duration = Duration::from_secs(10);
/// How long leases are where they are to end: long ones differ by more on two clocks.
const LEASE_LONG: Duration = Duration::from_secs(30);

/// What a seed says of its run, beside the faults.
///
/// Runs differ in what they are made of, not only in when it happens: half of them have only some kinds of
/// faults, and then many of those, and clients have their tastes (Groce and others 2012, "Swarm testing",
/// ISSTA). In a *rush* few clients ask few actors all the time, as it takes to see what happens in the
/// milliseconds between the end of one lease and the first reply of another node. In most of them ends of leases
/// are all that goes wrong.
pub(super) struct Shape {
    pub(super) nodes: u32,
    pub(super) spares: u32,
    pub(super) clients: u32,
    pub(super) clocks: Vec<ClockSpec>,
    pub(super) actors: Vec<Who>,
    pub(super) think: Duration,
    pub(super) taste: Taste,
    pub(super) net: NetConfig,
    pub(super) route: RouteConfig,
    /// How long a flush takes when nothing is wrong with the store.
    pub(super) flush: Duration,
    pub(super) options: Options,
    lease: Duration,
    idle_after: Duration,
    move_patience: Duration,
    faults_for: Duration,
    kinds: Vec<Kind>,
    /// All that goes wrong is that leases end.
    ends_leases: bool,
    /// Nodes are processes of their own.
    is_apart: bool,
    /// Every node is replaced by one of another build, once or twice.
    pub(super) rolls: bool,
    strategies: Vec<(Role, Strategy)>,
    /// Actors move so that nodes are called alike.
    levels: bool,
    sentinel_percent: u64,
    vacuity: Option<Vacuity>,
    standby_lag: usize,
    /// How long the store takes for a batch of units.
    commit_time: Duration,
}

impl Shape {
    pub(super) fn draw(seed: u64, vacuity: Option<Vacuity>) -> Self {
        let mut dice = Dice::new(seed ^ SHAPE_SEQUENCE).split();
        let likeness = Dice::new(seed ^ LIKENESS_SEQUENCE).split().below(6);
        let ends_leases = vacuity == Some(Vacuity::Factor)
            || Dice::new(seed ^ LEASES_END_SEQUENCE).split().one_in(LEASES_END_ONE_IN);
        let is_rush = dice.one_in(RUSH_ONE_IN) || ends_leases;
        let (nodes, spares) = (3 + dice.below(if is_rush { 2 } else { 5 }) as u32, 1);
        let clients = 5 + dice.below(4) as u32;
        let is_far = vacuity.is_some() || dice.one_in(2);
        let clocks =
            (0..nodes + spares).map(|at| clock(&mut dice, at, (vacuity, is_far))).collect();
        let numbers = 0..if is_rush { 1 } else { ACTORS_EACH };
        let each = |&role: &Role| numbers.clone().map(move |number| Who { role, number });
        let mut actors: Vec<Who> = Role::ALL.iter().flat_map(each).collect();
        // The first are hot ones.
        for at in (1..actors.len()).rev() {
            actors.swap(at, dice.below(at as u64 + 1) as usize);
        }
        let lease = match (vacuity, dice.below(3)) {
            (None, _) if ends_leases => LEASE_LONG,
            _ if is_rush => Duration::from_secs(10),
            (Some(_), _) | (_, 0 | 1) => Duration::from_secs(10),
            _ => Duration::from_secs(2),
        };
        let strategies = Role::ALL.iter().filter_map(|&role| {
            Some((
                role,
                match dice.below(6) {
                    0 => Strategy::Ring,
                    1 => Strategy::Random,
                    2 => Strategy::Local,
                    _ => return None,
                },
            ))
        });
        let strategies = strategies.collect();
        let poll_time_max = Duration::from_micros([0, 0, 5, 50][dice.below(4) as usize]);
        let think = Duration::from_millis(if is_rush { 15 } else { 100 + dice.below(400) });
        Self {
            nodes,
            spares,
            clients,
            clocks,
            actors,
            think,
            taste: if is_rush { Taste::brief() } else { taste(&mut dice) },
            net: NetConfig::default(),
            route: RouteConfig::default(),
            flush: Duration::from_secs(3),
            options: Options { poll_time_max, ..Options::default() },
            lease,
            idle_after: Duration::from_secs([8, 30, 600][dice.below(3) as usize]),
            move_patience: Duration::from_millis([5_000, 5_000, 300][dice.below(3) as usize]),
            faults_for: if is_rush && !ends_leases { RUSH_FOR } else { FAULTS_FOR },
            kinds: if ends_leases { vec![Kind::TableCut] } else { kinds(&mut dice, is_rush) },
            ends_leases,
            is_apart: likeness < 3,
            rolls: likeness < 1,
            strategies,
            levels: Dice::new(seed ^ LEVEL_SEQUENCE).split().one_in(2),
            sentinel_percent: [0, 70, 100][dice.below(3) as usize],
            vacuity,
            standby_lag: 1 + dice.below(30) as usize,
            commit_time: Duration::from_millis([0, 1, 5, 20][dice.below(4) as usize]),
        }
    }

    /// What goes wrong.
    pub(super) fn plan(&self, seed: u64, settings: &Settings) -> Plan {
        let mut shape = Faults { spares: self.spares, ..Faults::new(self.nodes, self.faults_for) };
        shape.kinds.clone_from(&self.kinds);
        if self.ends_leases {
            shape.gap = self.lease * 2 / 3;
            shape.lasts = Some((self.lease * 16 / 15, self.lease * 4 / 3));
        }
        if matches!(self.vacuity, Some(Vacuity::Rates | Vacuity::Factor)) {
            // It would bring the clocks together again.
            shape.kinds.retain(|kind| *kind != Kind::Drift);
        }
        let mut plan = settings.plan(seed, &shape);
        if settings.plan.is_none() {
            if self.ends_leases {
                plan::cut_one_by_one(&mut plan, self.nodes);
            }
            let mut dice = Dice::new(seed ^ ROLL_SEQUENCE).split();
            for _ in 0..if self.rolls { 1 + dice.below(2) } else { 0 } {
                plan::roll(&mut plan, &mut dice, self.nodes, self.faults_for);
            }
            let people = self.clients + SUBSCRIBERS + FEED_READERS;
            plan::divide_clients(&mut plan, seed, self.nodes + self.spares, people);
        }
        plan
    }

    pub(super) fn store(&self, sim: &Simulation) -> StoreHost {
        let (route, disk) = (self.route.clone(), MemoryDisk::new());
        disk.faults().delay_batches(Some(self.commit_time).filter(|it| !it.is_zero()));
        match self.vacuity {
            Some(Vacuity::LostTail) => StoreHost::with_standby(sim, route, disk, self.standby_lag),
            _ => StoreHost::new(sim, route, disk),
        }
    }

    pub(super) fn configure(&self, outer: &mut Outer) {
        let config = Arc::get_mut(&mut outer.config).expect("no node runs yet");
        config.membership.terms = LeaseTerms::new(self.lease);
        if self.vacuity == Some(Vacuity::Factor) {
            config.membership.terms.observed_for = self.lease;
        }
        if self.vacuity == Some(Vacuity::Presumed) {
            config.membership.fast_path = FastPath::Presumed;
        }
        config.cluster.report_patience = config.membership.terms.expiry();
        config.cluster.move_patience = self.move_patience;
        config.strategies = self.strategies.iter().map(|(role, it)| (role.name(), *it)).collect();
        config.level = self.levels.then(|| {
            let (rest_of_actor, rest_after_leave) = (LEVEL_REST, LEVEL_REST);
            let balance = BalanceConfig { rest_of_actor, rest_after_leave, ..Default::default() };
            LevelConfig { balance, calls_min: 1 }
        });
        outer.runtime.idle_after = self.idle_after;
        outer.runtime.volatile_idle_after = 2 * self.idle_after;
        outer.runtime.deadline = Duration::from_secs(10);
        outer.sentinel_percent = self.sentinel_percent;
        outer.is_apart = self.is_apart;
    }
}

/// The clock of a node: no two read the same, and rates differ within 1 %, but where a run is to fail. `is_far`:
/// half of them are as slow as they may be, and half as fast.
fn clock(dice: &mut Dice, at: u32, (vacuity, is_far): (Option<Vacuity>, bool)) -> ClockSpec {
    let reading = Duration::from_millis(1 + dice.below(1_000_000));
    let drawn = dice.below(20_000_001) as i64 - 10_000_000;
    let apart = |most: i64| if at.is_multiple_of(2) { most } else { -most };
    let rate_ppb = match vacuity {
        Some(Vacuity::Rates) => apart(50_000_000),
        _ if is_far => apart(10_000_000),
        _ => drawn,
    };
    ClockSpec { reading, rate_ppb }
}

/// What goes wrong: everything, or some kinds.
fn kinds(dice: &mut Dice, is_rush: bool) -> Vec<Kind> {
    let all = Kind::promised();
    if is_rush {
        use Kind::{Crash, LookDead, OneWay, Partition, Pause, Refuse, Reset, Sever, TableCut};
        return match dice.below(3) {
            0 => vec![Crash, LookDead, Refuse, Reset],
            1 => vec![Crash, OneWay, Partition, Pause, Sever, TableCut],
            _ => vec![OneWay, TableCut],
        };
    }
    if dice.one_in(2) {
        return all;
    }
    let one_in = 2 + dice.below(4);
    let mut some: Vec<Kind> = all.iter().copied().filter(|_| dice.one_in(one_in)).collect();
    // Deaths are what most rules are about.
    some.extend([Kind::Crash, all[dice.below(all.len() as u64) as usize]]);
    some.sort_unstable();
    some.dedup();
    some
}

fn taste(dice: &mut Dice) -> Taste {
    Taste {
        read_percent: [10, 44, 44, 80][dice.below(4) as usize],
        tell_percent: [25, 25, 60][dice.below(3) as usize],
        leave_percent: [0, 1, 1, 6][dice.below(4) as usize],
        slow_one_in: [10, 10, 3, 40][dice.below(4) as usize],
        hot_percent: [25, 25, 90][dice.below(3) as usize],
    }
}
