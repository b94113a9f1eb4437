use crate::entropy::Dice;
use crate::faults::{Kind, Plan, Shape};
use crate::options::Options;
use crate::simulation::Simulation;
use crate::trace::{Event, Keep};

/// How many of the last events a run keeps for the reader of a failure.
const TAIL_EVENTS: usize = 2_000;
/// Sets the sequence from which plans are drawn apart from that of the schedule.
const PLAN_SEQUENCE: u64 = 0x706c_616e;

/// A set-up under which the promises cannot hold: a simulation that finds nothing wrong with it
/// proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vacuity {
    /// Clocks go at rates that are 10 % apart, with leases of 10 s.
    Rates,
    /// Another's lease is taken for ended after exactly its length, with clocks 1 % fast and slow.
    Factor,
    /// The store fails over without the last that it committed.
    LostTail,
    /// Machines sleep together with their boot-time clocks.
    Suspend,
    /// Members that look dead are taken for dead (`fast_path = presumed`), and some that live do.
    Presumed,
}

impl Vacuity {
    /// Every one.
    pub const ALL: &'static [Vacuity] =
        &[Self::Rates, Self::Factor, Self::LostTail, Self::Suspend, Self::Presumed];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Vacuity::Rates => "rates",
            Vacuity::Factor => "factor",
            Vacuity::LostTail => "lost-tail",
            Vacuity::Suspend => "suspend",
            Vacuity::Presumed => "presumed",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|vacuity| vacuity.name() == name)
    }

    /// The kind of fault that it adds.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Vacuity::Rates | Vacuity::Factor | Vacuity::Presumed => None,
            Vacuity::LostTail => Some(Kind::StoreLosesTail),
            Vacuity::Suspend => Some(Kind::Suspend),
        }
    }
}

/// What a run is asked beside its seed.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What goes wrong, instead of what the seed says.
    pub plan: Option<Plan>,
    /// The faults to leave out, by their place in the plan.
    pub without: Vec<usize>,
    /// A set-up under which the promises cannot hold.
    pub vacuity: Option<Vacuity>,
    /// With a vacuity: judge by the promises that remain under it alone, and those must hold.
    pub remaining: bool,
    /// Is shown everything that happens.
    pub shown: Option<fn(&Event)>,
}

impl Settings {
    /// What goes wrong in the run of `seed`.
    #[must_use]
    pub fn plan(&self, seed: u64, shape: &Shape) -> Plan {
        let plan = self.plan.clone().unwrap_or_else(|| {
            let mut shape = shape.clone();
            shape.kinds.extend(self.vacuity.and_then(Vacuity::kind));
            Plan::draw(&mut Dice::new(seed ^ PLAN_SEQUENCE).split(), &shape)
        });
        plan.without(&self.without)
    }

    /// The simulation of `seed`, with a trace as is asked for.
    #[must_use]
    pub fn simulation(&self, seed: u64, options: &Options) -> Simulation {
        let sim =
            Simulation::with(seed, Options { keep: Keep::Last(TAIL_EVENTS), ..options.clone() });
        if let Some(shown) = self.shown {
            sim.trace().listen(Box::new(shown));
        }
        sim
    }
}
