//! How a command fails: what happened, what to do next, and with which exit code.

use std::io::ErrorKind;

use serde_json::{Map, Value};

/// The thing failed.
pub(crate) const FAILED: u8 = 1;
/// The command line cannot be meant.
pub(crate) const USAGE: u8 = 2;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    pub(crate) text: String,
    advice: Option<String>,
    /// What became of the call, where one was made and the node did not say it.
    outcome: Option<&'static str>,
    /// What the node answered.
    pub(crate) problem: Option<Value>,
    /// Nobody reads what is printed; there is nobody to tell.
    is_silent: bool,
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            exit: FAILED,
            text: text.into(),
            advice: None,
            outcome: None,
            problem: None,
            is_silent: false,
        }
    }

    /// The failure of a command line that cannot be meant.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        let advice = "`tenure --help` lists the commands, and `--help` of each has examples";
        Self { exit: USAGE, ..Self::new(text).advice(advice) }
    }

    /// The failure of a command that has said everything already.
    pub(crate) fn said() -> Self {
        Self { is_silent: true, ..Self::new("") }
    }

    pub(crate) fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    pub(crate) fn outcome(self, outcome: &'static str) -> Self {
        Self { outcome: Some(outcome), ..self }
    }

    pub(crate) fn problem(self, problem: Value) -> Self {
        Self { problem: Some(problem), ..self }
    }

    /// The failure of a file operation.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let advice = match error.kind() {
            ErrorKind::NotFound => "look for a mistake in the path",
            ErrorKind::PermissionDenied => "choose another place, or run as who owns it",
            ErrorKind::AlreadyExists => "choose another name, or move away what is there",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on the disk",
            ErrorKind::NotADirectory | ErrorKind::IsADirectory => "name a file in a folder",
            _ => "look at the disk and at the path; then repeat it",
        };
        Self::new(format!("{doing} {} failed: {error}", path.display())).advice(advice)
    }

    /// What to do next.
    pub(crate) fn advice_text(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// One JSON document.
    pub(crate) fn to_json(&self) -> Option<Value> {
        if self.is_silent {
            return None;
        }
        let mut members = Map::new();
        members.insert("error".into(), self.text.clone().into());
        if let Some(advice) = &self.advice {
            members.insert("advice".into(), advice.clone().into());
        }
        if let Some(outcome) = self.outcome {
            members.insert("outcome".into(), outcome.into());
        }
        if let Some(problem) = &self.problem {
            members.insert("problem".into(), problem.clone());
        }
        Some(Value::Object(members))
    }

    /// Lines for a person.
    pub(crate) fn to_text(&self) -> Option<String> {
        if self.is_silent {
            return None;
        }
        let mut lines = vec![format!("error: {}", self.text)];
        if let Some(problem) = &self.problem {
            let member = |name: &str| problem.get(name).map(plain);
            let known = ["code", "status", "outcome", "retryable", "actor", "node", "error"];
            let shown = known.iter().filter_map(|name| Some((name, member(name)?)));
            lines.extend(
                shown
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| format!("  {name}: {value}")),
            );
        }
        if let Some(outcome) = self.outcome {
            lines.push(format!("  outcome: {outcome}"));
        }
        if let Some(advice) = &self.advice {
            lines.push(format!("  next: {advice}"));
        }
        Some(lines.join("\n"))
    }
}

/// A value without the quotes of a plain text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
