//! The table as one transaction read it, and the transaction that writes what differs from it.

use std::collections::BTreeMap;

use etcd_client::{
    Compare, CompareOp, GetOptions, KeyValue, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use tenure_protocol::view::table::{ROWS_MAX, Row, Table};
use tenure_types::{Incarnation, ViewNumber};

use crate::form::{Keys, StoredView, read_row, write_row};

/// Which rows are read with the view.
pub(crate) enum Rows<'a> {
    All,
    These(&'a [Incarnation]),
}

/// What was read, and at which revision each key was written last.
#[derive(Clone)]
pub(crate) struct Look {
    /// `None` before the first member.
    pub(crate) view: Option<StoredView>,
    pub(crate) table: Table,
    /// The revision of the view's key; 0 where there is none.
    pub(crate) written: i64,
    pub(crate) rows: BTreeMap<Incarnation, i64>,
}

impl Rows<'_> {
    /// The transaction that reads them. It changes nothing.
    pub(crate) fn read(&self, keys: &Keys) -> Txn {
        let mut gets = vec![TxnOp::get(keys.view(), None)];
        match self {
            Self::All => {
                // One more than there may be says that there are too many.
                let limit = ROWS_MAX as i64 + 1;
                let all = GetOptions::new().with_prefix().with_limit(limit);
                gets.push(TxnOp::get(keys.members(), Some(all)));
            }
            Self::These(rows) => {
                gets.extend(rows.iter().map(|it| TxnOp::get(keys.member(*it), None)));
            }
        }
        Txn::new().and_then(gets)
    }
}

impl Look {
    /// What an answer to [`Rows::read`] says, of this timeline.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of(answer: &TxnResponse, keys: &Keys, timeline: u64) -> Result<Self, String> {
        let mut found = Vec::new();
        for part in answer.op_responses() {
            if let TxnOpResponse::Get(mut got) = part {
                found.extend(got.take_kvs());
            }
        }
        let (mut view, mut written, mut rows, mut members) = (None, 0, BTreeMap::new(), Vec::new());
        for pair in &found {
            if pair.key() == keys.view().as_bytes() {
                view = Some(StoredView::read(pair.value())?);
                written = pair.mod_revision();
                continue;
            }
            let row = member(pair, keys)?;
            rows.insert(row.member.incarnation, pair.mod_revision());
            members.push(row);
        }
        let number = ViewNumber(view.as_ref().map_or(0, |view| view.number));
        if members.len() > ROWS_MAX {
            return Err(format!("it has more than {ROWS_MAX} rows"));
        }
        if let Some(row) = members.iter().find(|row| row.member.incarnation.0 > number.0) {
            return Err(format!("member {} is in no view up to {number}", row.member.incarnation));
        }
        let table = Table::stored(number, timeline, members);
        Ok(Self { view, table, written, rows })
    }

    /// The transaction that makes `after` of what was read, whole or not at all: not where a key that it changes, or the
    /// view, was written since. `None` where nothing differs.
    pub(crate) fn write(&self, keys: &Keys, after: &Table, view: &StoredView) -> Option<Txn> {
        let mut unchanged = vec![same(keys.view().to_owned(), self.written)];
        let mut changes = Vec::new();
        if after.number() != self.table.number() {
            changes.push(TxnOp::put(keys.view(), view.write(), None));
        }
        let before: BTreeMap<Incarnation, &Row> = by_incarnation(&self.table);
        let stand = by_incarnation(after);
        for (incarnation, row) in &stand {
            if before.get(incarnation) != Some(row) {
                let key = keys.member(*incarnation);
                unchanged.push(same(key.clone(), self.revision(*incarnation)));
                changes.push(TxnOp::put(key, write_row(row), None));
            }
        }
        for incarnation in before.keys().filter(|it| !stand.contains_key(it)) {
            let key = keys.member(*incarnation);
            unchanged.push(same(key.clone(), self.revision(*incarnation)));
            changes.push(TxnOp::delete(key, None));
        }
        (!changes.is_empty()).then(|| Txn::new().when(unchanged).and_then(changes))
    }

    /// The transaction that writes the view alone, if it was not written since.
    pub(crate) fn write_terms(&self, keys: &Keys, view: &StoredView) -> Txn {
        let put = TxnOp::put(keys.view(), view.write(), None);
        Txn::new().when([same(keys.view().to_owned(), self.written)]).and_then([put])
    }

    /// What is known once the row was written as `after` has it, at this revision.
    pub(crate) fn renewed(
        mut self,
        after: &Table,
        incarnation: Incarnation,
        revision: i64,
    ) -> Self {
        self.table = after.clone();
        self.rows.insert(incarnation, revision);
        self
    }

    /// The revision at which the row was written; 0 where there is none.
    fn revision(&self, incarnation: Incarnation) -> i64 {
        self.rows.get(&incarnation).copied().unwrap_or(0)
    }
}

fn member(pair: &KeyValue, keys: &Keys) -> Result<Row, String> {
    let unknown = || format!("the key {}", String::from_utf8_lossy(pair.key()).escape_debug());
    let incarnation = keys.incarnation(pair.key()).ok_or_else(unknown)?;
    read_row(incarnation, pair.value())
}

fn by_incarnation(table: &Table) -> BTreeMap<Incarnation, &Row> {
    table.rows().map(|row| (row.member.incarnation, row)).collect()
}

/// The key was written last at this revision; 0: it is not there.
fn same(key: String, revision: i64) -> Compare {
    Compare::mod_revision(key, CompareOp::Equal, revision)
}
