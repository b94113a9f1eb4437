use std::time::Duration;

/// How far the views that a [`Cluster`](super::Cluster) is told can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Views {
    /// Of two that differ one is the later, and nobody is gone who may still be heard.
    #[default]
    Agreed,
    /// They are what a member heard (`gossip`): the dead are not fenced and not waited for, whoever is new in a view is
    /// asked for reports as well, and of two activations of one actor the one with the lower right leaves.
    Heard,
    /// They always name the same nodes (`static`), so a slot is ever one node's, and nobody else has anything to
    /// report of it. The dead are not fenced either.
    Fixed,
}

/// Bounds and times of a [`Cluster`](super::Cluster).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// How far the views can be trusted.
    pub views: Views,
    /// After so long a question without an answer is asked again; each time later, up to
    /// [`ClusterConfig::ask_again_max`]. From the second time on every other one goes through
    /// another member.
    pub ask_again: Duration,
    /// The longest pause between two askings.
    pub ask_again_max: Duration,
    /// The longest pause between two askings for the place of an actor that is nowhere.
    pub await_again_max: Duration,
    /// After so long without a member's report it is accused: 1.03 of the lease and 50 ms.
    pub report_patience: Duration,
    /// How long an offered or shipped move may take before it is given up.
    pub move_patience: Duration,
    /// How long the memory of a moved actor is kept after its source is gone.
    pub arrival_kept: Duration,
    /// The most look-ups that wait in one slot; later ones are told that it is busy.
    pub slot_waiters_max: usize,
    /// The most actors that are looked up at a time; later ones are told so.
    pub lookups_max: usize,
    /// The most actors whose places are awaited at a time. Each slot keeps as many of those who wait
    /// as look-ups.
    pub awaits_max: usize,
    /// The most places of actors that are remembered.
    pub locations_max: usize,
    /// The most entries, and slots, in one message of reports.
    pub report_len_max: usize,
    /// The most moves away from this node at a time.
    pub moves_out_max: usize,
    /// The most moves to this node at a time.
    pub moves_in_max: usize,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            views: Views::Agreed,
            ask_again: Duration::from_millis(100),
            ask_again_max: Duration::from_secs(1),
            await_again_max: Duration::from_secs(10),
            report_patience: Duration::from_millis(10_350),
            move_patience: Duration::from_secs(5),
            arrival_kept: Duration::from_secs(60),
            slot_waiters_max: 4_096,
            lookups_max: 65_536,
            awaits_max: 1_048_576,
            locations_max: 262_144,
            report_len_max: 1_024,
            moves_out_max: 256,
            moves_in_max: 1_024,
        }
    }
}
