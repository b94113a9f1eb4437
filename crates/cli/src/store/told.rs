//! What is said of an export.

use std::path::Path;

use serde_json::{Value, json};
use tenure_store::export::Totals;

use crate::meter::size;

/// An export for a program.
pub(super) fn told(file: &Path, store: Option<&str>, totals: Totals) -> Value {
    json!({
        "file": file,
        "store": store,
        "actors": totals.actors,
        "rows": totals.rows,
        "bytes": totals.bytes,
        "digest": format!("{:032x}", totals.digest),
    })
}

/// An export for a person.
pub(super) fn described(totals: Totals) -> String {
    let Totals { actors, rows, bytes, digest } = totals;
    let several = |number: u64| if number == 1 { "" } else { "s" };
    format!(
        "{actors} actor{}, {rows} row{} beside them, {}, digest {digest:032x}",
        several(actors),
        several(rows),
        size(bytes),
    )
}
