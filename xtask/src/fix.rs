//! `cargo xtask fix`: repairs what a program can repair.

use std::path::Path;

use crate::command::{Invocation, timed};

pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let clippy =
        ["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"];
    // Clippy goes first: what it rewrites may need to be formatted again.
    for (name, args) in [("clippy", &clippy[..]), ("fmt", &["fmt", "--all"])] {
        let step = Invocation::cargo(args);
        timed(name, &step.to_string(), || step.run(root)).0?;
    }
    Ok(())
}
