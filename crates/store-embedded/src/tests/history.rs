//! Actors whose rows follow from their version, so that every version can be checked.

use tenure_store::{
    Content, Due, Encoded, EventLog, Row, RowChange, RowKey, Store, StoreError, Unit,
};
use tenure_types::NUMBER_MAX;

use super::support::{Node, actor, state, wait};

const SNAPSHOT_EVERY: u64 = 16;
/// A multiple of the one above.
const DELETE_EVERY: u64 = 64;

/// An actor of the test. With an odd number it has a journal, outcomes and reminders, and is
/// deleted now and then; with an even one it has a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct History {
    pub(super) n: usize,
    /// How much longer than usual values are.
    pub(super) scale: usize,
}

impl History {
    pub(super) fn key(self) -> String {
        format!("history-{}", self.n)
    }

    fn value(self, version: u64) -> Encoded {
        let bytes = version.to_le_bytes().repeat((10 + self.n * 5) * self.scale);
        Encoded { schema: 1, codec: 1, bytes }
    }

    fn has_rows(self) -> bool {
        !self.n.is_multiple_of(2)
    }

    /// The unit that leaves the actor at `version`.
    pub(super) fn unit(self, node: &Node, version: u64) -> Unit {
        let mut unit = node.unit(&self.key(), version - 1);
        unit.log = self.log(version);
        unit.content = self.content(version);
        if !self.has_rows() || is_deletion(version) {
            return unit;
        }
        let put = |key, due_ms| RowChange::Put(Row { key, value: self.value(version), due_ms });
        unit.rows = vec![
            put(RowKey::Journal(version), None),
            put(outcome(version), None),
            put(RowKey::Reminder("next".into()), Some(version + 1)),
            match version % 2 {
                0 => RowChange::Delete(RowKey::Reminder("odd".into())),
                _ => put(RowKey::Reminder("odd".into()), Some(version)),
            },
        ];
        let snapshot = snapshot(version);
        if snapshot == version {
            let old = version.saturating_sub(SNAPSHOT_EVERY).max(1)..version;
            unit.rows.extend(old.map(|offset| RowChange::Delete(RowKey::Journal(offset))));
        }
        if snapshot > 0 && (snapshot == version || version == begin(version)) {
            let value = self.value(snapshot);
            unit.rows.push(RowChange::Put(Row { key: RowKey::Snapshot, value, due_ms: None }));
        }
        unit
    }

    fn log(self, version: u64) -> EventLog {
        if !self.has_rows() {
            return EventLog::default();
        }
        EventLog { epoch: 1 + version / DELETE_EVERY, offset: version, open: None }
    }

    fn content(self, version: u64) -> Content {
        match (self.has_rows(), is_deletion(version)) {
            (false, _) => state(self.value(version).bytes),
            (true, true) => Content::Deleted { until_ms: NUMBER_MAX },
            (true, false) => Content::Journaled { snapshot: snapshot(version) },
        }
    }

    /// The rows that a load finds at `version`.
    fn rows(self, version: u64) -> Vec<Row> {
        if !self.has_rows() || is_deletion(version) {
            return Vec::new();
        }
        let row = |key, due_ms, version| Row { key, value: self.value(version), due_ms };
        let (begin, snapshot) = (begin(version), snapshot(version));
        let journal = snapshot + 1..=version;
        let mut rows: Vec<_> =
            journal.map(|offset| row(RowKey::Journal(offset), None, offset)).collect();
        if snapshot > 0 {
            rows.push(row(RowKey::Snapshot, None, snapshot));
        }
        let recent = version.saturating_sub(3).max(begin)..=version;
        rows.extend(recent.map(|version| row(outcome(version), None, version)));
        rows.extend(
            self.reminders(version)
                .map(|(name, due_ms)| row(RowKey::Reminder(name.into()), Some(due_ms), version)),
        );
        rows.sort_by(|before, after| before.key.cmp(&after.key));
        rows
    }

    fn reminders(self, version: u64) -> impl Iterator<Item = (&'static str, u64)> {
        let odd = (version % 2 == 1).then_some(("odd", version));
        let next = Some(("next", version + 1));
        let has_some = self.has_rows() && !is_deletion(version);
        next.into_iter().chain(odd).filter(move |_| has_some)
    }

    /// What is due of the actor at `version`.
    pub(super) fn due(self, version: u64) -> impl Iterator<Item = Due> {
        let actor = actor(&self.key());
        self.reminders(version).map(move |(name, due_ms)| {
            let type_name = actor.actor_type.as_str().into();
            Due { due_ms, type_name, key: actor.key.clone(), reminder: name.into() }
        })
    }

    /// The events that are stored at `version`.
    fn events(self, version: u64) -> Vec<(u64, Encoded)> {
        if version == 0 || !self.has_rows() || is_deletion(version) {
            return Vec::new();
        }
        let kept = snapshot(version).max(begin(version))..=version;
        kept.map(|offset| (offset, self.value(offset))).collect()
    }

    /// How many rows lie beside the head at `version`.
    pub(super) fn rows_beside(self, version: u64) -> usize {
        let is_journal = |row: &&Row| matches!(row.key, RowKey::Journal(_));
        let rows = self.rows(version);
        rows.len() - rows.iter().filter(is_journal).count() + self.events(version).len()
    }

    /// Checks that the actor is whole, and gives its version.
    pub(super) fn check(self, node: &Node) -> u64 {
        let version = node.version(&self.key());
        let version = version.unwrap_or_else(|error| panic!("{self:?}: {error}"));
        let version = version.map_or(0, |version| version.0);
        assert_eq!(self.check_at(node, version), [], "{self:?} at {version}");
        version
    }

    /// Checks that what can be read is that of `version`, and gives the errors of what cannot.
    pub(super) fn check_at(self, node: &Node, version: u64) -> Vec<StoreError> {
        let mut errors = Vec::new();
        match node.load(&self.key()) {
            Ok(None) => assert_eq!(version, 0, "{self:?} is missing"),
            Ok(Some(stored)) => {
                assert_eq!(stored.version.0, version, "{self:?}");
                assert!(stored.content == self.content(version), "{self:?} at {version}");
                assert!(stored.log == self.log(version), "{self:?} at {version}");
                assert!(stored.rows == self.rows(version), "the rows of {self:?} at {version}");
            }
            Err(error) => errors.push(error),
        }
        match wait(node.store.events(&actor(&self.key()), 0, usize::MAX)) {
            Ok(events) => assert!(events == self.events(version), "{self:?} at {version}"),
            Err(error) => errors.push(error),
        }
        errors
    }
}

fn is_deletion(version: u64) -> bool {
    version.is_multiple_of(DELETE_EVERY)
}

/// The first version of the life that `version` is in.
fn begin(version: u64) -> u64 {
    version / DELETE_EVERY * DELETE_EVERY + 1
}

/// The last event that is in the snapshot at `version`.
fn snapshot(version: u64) -> u64 {
    version / SNAPSHOT_EVERY * SNAPSHOT_EVERY
}

fn outcome(version: u64) -> RowKey {
    RowKey::Outcome(format!("of {}", version % 4).into())
}
