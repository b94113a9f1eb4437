//! One broken rule, at one place, with what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// A broken rule. Shown as `file:line: what; do what`.
#[derive(Debug)]
pub(crate) struct Finding {
    path: PathBuf,
    line: usize,
    what: String,
    advice: String,
}

impl Finding {
    pub(crate) fn new(
        path: &Path,
        line: usize,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { path: path.to_path_buf(), line, what: what.into(), advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path.display(), self.line, self.what, self.advice)
    }
}
