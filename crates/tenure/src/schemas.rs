//! Whether a program reads what an older one stored and understands its callers, from the schemas
//! of both: pure functions over two documents.

mod change;
mod compare;
mod document;
mod form;
mod same;
mod walk;

pub(crate) use change::{Finding, Level};
pub(crate) use compare::compare;
pub(crate) use document::{DocumentError, Program};
