//! The member table: what every driver of it (PostgreSQL, etcd, the embedded store) has to do, exactly.
//!
//! One request is one transaction. [`Table`] is the specification: a driver whose answers differ from
//! `Table::apply` is wrong. Nothing here knows a clock: a lease ends by compare-and-set on a beat that
//! somebody observed for long enough (DESIGN section 7, rule 1), never by a time the table keeps.

mod answer;
mod apply;
mod bounds;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tenure_types::{Incarnation, ViewNumber};

use super::{Member, MemberState, View};
pub use answer::{RowRead, TableAnswer, TableError, TableOutcome};
pub use bounds::{FORGET_MAX, ROWS_MAX, WATCH_MAX};
pub use request::{JoinToken, Reason, TableAction, TableRequest};

/// The state of a member table.
///
/// **Invariant:** rows move only forward through [`MemberState`], beats and the view number only upwards,
/// and no incarnation is given twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    number: ViewNumber,
    /// Which line of history the answers are of: another one after each fail-over of the table's server.
    timeline: u64,
    rows: BTreeMap<Incarnation, Row>,
}

/// A row as a driver stores it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Who it is, and where it stands.
    pub member: Member,
    /// Counts the renewals of its lease.
    pub beat: u64,
    /// Names the join that made it.
    pub token: JoinToken,
}

impl Row {
    fn read(&self) -> RowRead {
        let Member { incarnation, state, .. } = self.member;
        RowRead { incarnation, state, beat: self.beat }
    }
}

impl Table {
    /// A table that nobody has joined yet, whose first view comes after `seen`: whoever joins has a higher
    /// incarnation. For a table that is not kept beside a store which is: `seen` is the highest incarnation
    /// that the store ever saw.
    #[must_use]
    pub fn beginning_at(seen: ViewNumber) -> Self {
        Self::default().past(seen)
    }

    /// The table that a driver has stored: it stands at this view and is of this timeline, and has these rows.
    #[must_use]
    pub fn stored(number: ViewNumber, timeline: u64, rows: impl IntoIterator<Item = Row>) -> Self {
        let rows = rows.into_iter().map(|row| (row.member.incarnation, row));
        Self { number, timeline, rows: rows.collect() }
    }

    /// The same table, whose next view comes after `seen`.
    #[must_use]
    pub fn past(mut self, seen: ViewNumber) -> Self {
        self.number = self.number.max(seen);
        self
    }

    /// Every row, by incarnation: what a driver stores.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// The number of the view it stands at.
    #[must_use]
    pub fn number(&self) -> ViewNumber {
        self.number
    }

    /// The view it stands at. Cost: a copy of every row.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(self.number, self.rows.values().map(|row| row.member.clone()))
    }

    /// What a poll reads of one row; `None` when it is not there (any more).
    #[must_use]
    pub fn row(&self, incarnation: Incarnation) -> Option<RowRead> {
        self.rows.get(&incarnation).map(Row::read)
    }

    /// How many rows it has, gone ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nobody ever joined, or everybody was forgotten.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The server of the table failed over, and nothing was lost: answers are of another timeline.
    pub fn fail_over(&mut self) {
        self.timeline += 1;
    }

    /// Puts a table that was restored from an older copy to use: its number goes past `seen`, the highest
    /// one that anybody saw, and whoever it lists as living is condemned, because what it says of them is
    /// old. Everybody joins anew.
    ///
    /// Whoever calls this has waited 1.03 L + 50 ms since the last answer that the copy lacks: members that
    /// joined after it was made hold leases of which this table knows nothing.
    pub fn restore(&mut self, seen: ViewNumber) {
        self.fail_over();
        self.number = ViewNumber(self.number.max(seen).0 + 1);
        for row in self.rows.values_mut().filter(|row| row.member.state.is_living()) {
            row.member.state = MemberState::Condemned;
        }
    }
}
