//! What was sent and asked for since the last look.

use std::collections::{BTreeMap, HashSet};

use tenure_protocol::cluster::Message;
use tenure_types::Instant;

/// Load is looked at in steps of so many milliseconds.
pub(crate) const STEP_MS: u64 = 100;

/// Counts of one time of observation.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Messages between members, and their bytes, by kind.
    pub(crate) kinds: BTreeMap<&'static str, (u64, u64)>,
    /// Messages that each node sent and heard.
    pub(crate) by_node: Vec<u64>,
    /// Pairs of nodes of which one wrote to the other.
    pub(crate) pairs: HashSet<(u32, u32)>,
    /// Bytes and entries of each message of reports.
    pub(crate) reports: Vec<(u32, u32)>,
    pub(crate) table: TableLoad,
    /// Fences that the store was asked for, by who asked: those that watch the dead, and slot owners.
    pub(crate) fences_of_keepers: u64,
    pub(crate) fences_of_owners: u64,
    fence_steps: BTreeMap<u64, u64>,
    /// Activations that began.
    pub(crate) activations: u64,
    /// Members that were condemned although they lived, members accused, and what the rules exclude.
    pub(crate) discarded: u64,
    pub(crate) accused: u64,
    pub(crate) suspended: u64,
}

/// What the member table had to do.
#[derive(Debug, Default)]
pub(crate) struct TableLoad {
    pub(crate) requests: u64,
    pub(crate) writes: u64,
    /// Answers that held a whole view.
    pub(crate) views_read: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    steps: BTreeMap<u64, (u64, u64)>,
}

impl Tally {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { by_node: vec![0; nodes], ..Self::default() }
    }

    pub(crate) fn message(&mut self, from: usize, to: usize, message: &Message) {
        let bytes = message.wire_bytes();
        // What goes through another counts as what it is, once for each of its two ways.
        let message = match message {
            Message::Relay { message, .. } => message,
            message => message,
        };
        self.between(from, to, message.name(), bytes as u64);
        if let Message::Report { slots, .. } = message {
            let entries: usize = slots.iter().map(|slot| slot.entries.len()).sum();
            self.reports.push((bytes as u32, entries as u32));
        }
    }

    pub(crate) fn between(&mut self, from: usize, to: usize, name: &'static str, bytes: u64) {
        let kind = self.kinds.entry(name).or_default();
        kind.0 += 1;
        kind.1 += bytes;
        self.by_node[from] += 1;
        self.by_node[to] += 1;
        self.pairs.insert((from.min(to) as u32, from.max(to) as u32));
    }

    pub(crate) fn fence(&mut self, now: Instant, by_owner: bool) {
        if by_owner {
            self.fences_of_owners += 1;
        } else {
            self.fences_of_keepers += 1;
        }
        *self.fence_steps.entry(now.as_millis() / STEP_MS).or_default() += 1;
    }

    /// The most fences in one step.
    pub(crate) fn fences_peak(&self) -> u64 {
        self.fence_steps.values().copied().max().unwrap_or(0)
    }
}

impl TableLoad {
    pub(crate) fn answered(
        &mut self,
        now: Instant,
        is_write: bool,
        has_view: bool,
        (asked, said): (usize, usize),
    ) {
        self.requests += 1;
        self.writes += u64::from(is_write);
        self.views_read += u64::from(has_view);
        self.bytes_in += asked as u64;
        self.bytes_out += said as u64;
        let step = self.steps.entry(now.as_millis() / STEP_MS).or_default();
        step.0 += 1;
        step.1 += said as u64;
    }

    /// The most requests in one step, and the most bytes out.
    pub(crate) fn peak(&self) -> (u64, u64) {
        let requests = self.steps.values().map(|step| step.0).max().unwrap_or(0);
        let bytes = self.steps.values().map(|step| step.1).max().unwrap_or(0);
        (requests, bytes)
    }
}
