//! What errors become, and how a failed engine lets go of its folder.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tenure_store::StoreError;

/// An [`StoreError::Io`] of `doing` something to `path`.
pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io {
        doing: format!("{doing} {}", path.display()).into(),
        detail: error.to_string().into(),
    }
}

/// Runs a call into the tree, which may panic on damaged files, and turns both its error and its
/// panic into text.
pub(crate) fn contain<T>(call: impl FnOnce() -> fjall::Result<T>) -> Result<T, TreeError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(TreeError::from(error)),
        Err(panic) => Err(TreeError { is_damage: true, detail: panic_text(&*panic).into() }),
    }
}

/// An error of the tree.
#[derive(Debug)]
pub(crate) struct TreeError {
    /// Whether stored bytes are to blame, not the operating system.
    pub(crate) is_damage: bool,
    /// The tree's own words.
    pub(crate) detail: Box<str>,
}

impl TreeError {
    /// The error of reading `what`.
    pub(crate) fn reading(self, what: &str) -> StoreError {
        if self.is_damage {
            let detail = format!("{}; restore it from a backup", self.detail).into();
            StoreError::Corrupt { what: what.into(), detail }
        } else {
            StoreError::Io { doing: format!("reading {what}").into(), detail: self.detail }
        }
    }
}

impl From<fjall::Error> for TreeError {
    fn from(error: fjall::Error) -> Self {
        let is_damage = match &error {
            fjall::Error::Io(error) => is_damage(error),
            fjall::Error::Storage(fjall::LsmError::Io(error)) => is_damage(error),
            fjall::Error::Poisoned | fjall::Error::Locked => false,
            _ => true,
        };
        Self { is_damage, detail: error.to_string().into() }
    }
}

/// A file that ends too early or is not there was damaged; everything else is the system's.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("reading it panicked: {}", text.unwrap_or("no message"))
}
