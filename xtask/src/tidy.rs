//! `cargo xtask tidy`: the rules of this workspace that no compiler checks.
//!
//! Each check reads the [`Workspace`] and returns findings; none of them runs another program.

mod docs;
mod finding;
mod imports;
mod length;
mod levels;
mod links;
mod lints;
mod marks;
mod modules;
mod names;
mod paths;
mod sleeps;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::bail;

use finding::Finding;
use source::Workspace;

type Check = fn(&Workspace) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("levels between crates", levels::check),
    ("lints of simulated crates", lints::check),
    ("import circles between files", imports::check),
    ("length of files and functions", length::check),
    ("names of files and modules", names::check),
    ("sleeps in tests", sleeps::check),
    ("unfinished marks", marks::check),
    ("documentation of crates", docs::check),
    ("links between pages", links::check),
];

/// Runs every check and prints what it found.
///
/// # Errors
///
/// When the workspace cannot be read, or a rule is broken.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let workspace = Workspace::read(root)?;
    let mut count = workspace.unreadable.len();
    for finding in &workspace.unreadable {
        println!("{finding}");
    }
    for (name, check) in CHECKS {
        let findings = check(&workspace);
        for finding in &findings {
            println!("{finding}");
        }
        if findings.is_empty() {
            println!("tidy: {name}: ok");
        }
        count += findings.len();
    }
    if count > 0 {
        bail!("tidy found {count} broken rules; each is named above");
    }
    Ok(())
}
