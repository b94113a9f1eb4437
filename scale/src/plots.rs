//! The curves of `docs/scale`: which figures stand beside each other.

mod chart;

use std::path::Path;

use crate::outcome::{Outcome, Spread};
use crate::rings::Evenness;
use chart::{Axis, Chart, Series};

/// The clusters whose nodes grow have so many actors.
const ACTORS: usize = 1_000_000;

const JOIN: &str = "join";
const BY_LEASE: &str = "crash, by lease";
const PROVEN: &str = "crash, proven to 3";
const PROVEN_TO_ALL: &str = "crash, proven to all";
const PRESUMED: &str = "crash, presumed";
const TENTH: &str = "a tenth lost, proven to 3";
const TENTH_BY_LEASE: &str = "a tenth lost, by lease";

/// Draws every plot into the folder.
pub(crate) fn draw(
    outcomes: &[Outcome],
    evenness: &[Evenness],
    folder: &Path,
) -> anyhow::Result<()> {
    let nodes = Axis::logarithmic("nodes");
    let by_nodes = |name: &'static str, what: &str, figure: Figure<'_>| {
        let rows = outcomes.iter().filter(|it| it.what == what && it.cluster.actors == ACTORS);
        points(name, rows, |it| it.cluster.nodes as f64, figure)
    };
    let charts = [
        ("times", times(&by_nodes)),
        ("messages", messages(&by_nodes)),
        ("table", table(&by_nodes)),
        ("fences", fences(&by_nodes)),
        ("evenness", uneven(evenness)),
        ("moved", moved(evenness)),
        ("reports", reports(outcomes)),
    ];
    for (name, mut chart) in charts {
        if chart.x.name.is_empty() {
            chart.x = nodes.clone();
        }
        let path = folder.join(format!("{name}.svg"));
        if !chart.draw(&path)? {
            println!("{} is left as it is: nothing is measured for it", path.display());
        }
    }
    Ok(())
}

type Figure<'a> = &'a dyn Fn(&Outcome) -> Option<f64>;
type ByNodes<'a> = &'a dyn Fn(&'static str, &str, Figure<'_>) -> Series;

fn points<'a>(
    name: &'static str,
    rows: impl Iterator<Item = &'a Outcome>,
    x: impl Fn(&Outcome) -> f64,
    figure: Figure<'_>,
) -> Series {
    let mut points: Vec<(f64, f64)> = rows.filter_map(|it| Some((x(it), figure(it)?))).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    Series { name, points }
}

fn times(series: ByNodes<'_>) -> Chart {
    // From the moment at which the table has decided: finding a death out takes what the lease or the proof takes.
    let after = |it: &Outcome, spread: Option<Spread>, part: fn(Spread) -> f64| {
        Some(part(spread?) - it.decided_ms?)
    };
    let view = |it: &Outcome| after(it, it.view_ms, |it| it.max);
    let open = |it: &Outcome| after(it, it.settled_ms, |it| it.max);
    let asked = |it: &Outcome| after(it, it.slot_other_ms, |it| it.p50);
    Chart {
        title: "From the decision of the table until the last one knows it, and slots are open",
        x: Axis::default(),
        y: Axis::logarithmic("milliseconds"),
        series: vec![
            series("one dies: all know", PROVEN, &view),
            series("one dies: every slot open", PROVEN, &open),
            series("one dies: half of those who ask answered", PROVEN, &asked),
            series("one joins: every slot open", JOIN, &open),
            series("a tenth dies, proven: every slot open", TENTH, &open),
            series("a tenth dies, by lease: every slot open", TENTH_BY_LEASE, &open),
        ],
        names_below: false,
    }
}

fn messages(series: ByNodes<'_>) -> Chart {
    let sent = |it: &Outcome| Some(it.messages_per_node);
    Chart {
        title: "Messages for each node that a change of members costs",
        x: Axis::default(),
        y: Axis::logarithmic("messages for each node"),
        series: vec![
            series("one joins", JOIN, &sent),
            series("one dies, proven to 3", PROVEN, &sent),
            series("one dies, proven to all", PROVEN_TO_ALL, &sent),
            series("one dies, by lease", BY_LEASE, &sent),
            series("a tenth dies, proven to 3", TENTH, &sent),
            series("a tenth dies, by lease", TENTH_BY_LEASE, &sent),
        ],
        names_below: false,
    }
}

fn table(series: ByNodes<'_>) -> Chart {
    let at_rest = |it: &Outcome| Some(it.table.bytes_out as f64 / it.seconds);
    let peak = |it: &Outcome| Some(it.table.bytes_peak_per_second as f64);
    Chart {
        title: "What the member table sends, in its busiest 100 ms",
        x: Axis::default(),
        y: Axis::logarithmic("bytes a second"),
        series: vec![
            series("at rest", "rest", &at_rest),
            series("one joins", JOIN, &peak),
            series("one dies", PROVEN, &peak),
            series("a tenth dies, proven to 3", TENTH, &peak),
            series("a tenth dies, by lease", TENTH_BY_LEASE, &peak),
        ],
        names_below: false,
    }
}

fn fences(series: ByNodes<'_>) -> Chart {
    let fences = |it: &Outcome| Some((it.fences_of_keepers + it.fences_of_owners) as f64);
    Chart {
        title: "Fences that the store is asked for",
        x: Axis::default(),
        y: Axis::logarithmic("fences"),
        series: vec![
            series("one dies, proven", PROVEN, &fences),
            series("one dies, presumed", PRESUMED, &fences),
            series("a tenth dies, proven", TENTH, &fences),
            series("a tenth dies, by lease", TENTH_BY_LEASE, &fences),
        ],
        names_below: false,
    }
}

fn by_size(name: &'static str, evenness: &[Evenness], figure: impl Fn(&Evenness) -> f64) -> Series {
    Series { name, points: evenness.iter().map(|it| (it.nodes as f64, figure(it))).collect() }
}

fn uneven(evenness: &[Evenness]) -> Chart {
    Chart {
        title: "The fullest node over the mean (10 million actors)",
        x: Axis::default(),
        y: Axis::linear("fullest / mean"),
        series: vec![
            by_size("slots of the ring", evenness, |it| it.fullest_slots),
            by_size("directory entries", evenness, |it| it.fullest_actors),
            by_size("static: hash mod N", evenness, |it| it.fullest_modulo),
        ],
        names_below: false,
    }
}

fn moved(evenness: &[Evenness]) -> Chart {
    Chart {
        title: "What is elsewhere once one more node is there (10 million actors)",
        x: Axis::default(),
        y: Axis::logarithmic("share of all"),
        series: vec![
            by_size("entries, with the ring", evenness, |it| it.moved_actors),
            by_size("actors, with hash mod N", evenness, |it| it.moved_modulo),
            by_size("1 / (N + 1)", evenness, |it| 1.0 / (it.nodes as f64 + 1.0)),
        ],
        names_below: true,
    }
}

fn reports(outcomes: &[Outcome]) -> Chart {
    let bytes = |it: &Outcome| Some(it.kinds.get("report")?.1 as f64);
    let of = |name: &'static str, nodes: usize, what: &str| {
        let rows = outcomes.iter().filter(|it| it.what == what && it.cluster.nodes == nodes);
        points(name, rows, |it| it.cluster.actors as f64, &bytes)
    };
    Chart {
        title: "Bytes of all reports of one change",
        x: Axis::logarithmic("actors"),
        y: Axis::logarithmic("bytes"),
        series: vec![
            of("100 nodes, one joins", 100, JOIN),
            of("100 nodes, one dies", 100, PROVEN),
            of("1,000 nodes, one joins", 1_000, JOIN),
            of("1,000 nodes, one dies", 1_000, PROVEN),
            of("1,000 nodes, a tenth dies", 1_000, TENTH),
        ],
        names_below: false,
    }
}
