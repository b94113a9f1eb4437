//! What one look found, and what to do about it.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Ok,
    /// Nothing is known.
    Skipped,
    /// It works, and may not go on to.
    Warning,
    /// It does not work.
    Broken,
}

/// What one look found.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) level: Level,
    pub(crate) found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) todo: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), todo: None }
    }

    pub(crate) fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self { check, level: Level::Skipped, found: why.into(), todo: None }
    }

    pub(crate) fn warning(
        check: &'static str,
        found: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Warning, found: found.into(), todo: Some(todo.into()) }
    }

    pub(crate) fn broken(
        check: &'static str,
        found: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Broken, found: found.into(), todo: Some(todo.into()) }
    }
}
