//! One step of a run.

use std::path::Path;

use crate::command::{Invocation, timed};

/// Runs a command in a folder, and says how long it took.
pub(super) fn step(name: &str, folder: &Path, command: &Invocation) -> anyhow::Result<()> {
    timed(name, &command.to_string(), || command.run(folder)).0
}

/// A program of the environment with the packages of PyPI.
pub(super) fn venv(program: &str, arguments: &[&str]) -> Invocation {
    Invocation::new(&format!("venv/bin/{program}"), arguments)
}
