use std::time::Duration;

use super::kind::Kind;
use super::plan::{Fault, Plan};
use crate::entropy::Dice;

/// What a plan is drawn for.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many nodes there are from the start: those with the numbers below this.
    pub nodes: u32,
    /// How many more may join: those with the numbers after them.
    pub spares: u32,
    /// No fault begins before.
    pub from: Duration,
    /// Every fault is over by then.
    pub until: Duration,
    /// The mean time between the beginnings of two faults.
    pub gap: Duration,
    /// How long every fault lasts, from and to; drawn by its kind when nothing is said.
    pub lasts: Option<(Duration, Duration)>,
    /// What goes wrong.
    pub kinds: Vec<Kind>,
}

impl Shape {
    /// A fault each five seconds on average, until `until`, of every kind under which the promises
    /// hold.
    #[must_use]
    pub fn new(nodes: u32, until: Duration) -> Self {
        let (from, gap) = (Duration::from_secs(5), Duration::from_secs(5));
        let (spares, kinds) = (1, Kind::promised());
        Self { nodes, spares, from, until, gap, lasts: None, kinds }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Plan {
    /// Draws what goes wrong. Only integers are calculated with, so that every machine agrees.
    #[must_use]
    pub fn draw(dice: &mut Dice, shape: &Shape) -> Self {
        let mut faults = Vec::new();
        let weights: u32 = shape.kinds.iter().map(|kind| kind.weight()).sum();
        let mut at_ms = ms(shape.from);
        loop {
            at_ms += 1 + dice.below(2 * ms(shape.gap).max(1));
            if weights == 0 || at_ms >= ms(shape.until) {
                return Self { faults };
            }
            let kind = pick(dice, shape, weights);
            if kind == Kind::Join && shape.spares == 0 {
                continue;
            }
            let drawn = match shape.lasts {
                Some((from, to)) => ms(from) + dice.below(ms(to.saturating_sub(from)).max(1)),
                None => lasts(dice, kind),
            };
            let lasts_ms = drawn.min(ms(shape.until) - at_ms);
            let arguments = arguments(dice, kind, shape);
            faults.push(Fault { at_ms, lasts_ms, kind, arguments });
        }
    }
}

fn pick(dice: &mut Dice, shape: &Shape, weights: u32) -> Kind {
    let mut left = dice.below(u64::from(weights)) as u32;
    for kind in &shape.kinds {
        match left.checked_sub(kind.weight()) {
            Some(rest) => left = rest,
            None => return *kind,
        }
    }
    shape.kinds[0]
}

/// How long a fault lasts: mostly seconds, which is about a lease, seldom minutes or next to nothing.
fn lasts(dice: &mut Dice, kind: Kind) -> u64 {
    let most = match dice.below(20) {
        0..4 => 300,
        4..14 => 8_000,
        14..19 => 25_000,
        _ => 120_000,
    };
    match kind {
        Kind::Reset => 0,
        // Whoever is killed is started again in seconds, by and large.
        Kind::Crash | Kind::PowerOff | Kind::Drain => 200 + dice.below(most.min(40_000)),
        Kind::StoreDown | Kind::StoreFull | Kind::TableDown => 50 + dice.below(most.min(20_000)),
        Kind::StoreFailOver | Kind::StoreLosesTail | Kind::TableFailOver => {
            100 + dice.below(most.min(9_000))
        }
        Kind::Drift => 1_000 + dice.below(120_000),
        _ => 1 + dice.below(most),
    }
}

fn arguments(dice: &mut Dice, kind: Kind, shape: &Shape) -> Vec<i64> {
    let mut draw = |name: &&str| -> i64 {
        let nodes = u64::from(shape.nodes.clamp(1, 62));
        let drawn = match *name {
            "node" if kind == Kind::Join => nodes + dice.below(u64::from(shape.spares.max(1))),
            "node" | "one" | "other" => dice.below(nodes),
            // At least one node, and not all.
            "side" | "from" | "to" | "nodes" => 1 + dice.below((1 << nodes) - 1),
            "ppb" => return dice.below(20_000_001) as i64 - 10_000_000,
            "ms" => return dice.below(2 * 86_400_000) as i64 - 86_400_000,
            "memory_mib" => {
                let most = one_of(dice, [64, 2_048, 16_384]);
                dice.below(most)
            }
            "period_ms" => 20 + dice.below(3_000),
            "most_ms" => {
                let most = one_of(dice, [50, 1_000, 12_000]);
                1 + dice.below(most)
            }
            "millionths" => one_of(dice, [10_000, 200_000, 900_000]),
            name => unreachable!("the argument {name} is not drawn"),
        };
        i64::try_from(drawn).unwrap_or(i64::MAX)
    };
    let mut arguments: Vec<i64> = kind.arguments().iter().map(&mut draw).collect();
    // Two nodes that are one would have nothing to lose.
    if matches!(kind, Kind::Sever | Kind::Reset) && arguments[0] == arguments[1] {
        arguments[1] = (arguments[0] + 1) % i64::from(shape.nodes.max(1));
    }
    arguments
}

fn one_of(dice: &mut Dice, values: [u64; 3]) -> u64 {
    values[dice.below(3) as usize]
}
