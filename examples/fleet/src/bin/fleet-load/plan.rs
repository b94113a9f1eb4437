//! Who makes which calls: all calls of one actor go over one connection, in the order of rows.

use std::collections::BTreeMap;

use crate::table::Table;
use crate::target::{Duty, Target, duties};

/// One call that has to be made.
pub(crate) struct Step {
    /// Which flight of the table.
    pub(crate) flight: usize,
    pub(crate) duty: Duty,
}

/// Gives each connection its steps.
///
/// **Invariant:** the steps of one actor are all in one list and in the order of rows, because an
/// actor ignores a row below the last one it recorded.
pub(crate) fn steps(table: &Table, connections: usize) -> Vec<Vec<Step>> {
    let owners = owners(table, connections);
    let mut lists: Vec<Vec<Step>> = (0..connections).map(|_| Vec::new()).collect();
    for (flight, facts) in table.flights.iter().enumerate() {
        for duty in duties(facts) {
            let owner = owners[&duty.target];
            lists[owner].push(Step { flight, duty });
        }
    }
    lists
}

/// Every actor that the table names.
pub(crate) fn targets(table: &Table) -> BTreeMap<Target, usize> {
    let mut counts = BTreeMap::new();
    for duty in table.flights.iter().flat_map(duties) {
        *counts.entry(duty.target).or_default() += 1;
    }
    counts
}

/// Gives each actor to a connection: the busiest first, each to the one with the least to do.
fn owners(table: &Table, connections: usize) -> BTreeMap<Target, usize> {
    let mut targets: Vec<(Target, usize)> = targets(table).into_iter().collect();
    targets.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut loads = vec![0; connections];
    let mut owners = BTreeMap::new();
    for (target, count) in targets {
        let (owner, load) = loads
            .iter_mut()
            .enumerate()
            .min_by_key(|(_, load)| **load)
            .expect("there is at least one connection");
        *load += count;
        owners.insert(target, owner);
    }
    owners
}
