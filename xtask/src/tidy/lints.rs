//! The clippy.toml of a crate: it replaces the workspace's, so it must repeat it.

use std::path::Path;

use super::finding::Finding;
use super::source::Workspace;

const FILE: &str = "clippy.toml";

/// Crates that the simulation runs. Time, tasks and randomness reach them through traits only.
const SIMULATED: &[&str] =
    &["tenure-protocol", "tenure-actor", "tenure-store", "tenure-runtime", "tenure-gateway"];

/// Keys that a simulated crate sets, to refuse the clocks, threads and hash maps of std and tokio.
const BANS: &[&str] = &["disallowed-methods", "disallowed-types"];

/// Checks the clippy.toml of every member that has or needs one.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let shared = table_at(workspace, Path::new(FILE)).unwrap_or_default();
    let mut findings = Vec::new();
    for member in &workspace.members {
        let path = member.folder.join(FILE);
        let is_simulated = SIMULATED.contains(&member.package.as_str());
        let own = table_at(workspace, &path);
        if own.is_none() && !is_simulated {
            continue;
        }
        let own = own.unwrap_or_default();
        for (key, _) in shared.iter().filter(|(key, value)| own.get(*key) != Some(*value)) {
            let what =
                format!("{key} is not as in the workspace's {FILE}, which this file replaces");
            findings.push(Finding::new(&path, 1, what, "copy its value"));
        }
        for key in BANS.iter().filter(|key| is_simulated && !own.contains_key(**key)) {
            let what = format!("{} is simulated and sets no {key}", member.package);
            findings.push(Finding::new(&path, 1, what, "copy the file of another simulated crate"));
        }
    }
    findings
}

/// Returns nothing when there is no such file, or clippy could not read it either.
fn table_at(workspace: &Workspace, path: &Path) -> Option<toml::Table> {
    let file = workspace.file_at(path)?;
    workspace.files[file].text.parse().ok()
}
