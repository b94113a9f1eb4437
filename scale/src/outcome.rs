//! What one time of observation came to: the rows of `docs/scale/results.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A cluster to measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) nodes: usize,
    pub(crate) actors: usize,
}

/// The middle, the hundredth from the top, and the top of some figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    pub(crate) count: usize,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let count = figures.len();
        let max = *figures.last()?;
        let at = |share: f64| figures[((count - 1) as f64 * share).round() as usize];
        Some(Self { p50: at(0.5), p99: at(0.99), max, count })
    }

    /// Times, in milliseconds.
    pub(crate) fn of_times(times: &[Duration]) -> Option<Self> {
        Self::of(times.iter().map(|time| time.as_secs_f64() * 1e3).collect())
    }
}

/// One time of observation of one cluster. Times count from what happened, in milliseconds; `per_node` is the
/// sum over all nodes by their number, what is sent and what is heard counted once each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) what: String,
    /// The cluster as it was made.
    pub(crate) cluster: Size,
    /// How many nodes lived at the end.
    pub(crate) nodes: usize,
    /// How long it was looked at.
    pub(crate) seconds: f64,
    /// When the table had the view that is waited for.
    pub(crate) decided_ms: Option<f64>,
    /// When each living member had it.
    pub(crate) view_ms: Option<Spread>,
    /// When each member that got slots had all of them open for every actor.
    pub(crate) settled_ms: Option<Spread>,
    /// When somebody who asked for an actor in a slot that changed hands had its place.
    pub(crate) slot_durable_ms: Option<Spread>,
    pub(crate) slot_other_ms: Option<Spread>,
    /// When somebody who asked for an actor of a dead node had its new place.
    pub(crate) lost_durable_ms: Option<Spread>,
    pub(crate) lost_other_ms: Option<Spread>,
    /// What the change itself costs: [`OF_CHANGES`].
    pub(crate) messages_per_node: f64,
    pub(crate) bytes_per_node: f64,
    /// What the look-ups cost with which the change is watched.
    pub(crate) demand_per_node: f64,
    /// Sent and heard by the node that had most of it.
    pub(crate) messages_of_busiest: u64,
    /// Messages and bytes of the whole cluster, by kind.
    pub(crate) kinds: BTreeMap<String, (u64, u64)>,
    /// With how many others a node spoke, on average.
    pub(crate) peers_per_node: f64,
    pub(crate) report_bytes: Option<Spread>,
    pub(crate) report_entries: Option<Spread>,
    pub(crate) table: TableFigures,
    pub(crate) fences_of_keepers: u64,
    pub(crate) fences_of_owners: u64,
    pub(crate) fences_peak_per_second: u64,
    /// Shares of all slots, of actors whose directory entry changed hands, and of actors that had to start again.
    pub(crate) slots_moved: f64,
    pub(crate) entries_moved: f64,
    pub(crate) actors_lost: f64,
    pub(crate) activations: u64,
    /// Members that were thrown out although they lived; members accused; leases that ran out.
    pub(crate) discarded: u64,
    pub(crate) accused: u64,
    pub(crate) suspended: u64,
    /// What the simulation itself needed of one core, for each node.
    pub(crate) core_ms_per_node: f64,
    /// The node with the most activations over the mean, and the one with the most directory entries.
    pub(crate) fullest_hosted: f64,
    pub(crate) fullest_entries: f64,
    /// What the whole simulation has in memory, in MiB.
    pub(crate) resident_mib: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TableFigures {
    pub(crate) requests: u64,
    pub(crate) writes: u64,
    pub(crate) views_read: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) requests_peak_per_second: u64,
    pub(crate) bytes_peak_per_second: u64,
}

/// The kinds of messages that a change of members costs, whether anybody calls an actor or not.
pub(crate) const OF_CHANGES: [&str; 4] = ["ask-report", "report", "behind", "hint"];
