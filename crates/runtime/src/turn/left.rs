use crate::commit::dirty::Beside;
use tenure_actor::{Spawned, TimerChange};
use tenure_store::{Encoded, ROW_BYTES_MAX, Row, RowChange, RowKey, UNIT_ROWS_MAX};

/// The most bytes that one turn leaves beside its state, so that the turns which share a unit have
/// room in it.
pub(crate) const LEFT_BYTES_MAX: usize = ROW_BYTES_MAX / 4;
/// The most events, reminders and entries of feeds that one turn leaves. Each may change two rows.
pub(crate) const LEFT_ROWS_MAX: usize = UNIT_ROWS_MAX / 8;

/// What a turn leaves.
#[derive(Default)]
pub(super) struct Left {
    /// For the unit.
    pub(super) beside: Beside,
    pub(super) is_deleted: bool,
    /// Something that must not wait for the flush of what is written behind.
    pub(super) is_urgent: bool,
    /// The first event of an activation that may be lost.
    pub(super) opens_log: bool,
    /// There are events among it.
    pub(super) has_events: bool,
    /// What begins when the turn has ended.
    pub(super) later: Option<Box<Later>>,
}

/// What begins after a turn.
#[derive(Default)]
pub(super) struct Later {
    pub(super) timers: Vec<TimerChange>,
    pub(super) spawned: Vec<Spawned>,
    /// Due times and names of reminders that were set.
    pub(super) reminders: Vec<(u64, Box<str>)>,
}

impl Left {
    /// Puts a row.
    pub(super) fn put(&mut self, key: RowKey, value: Encoded, due_ms: Option<u64>) {
        self.beside.rows.push(RowChange::Put(Row { key, value, due_ms }));
    }
}
