//! Circles of imports between the files of a crate.
//!
//! An import is a path in a file that leads to an item of another file, through any number of
//! re-exports. A parent that declares `mod child;`, or publishes an item of a child with `pub use`,
//! does not import the child by that; using the item does. Tests are left out.

mod circle;
mod references;
mod resolve;

use super::finding::Finding;
use super::modules::ModuleTree;
use super::source::Workspace;

use circle::{Circle, Graph};

/// Checks every library and binary of every member.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &workspace.members {
        for root in member.crate_roots(workspace) {
            let graph = graph_of(&ModuleTree::read(workspace, root));
            findings.extend(graph.circles().iter().map(|circle| report(workspace, circle)));
        }
    }
    findings
}

/// Returns the imports between files, each with the first line that makes it.
fn graph_of(tree: &ModuleTree<'_>) -> Graph {
    let mut graph = Graph::default();
    for (index, module) in tree.modules.iter().enumerate().filter(|(_, module)| !module.is_test) {
        let mut import = |path: &[String], line: usize, is_public: bool| {
            let Some(target) = resolve::defining_module(tree, index, path) else {
                return;
            };
            let is_reexport = is_public && tree.is_inside(target, index);
            if !is_reexport && !tree.modules[target].is_test {
                graph.add(module.file, tree.modules[target].file, line);
            }
        };
        for item in &module.uses {
            import(&item.path, item.line, item.is_public);
        }
        for reference in references::of(module.items) {
            import(&reference.names, reference.line, false);
        }
    }
    graph
}

fn report(workspace: &Workspace, circle: &Circle) -> Finding {
    let first = &workspace.files[circle.start].path;
    let mut what = format!("files import each other in a circle: {}", first.display());
    let mut from = first;
    for step in &circle.steps {
        let to = &workspace.files[step.to].path;
        what += &format!(" -> {} ({}:{})", to.display(), from.display(), step.line);
        from = to;
    }
    if circle.knot_len > circle.steps.len() {
        what += &format!("; {} files hang together in this way", circle.knot_len);
    }
    let line = circle.steps.first().map_or(1, |step| step.line);
    Finding::new(first, line, what, "move what both need into a file that imports neither")
}
