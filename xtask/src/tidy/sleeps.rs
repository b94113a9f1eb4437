//! Tests that sleep: they are slow when the machine is fast and fail when it is slow.

use std::collections::BTreeSet;
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::finding::Finding;
use super::modules::{ModuleTree, flatten_use, is_test_only};
use super::paths::paths_in;
use super::source::Workspace;

const SLEEPS: &[&str] = &["sleep", "sleep_until", "sleep_ms"];
/// `std::thread` and `tokio::time`, by their last names.
const HOMES: &[&str] = &["thread", "time"];

/// Checks `tests/` folders and everything in `#[cfg(test)]`. There are no exceptions.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let test_files = test_files(workspace);
    let mut findings = Vec::new();
    for (index, file, syntax) in workspace.rust_files() {
        let mut names = SleepNames::default();
        names.visit_file(syntax);
        let is_test = test_files.contains(&index) || is_test_only(&syntax.attrs);
        let mut sleeps = Sleeps { path: &file.path, names, is_test, findings: &mut findings };
        sleeps.visit_file(syntax);
    }
    findings
}

/// Returns the files that are tests as a whole: by their folder, or because a `#[cfg(test)] mod`
/// elsewhere declares them.
fn test_files(workspace: &Workspace) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for member in &workspace.members {
        let folder = member.folder.join("tests");
        let in_folder =
            workspace.rust_files().filter(|(_, file, _)| file.path.starts_with(&folder));
        found.extend(in_folder.map(|(index, ..)| index));
        for root in member.crate_roots(workspace) {
            let tree = ModuleTree::read(workspace, root);
            let declared = tree.modules.iter().filter(|module| {
                let parent_file = module.parent.map(|parent| tree.modules[parent].file);
                module.is_test && parent_file != Some(module.file)
            });
            found.extend(declared.map(|module| module.file));
        }
    }
    found
}

/// The names under which one file can sleep.
#[derive(Default)]
struct SleepNames {
    functions: BTreeSet<String>,
    homes: BTreeSet<String>,
}

impl SleepNames {
    fn is_sleep(&self, path: &[String]) -> bool {
        match path {
            [] => false,
            [name] => self.functions.contains(name),
            [.., home, name] => {
                let is_home = HOMES.contains(&home.as_str()) || self.homes.contains(home);
                is_home && SLEEPS.contains(&name.as_str())
            }
        }
    }
}

impl<'ast> Visit<'ast> for SleepNames {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in flatten_use(item) {
            let (Some(name), Some(last)) = (import.name, import.path.last()) else {
                continue;
            };
            if HOMES.contains(&last.as_str()) {
                self.homes.insert(name);
            } else if self.is_sleep(&import.path) {
                self.functions.insert(name);
            }
        }
    }
}

struct Sleeps<'a> {
    path: &'a Path,
    names: SleepNames,
    is_test: bool,
    findings: &'a mut Vec<Finding>,
}

impl Sleeps<'_> {
    fn examine(&mut self, names: &[String], line: usize) {
        if self.is_test && self.names.is_sleep(names) {
            self.findings.push(Finding::new(
                self.path,
                line,
                format!("a test sleeps with `{}`", names.join("::")),
                "wait for a value with a deadline, or advance a paused clock",
            ));
        }
    }

    fn inside(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.is_test;
        self.is_test |= is_test_only(attributes);
        visit(self);
        self.is_test = before;
    }
}

impl<'ast> Visit<'ast> for Sleeps<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inside(&item.attrs, |this| visit::visit_item_mod(this, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.inside(&item.attrs, |this| visit::visit_item_fn(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside(&item.attrs, |this| visit::visit_item_impl(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.inside(&item.attrs, |this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.inside(&item.attrs, |this| {
            for import in flatten_use(item) {
                this.examine(&import.path, import.line);
            }
        });
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.examine(&names, path.span().start().line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        for path in paths_in(invocation.tokens.clone()) {
            self.examine(&path.names, path.line);
        }
    }
}
