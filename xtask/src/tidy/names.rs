//! Names that say nothing: a module is named after its concept.

use std::path::{Component, Path};

use syn::visit::{self, Visit};

use super::finding::Finding;
use super::source::Workspace;

const REFUSED: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];
const ADVICE: &str = "name the concept, or keep the code beside its caller";

/// Checks the path of every Rust file, and the modules inside it.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, file, syntax) in workspace.rust_files() {
        for component in file.path.with_extension("").components() {
            let Component::Normal(name) = component else {
                continue;
            };
            let name = name.to_string_lossy();
            if is_refused(&name) {
                let what = format!("the name `{name}` in a path says nothing");
                findings.push(Finding::new(&file.path, 1, what, ADVICE));
            }
        }
        InlineModules { path: &file.path, findings: &mut findings }.visit_file(syntax);
    }
    findings
}

fn is_refused(name: &str) -> bool {
    REFUSED.contains(&name.to_ascii_lowercase().as_str())
}

struct InlineModules<'a> {
    path: &'a Path,
    findings: &'a mut Vec<Finding>,
}

impl<'ast> Visit<'ast> for InlineModules<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        // The name of a module in a file of its own is found in the path of that file.
        if item.content.is_some() && is_refused(&name) {
            let what = format!("the module name `{name}` says nothing");
            self.findings.push(Finding::new(
                self.path,
                item.ident.span().start().line,
                what,
                ADVICE,
            ));
        }
        visit::visit_item_mod(self, item);
    }
}
