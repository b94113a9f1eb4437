use std::cmp::Ordering;
use std::fmt;
use std::io::Read;

use tenure_types::Key;

use super::record::Records;
use super::{Actor, Reader, Record, Totals};
use crate::row::Owner;
use crate::row::beside::describe;
use crate::{RowKey, StoreError, Walk};

/// The first thing in which a store and a file differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It is in the file, and not in the store.
    OnlyInFile(Box<str>),
    /// It is in the store, and not in the file.
    OnlyInStore(Box<str>),
    /// It is in both, and not the same.
    Differs(Box<str>),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyInFile(what) => write!(f, "{what} is in the file and not in the store"),
            Self::OnlyInStore(what) => write!(f, "{what} is in the store and not in the file"),
            Self::Differs(what) => write!(f, "{what} is another in the store than in the file"),
        }
    }
}

/// Compares what `walk` comes by with a file, up to the first difference. The file is read to its end all the same,
/// so that a damaged one is told as that. Holds a page of the walk at a time.
///
/// # Errors
/// As [`Walk::next`] and [`Reader::next`].
///
/// # Cancel safety
/// Dropping the future loses only the answer.
pub async fn compare<R: Read>(
    walk: &mut dyn Walk,
    mut file: Reader<R>,
) -> Result<Result<Totals, Difference>, StoreError> {
    let mut records = Records::default();
    let mut actor = None;
    loop {
        let page = walk.next().await?;
        let is_over = page.is_empty();
        let page = page.into_iter().filter_map(|walked| records.of(walked)).map(Some);
        for stored in page.chain(is_over.then_some(None)) {
            let filed = file.next()?;
            if stored != filed {
                file.verify()?;
                return Ok(Err(difference(actor.as_ref(), stored.as_ref(), filed.as_ref())));
            }
            if let Some(Record::Actor(next)) = stored {
                actor = Some(next);
            }
        }
        if let Some(totals) = file.totals() {
            return Ok(Ok(totals));
        }
    }
}

/// Names what differs, where both were the same up to rows of `actor`.
fn difference(
    actor: Option<&Actor>,
    stored: Option<&Record>,
    filed: Option<&Record>,
) -> Difference {
    let only_stored = match (stored, filed) {
        (Some(stored), Some(filed)) => match place(stored).cmp(&place(filed)) {
            Ordering::Less => true,
            Ordering::Equal => return Difference::Differs(name(actor, stored)),
            Ordering::Greater => false,
        },
        (stored, _) => stored.is_some(),
    };
    match only_stored {
        true => Difference::OnlyInStore(stored.map(|it| name(actor, it)).unwrap_or_default()),
        false => Difference::OnlyInFile(filed.map(|it| name(actor, it)).unwrap_or_default()),
    }
}

/// Which of two records comes first: rows of the last actor come before the next one.
fn place(record: &Record) -> (Option<(&str, &Key)>, Option<&RowKey>) {
    match record {
        Record::Row(row) => (None, Some(&row.key)),
        Record::Actor(Actor { type_name, key, .. }) => (Some((type_name, key)), None),
    }
}

fn name(actor: Option<&Actor>, record: &Record) -> Box<str> {
    match (record, actor) {
        (Record::Actor(Actor { type_name, key, .. }), _) => format!("{type_name}/{key}").into(),
        (Record::Row(row), Some(Actor { type_name, key, .. })) => {
            describe(Owner { type_name, key }, &row.key).into()
        }
        (Record::Row(_), None) => "a row".into(),
    }
}
