//! Measures clusters of several sizes, one after the other, and keeps what came of it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::fill::{Population, fill};
use crate::outcome::{Outcome, Size, Spread};
use crate::scenario::{Noticed, Stage};
use crate::world::World;
use crate::{plots, rings};

const fn size(nodes: usize, actors: usize) -> Size {
    Size { nodes, actors }
}

/// What is measured unless something else is asked for.
pub(crate) const SIZES: [Size; 9] = [
    size(10, 1_000_000),
    size(30, 1_000_000),
    size(100, 1_000_000),
    size(300, 1_000_000),
    size(1_000, 1_000_000),
    size(100, 100_000),
    size(100, 10_000_000),
    size(1_000, 100_000),
    size(1_000, 10_000_000),
];

/// Fewer members than this keep too few to lose some of them.
const NODES_MIN: usize = 5;
const NODES_MAX: usize = 2_000;

/// How many actors are placed by look-ups, for each node.
const PLACED_PER_NODE: usize = 50;

/// How long a cluster at rest is looked at.
const REST: Duration = Duration::from_secs(20);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.nodes, self.actors)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('x');
        let parsed = parts.map(|(nodes, actors)| (nodes.parse(), actors.parse()));
        match parsed {
            Some((Ok(nodes), Ok(actors))) if (NODES_MIN..=NODES_MAX).contains(&nodes) => {
                Ok(Self { nodes, actors })
            }
            _ => Err(format!(
                "a size is NODESxACTORS with {NODES_MIN} to {NODES_MAX} nodes, such as 100x1000000"
            )),
        }
    }
}

/// The file of all outcomes, in the folder of the plots.
pub(crate) const RESULTS: &str = "results.json";

/// Measures each size and puts its outcomes in the place of earlier ones of that size.
pub(crate) fn measure(
    sizes: &[Size],
    placing_only: bool,
    folder: &Path,
    seed: u64,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    for size in sizes.iter().filter(|_| !placing_only) {
        keep(folder, measure_one(*size, seed))?;
    }
    let nodes: BTreeSet<usize> = sizes.iter().map(|size| size.nodes).collect();
    for nodes in nodes {
        keep(folder, vec![place_by_look_ups(nodes, seed)])?;
    }
    Ok(())
}

fn keep(folder: &Path, outcomes: Vec<Outcome>) -> anyhow::Result<()> {
    let mut all: Vec<Outcome> = read(folder)?;
    let is_new =
        |it: &Outcome| outcomes.iter().any(|new| new.cluster == it.cluster && new.what == it.what);
    all.retain(|it| !is_new(it));
    all.extend(outcomes);
    all.sort_by_key(|it| (it.cluster.nodes, it.cluster.actors));
    let path = folder.join(RESULTS);
    let lines: Vec<String> = all.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))
}

/// What was measured before; nothing when there is no file.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Vec<Outcome>> {
    let path = folder.join(RESULTS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text =
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is damaged; remove it", path.display()))
}

/// Activations that are made as calls make them, in a cluster without any.
fn place_by_look_ups(nodes: usize, seed: u64) -> Outcome {
    let actors = nodes * PLACED_PER_NODE;
    println!("{nodes} nodes, {actors} look-ups");
    let mut world = World::of_members(nodes, seed);
    let population = Population { actors, ..fill(&mut world, 0) };
    let size = Size { nodes, actors };
    let mut stage = Stage { world: &mut world, population: &population, size, round: 0 };
    let outcome = stage.place("placed by look-ups", actors);
    println!(
        "{} fullest host {:.3} of the mean, {:.1} us of a core for each",
        line(&outcome),
        outcome.fullest_hosted,
        outcome.core_ms_per_node * 1e3 / PLACED_PER_NODE as f64,
    );
    outcome
}

/// Draws what was measured, and how evenly the ring spreads.
pub(crate) fn draw(folder: &Path) -> anyhow::Result<()> {
    let evenness = rings::evenness();
    let lines: Vec<String> =
        evenness.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let path = folder.join("rings.json");
    fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n")))
        .with_context(|| format!("could not write {}", path.display()))?;
    plots::draw(&read(folder)?, &evenness, folder)?;
    println!("drawn in {}", folder.display());
    Ok(())
}

fn measure_one(size: Size, seed: u64) -> Vec<Outcome> {
    let Size { nodes, actors } = size;
    let start = Instant::now();
    println!("{nodes} nodes, {actors} actors");
    let mut world = World::of_members(nodes, seed);
    let population = fill(&mut world, actors);
    world.run(Duration::from_secs(2));
    println!("  made in {:.0} s", start.elapsed().as_secs_f64());
    let mut stage = Stage { world: &mut world, population: &population, size, round: 0 };
    let tenth = nodes.div_ceil(10);
    let mut outcomes = Vec::new();
    let mut note = |outcome: Outcome| {
        println!("{}", line(&outcome));
        outcomes.push(outcome);
    };
    note(stage.rest(REST));
    note(stage.join("join"));
    for (name, count, noticed) in [
        ("crash, by lease", 1, Noticed::Lease),
        ("crash, presumed", 1, Noticed::Presumption(3)),
        ("crash, proven to 3", 1, Noticed::Proof(3)),
        ("crash, proven to all", 1, Noticed::Proof(nodes)),
        ("a tenth lost, proven to 3", tenth, Noticed::Proof(3)),
    ] {
        note(stage.crash(name, count, noticed));
        stage.calm();
    }
    let tenth = stage.world.living().len().div_ceil(10);
    note(stage.crash("a tenth lost, by lease", tenth, Noticed::Lease));
    note(stage.join("join, a tenth still listed"));
    outcomes
}

fn line(outcome: &Outcome) -> String {
    let max = |it: Option<Spread>| it.map_or("-".to_owned(), |it| format!("{:.1}", it.max));
    let p50 = |it: Option<Spread>| it.map_or("-".to_owned(), |it| format!("{:.1}", it.p50));
    format!(
        "  {:27} decided {:>8} view {:>8} settled {:>8}/{:>8} slot {:>8}/{:>8} | {:>8}/{:>8} lost \
         {:>8}/{:>8} msgs/node {:.0} bytes/node {:.0} table {} views {} fences {}+{} alarms {}/{}/{} \
         {:.0} s of simulation",
        outcome.what,
        outcome.decided_ms.map_or("-".to_owned(), |it| format!("{it:.1}")),
        max(outcome.view_ms),
        p50(outcome.settled_ms),
        max(outcome.settled_ms),
        p50(outcome.slot_durable_ms),
        max(outcome.slot_durable_ms),
        p50(outcome.slot_other_ms),
        max(outcome.slot_other_ms),
        p50(outcome.lost_durable_ms),
        max(outcome.lost_other_ms),
        outcome.messages_per_node,
        outcome.bytes_per_node,
        outcome.table.requests,
        outcome.table.views_read,
        outcome.fences_of_keepers,
        outcome.fences_of_owners,
        outcome.discarded,
        outcome.accused,
        outcome.suspended,
        outcome.core_ms_per_node * outcome.nodes as f64 / 1e3,
    )
}
