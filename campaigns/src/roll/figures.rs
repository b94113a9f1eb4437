//! What was seen of rounds.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::follow::Followed;
use super::options::Way;
use super::places::{Count, Counts};
use crate::build::Build;
use crate::cluster::{VOLATILE_TYPE, share};
use crate::scene::stored_types;

const FINDINGS_SHOWN: usize = 20;
/// How far above its goal the number of moves may be.
const MOVES_SLACK: f64 = 0.05;

/// One restart of all nodes.
pub(super) struct Round {
    pub(super) build: Build,
    pub(super) took: Duration,
    pub(super) moved: Counts,
    pub(super) failed: u64,
    /// How long each actor was away for its client at the longest.
    pub(super) pauses: Vec<Duration>,
}

/// How the campaign ended.
#[derive(Debug)]
pub struct Report {
    seed: u64,
    way: Way,
    nodes: u16,
    /// Of each type.
    actors: u64,
    rounds: u64,
    stored: Count,
    volatile: Count,
    pauses: Vec<Duration>,
    /// As long as nothing happened.
    pub(super) calm: Vec<Duration>,
    pub(super) acknowledged: u64,
    pub(super) retried: u64,
    pub(super) failed: u64,
    pub(super) answers: BTreeMap<String, u64>,
    pub(super) findings: Vec<String>,
    followed: Followed,
    pub(super) took: Duration,
}

impl Report {
    pub(super) fn new(seed: u64, way: Way, nodes: u16, actors: u64) -> Self {
        Self {
            seed,
            way,
            nodes,
            actors,
            rounds: 0,
            stored: Count::default(),
            volatile: Count::default(),
            pauses: Vec::new(),
            calm: Vec::new(),
            acknowledged: 0,
            retried: 0,
            failed: 0,
            answers: BTreeMap::new(),
            findings: Vec::new(),
            followed: Followed::default(),
            took: Duration::ZERO,
        }
    }

    pub(super) fn take(&mut self, round: Round) {
        self.rounds += 1;
        let (stored, volatile) = (round.moved.stored(), round.moved.of(VOLATILE_TYPE));
        self.stored.started += stored.started;
        self.stored.moved += stored.moved;
        self.volatile.started += volatile.started;
        self.pauses.extend(round.pauses);
    }

    /// Takes what those who follow actors have heard.
    pub(super) fn heard(&mut self, mut followed: Followed) {
        self.findings.append(&mut followed.findings);
        self.followed = followed;
    }

    /// Whether a call failed, or anything was lost or wrong.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.failed > 0 || !self.findings.is_empty()
    }

    /// How often each actor may move in a round: once, and in place those of the first node once more.
    fn moves_goal(&self) -> f64 {
        let twice = match self.way {
            Way::InPlace => 1.0 / f64::from(self.nodes),
            Way::Spare => 0.0,
        };
        1.0 + twice + MOVES_SLACK
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count { started, moved } = self.moved.stored();
        let longest = self.pauses.iter().max().copied().unwrap_or_default();
        write!(
            f,
            "all {} after {:.1} s, {moved} moves, {} loads, {} calls failed, longest pause {} ms",
            self.build.name(),
            self.took.as_secs_f64(),
            started.saturating_sub(moved),
            self.failed,
            longest.as_millis()
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.findings.iter().take(FINDINGS_SHOWN) {
            writeln!(f, "{finding}")?;
        }
        for (answer, count) in &self.answers {
            writeln!(f, "{count} x {answer}")?;
        }
        for (name, pauses) in [("nothing happens", &self.calm), ("a round", &self.pauses)] {
            let mut pauses = pauses.clone();
            pauses.sort_unstable();
            let [half, most, longest] = [50, 99, 100].map(|at| share(&pauses, at).as_millis());
            writeln!(
                f,
                "longest pause of each actor while {name}: median {half} ms, p99 {most} ms, longest {longest} ms"
            )?;
        }
        let rounds = self.rounds.max(1);
        let stored = (self.actors * stored_types().len() as u64 * rounds) as f64;
        let Count { started, moved } = self.stored;
        writeln!(
            f,
            "moves of each stored actor and round: {:.3} with its memory, {:.3} by a load (goal {:.2}); volatile ones \
             began {:.3} times",
            moved as f64 / stored,
            started.saturating_sub(moved) as f64 / stored,
            self.moves_goal(),
            self.volatile.started as f64 / (self.actors * rounds) as f64
        )?;
        writeln!(f, "{}", self.followed)?;
        write!(
            f,
            "rounds: {}; calls: {} acknowledged, {} failed, {} made again, {} findings; time: {} s; seed {:#x}",
            self.rounds,
            self.acknowledged,
            self.failed,
            self.retried,
            self.findings.len(),
            self.took.as_secs(),
            self.seed
        )
    }
}
