use std::collections::BTreeMap;
use std::time::Duration;

use tenure_protocol::lease::LeaseTerms;
use tenure_protocol::view::membership::{
    Config, Death, Effect, FastPath, Lost, Membership, Seat, Timer,
};
use tenure_protocol::view::table::{
    JoinToken, Table, TableAction, TableAnswer, TableOutcome, TableRequest,
};
use tenure_protocol::view::{MemberState, View};
use tenure_types::{Incarnation, Instant, NodeId, ViewNumber};

/// True time and times of the plan are in milliseconds from the start; clocks read nanoseconds.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
const MILLI: u64 = 1_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) fast_path: FastPath,
    /// How much faster than true each node's clock runs, in millionths.
    pub(crate) rates: Vec<i64>,
    pub(crate) faults: Vec<(u64, usize, Fault)>,
    pub(crate) end_ms: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The table is out of this node's reach for so long.
    Cut {
        for_ms: u64,
    },
    /// Its requests arrive, their answers do not.
    Deafen {
        for_ms: u64,
    },
    /// It does nothing for so long; its clock goes on.
    Pause {
        for_ms: u64,
    },
    /// It dies, and starts again after so long.
    Restart {
        after_ms: u64,
    },
    Leave,
    LanesLost,
    /// Another suspects it.
    Hint,
    /// It is accused, by the node after it.
    Accuse,
    /// The table fails over.
    FailOver,
}

enum Event {
    Arrive { node: usize, life: u64, request: u64, ask: TableRequest },
    Answer { node: usize, life: u64, request: u64, answer: Result<TableAnswer, Lost> },
    Timer { node: usize, life: u64, timer: Timer },
    Fault { node: usize, fault: Fault },
    Start { node: usize },
}

struct Node {
    rate: i64,
    offset: u64,
    life: u64,
    /// `None` while it is dead.
    machine: Option<Membership>,
    incarnation: Option<Incarnation>,
    cut_until: u64,
    deaf_until: u64,
    paused_until: u64,
    /// The best that was ever seen of each member, and of the view.
    known: BTreeMap<Incarnation, MemberState>,
    number: ViewNumber,
}

#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) observed_down: u64,
    pub(crate) resumed: u64,
    pub(crate) discarded: u64,
}

pub(crate) struct World {
    config: Config,
    now: u64,
    rng: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), Event>,
    table: Table,
    nodes: Vec<Node>,
    /// Put down without a proof of their deaths.
    expired: Vec<Incarnation>,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn run(plan: &Plan) -> Result<Self, String> {
        let mut world = Self::new(plan);
        while let Some(((at, _), event)) = world.queue.pop_first() {
            if at > plan.end_ms * MILLI {
                break;
            }
            world.now = at;
            world.step(event)?;
            world.check()?;
        }
        Ok(world)
    }

    fn new(plan: &Plan) -> Self {
        let node = |(index, rate): (usize, &i64)| Node {
            rate: *rate,
            offset: index as u64 * 977 * MILLI,
            life: 0,
            machine: None,
            incarnation: None,
            cut_until: 0,
            deaf_until: 0,
            paused_until: 0,
            known: BTreeMap::new(),
            number: ViewNumber(0),
        };
        let terms = LeaseTerms::new(LEASE);
        let mut world = Self {
            config: Config { terms, fast_path: plan.fast_path, ..Config::default() },
            now: 0,
            rng: plan.seed,
            sequence: 0,
            queue: BTreeMap::new(),
            table: Table::default(),
            nodes: plan.rates.iter().enumerate().map(node).collect(),
            expired: vec![],
            tally: Tally::default(),
        };
        for node in 0..plan.rates.len() {
            world.at(node as u64 * MILLI, Event::Start { node });
        }
        for (at, node, fault) in &plan.faults {
            let node = node % plan.rates.len();
            world.at(at * MILLI, Event::Fault { node, fault: *fault });
        }
        world
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn draw(&mut self, below: u64) -> u64 {
        self.rng = self.rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.rng;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), event);
    }

    /// Mostly a few milliseconds, seldom seconds.
    fn delay(&mut self) -> u64 {
        let millis = if self.draw(20) == 0 { 4_000 } else { 5 };
        self.draw(millis * MILLI)
    }

    fn clock(&self, node: usize) -> Instant {
        let node = &self.nodes[node];
        let rated = i128::from(self.now) * (1_000_000 + i128::from(node.rate)) / 1_000_000;
        Instant::from_nanos(node.offset + rated as u64)
    }

    /// The first true time at which the node's clock reads `at`.
    fn true_time(&self, node: usize, at: Instant) -> u64 {
        let node = &self.nodes[node];
        let rated = i128::from(at.as_nanos().saturating_sub(node.offset)) * 1_000_000;
        (rated / (1_000_000 + i128::from(node.rate))) as u64 + 1
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        let (node, life) = match &event {
            Event::Arrive { node, life, .. } => {
                let (node, life) = (*node, *life);
                let Event::Arrive { request, ask, .. } = event else { unreachable!() };
                self.arrive(node, life, request, ask);
                return Ok(());
            }
            Event::Answer { node, life, .. } | Event::Timer { node, life, .. } => (*node, *life),
            Event::Fault { node, fault } => return self.strike(*node, *fault),
            Event::Start { node } => {
                self.start(*node);
                return self.carry_out(*node);
            }
        };
        if self.nodes[node].life != life {
            return Ok(());
        }
        if self.nodes[node].paused_until > self.now {
            let later = self.nodes[node].paused_until;
            self.at(later, event);
            return Ok(());
        }
        let now = self.clock(node);
        let Some(machine) = &mut self.nodes[node].machine else { return Ok(()) };
        match event {
            Event::Answer { request, answer, .. } => machine.handle_answer(now, request, answer),
            Event::Timer { timer, .. } => machine.handle_timer(now, timer),
            Event::Arrive { .. } | Event::Fault { .. } | Event::Start { .. } => unreachable!(),
        }
        self.carry_out(node)
    }

    fn start(&mut self, node: usize) {
        let token = JoinToken(u128::from(self.draw(u64::MAX)));
        let now = self.clock(node);
        let config = self.config;
        let it = &mut self.nodes[node];
        it.life += 1;
        it.known.clear();
        let machine = it.machine.insert(Membership::new(config, ViewNumber(0)));
        machine.join(now, seat(node), token);
    }

    fn arrive(&mut self, node: usize, life: u64, request: u64, ask: TableRequest) {
        let observed = match &ask.action {
            TableAction::Down { incarnation, .. } => Some(*incarnation),
            // Nothing is ever proven here.
            TableAction::DownProven { incarnation } => Some(*incarnation),
            _ => None,
        };
        let answer = self.table.apply(ask);
        if let (Some(incarnation), Ok(TableOutcome::Done)) = (observed, &answer.outcome) {
            self.expired.push(incarnation);
            self.tally.observed_down += 1;
        }
        if self.nodes[node].deaf_until > self.now || self.draw(20) == 0 {
            return;
        }
        for _ in 0..=u64::from(self.draw(10) == 0) {
            let at = self.now + self.delay();
            let answer = Ok(answer.clone());
            self.at(at, Event::Answer { node, life, request, answer });
        }
    }

    fn strike(&mut self, node: usize, fault: Fault) -> Result<(), String> {
        let until = |for_ms: u64| self.now + for_ms * MILLI;
        let next = (node + 1) % self.nodes.len();
        let subject = self.nodes[node].incarnation;
        let (now, next_now) = (self.clock(node), self.clock(next));
        match fault {
            Fault::Cut { for_ms } => self.nodes[node].cut_until = until(for_ms),
            Fault::Deafen { for_ms } => self.nodes[node].deaf_until = until(for_ms),
            Fault::Pause { for_ms } => self.nodes[node].paused_until = until(for_ms),
            Fault::FailOver => self.table.fail_over(),
            Fault::Restart { after_ms } => {
                let at = until(after_ms);
                self.nodes[node].machine = None;
                self.nodes[node].incarnation = None;
                self.nodes[node].life += 1;
                self.at(at, Event::Start { node });
            }
            Fault::Leave | Fault::LanesLost => {
                let is_awake = self.nodes[node].paused_until <= self.now;
                if let Some(machine) = self.nodes[node].machine.as_mut().filter(|_| is_awake) {
                    if matches!(fault, Fault::Leave) {
                        machine.leave(now);
                        machine.left(now);
                    } else {
                        machine.handle_lanes_lost(now);
                    }
                }
            }
            Fault::Hint | Fault::Accuse => {
                let is_awake = self.nodes[next].paused_until <= self.now;
                let machine = self.nodes[next].machine.as_mut().filter(|_| is_awake);
                if let (Some(machine), Some(subject)) = (machine, subject) {
                    if matches!(fault, Fault::Hint) {
                        // A live process is refused by mistake: two saw it.
                        machine.handle_death(next_now, subject, Death::Presumption { seen_by: 2 });
                    } else {
                        machine.accuse(next_now, subject);
                    }
                }
                self.carry_out(next)?;
            }
        }
        self.carry_out(node)
    }

    fn carry_out(&mut self, node: usize) -> Result<(), String> {
        loop {
            let Some(machine) = &mut self.nodes[node].machine else { return Ok(()) };
            let effects = machine.take_effects();
            if effects.is_empty() {
                return Ok(());
            }
            for effect in effects {
                self.obey(node, effect)?;
            }
        }
    }

    fn obey(&mut self, node: usize, effect: Effect) -> Result<(), String> {
        let now = self.clock(node);
        let life = self.nodes[node].life;
        let machine = self.nodes[node].machine.as_mut().ok_or("it is dead")?;
        match effect {
            Effect::Ask { request, ask } => self.send(node, request, &ask),
            Effect::SetTimer { timer, at } => {
                let at = self.true_time(node, at);
                self.at(at, Event::Timer { node, life, timer });
            }
            Effect::Joined(incarnation) => {
                machine.ready(now);
                self.nodes[node].incarnation = Some(incarnation);
            }
            Effect::View(view) => self.see(node, &view)?,
            Effect::Discard => {
                self.tally.discarded += 1;
                self.nodes[node].incarnation = None;
                let token = JoinToken(u128::from(self.draw(u64::MAX)));
                let machine = self.nodes[node].machine.as_mut().ok_or("it is dead")?;
                machine.join(now, seat(node), token);
            }
            Effect::Left => self.at(self.now + 1_000 * MILLI, Event::Start { node }),
            Effect::Fence(incarnation) => machine.handle_fenced(incarnation),
            Effect::Resume => self.tally.resumed += 1,
            Effect::Suspend if machine.lease_until() > now => {
                return Err(format!("n{node} suspends while its lease holds"));
            }
            Effect::Suspend | Effect::Hint(_) | Effect::Trouble(_) => {}
        }
        Ok(())
    }

    fn send(&mut self, node: usize, request: u64, ask: &TableRequest) {
        let life = self.nodes[node].life;
        let lost = LeaseTerms::new(LEASE).ask_time_max.as_nanos() as u64;
        self.at(self.now + lost, Event::Answer { node, life, request, answer: Err(Lost) });
        if self.nodes[node].cut_until > self.now || self.draw(20) == 0 {
            return;
        }
        for _ in 0..=u64::from(self.draw(10) == 0) {
            let at = self.now + self.delay();
            self.at(at, Event::Arrive { node, life, request, ask: ask.clone() });
        }
    }

    /// Views grow, and members never go backwards.
    fn see(&mut self, node: usize, view: &View) -> Result<(), String> {
        let it = &mut self.nodes[node];
        if view.number <= it.number && !it.known.is_empty() {
            return Err(format!("n{node} went from view {} to {}", it.number, view.number));
        }
        it.number = view.number;
        for member in view.members() {
            let before = it.known.insert(member.incarnation, member.state);
            if before.is_some_and(|before| before > member.state) {
                return Err(format!(
                    "n{node} saw {} go back to {}",
                    member.incarnation, member.state
                ));
            }
        }
        let missing = it.known.iter_mut().filter(|(it, _)| view.member(**it).is_none());
        missing.for_each(|(_, state)| *state = MemberState::Left);
        Ok(())
    }

    /// Nobody may release while another has ended its lease by observation (DESIGN section 7, rule 1).
    fn check(&self) -> Result<(), String> {
        for (index, node) in self.nodes.iter().enumerate() {
            let (Some(machine), Some(incarnation)) = (&node.machine, node.incarnation) else {
                continue;
            };
            let (now, until) = (self.clock(index), machine.lease_until());
            if now < until && self.expired.contains(&incarnation) {
                let left = until - now;
                return Err(format!("n{index} may release for {left:?} more and is down"));
            }
        }
        Ok(())
    }

    #[cfg(not(feature = "planted"))]
    /// How many members are alive in the table, and how many nodes hold a lease.
    pub(crate) fn standing(&self) -> (usize, usize) {
        let alive = self.table.view().in_state(MemberState::Alive).count();
        let holds = |(index, node): (usize, &Node)| {
            let machine = node.machine.as_ref()?;
            (self.clock(index) < machine.lease_until()).then_some(())
        };
        (alive, self.nodes.iter().enumerate().filter_map(holds).count())
    }
}

fn seat(node: usize) -> Seat {
    let id = NodeId::new(&format!("n{node}")).expect("a name that follows the rule");
    Seat { node: id, weight: 1, address: "a".into() }
}
