//! From a path to the module that defines what it names.

use std::collections::BTreeSet;

use crate::tidy::modules::{ModuleTree, ROOT};

/// Returns the module that defines what `path` names when written in the module `from`, or nothing
/// when it leads out of the crate.
///
/// A name that a module must have but does not show, because a macro wrote it, counts as defined there.
pub(crate) fn defining_module(
    tree: &ModuleTree<'_>,
    from: usize,
    path: &[String],
) -> Option<usize> {
    Resolver { tree, seen: BTreeSet::new() }.path(from, path)
}

struct Resolver<'a> {
    tree: &'a ModuleTree<'a>,
    /// Names already looked up, so that re-exports in a circle end.
    seen: BTreeSet<(usize, String)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Absent {
    /// The path named the module, so the name must be in it.
    IsHere,
    /// The name may as well be another crate or from the prelude.
    IsElsewhere,
}

impl Resolver<'_> {
    fn path(&mut self, from: usize, path: &[String]) -> Option<usize> {
        match path.first()?.as_str() {
            "crate" => self.name(ROOT, &path[1..], Absent::IsHere),
            "self" => self.relative(from, &path[1..]),
            "super" => self.relative(from, path),
            "Self" => None,
            _ => self.name(from, path, Absent::IsElsewhere),
        }
    }

    /// Follows any number of `super`.
    fn relative(&mut self, from: usize, path: &[String]) -> Option<usize> {
        match path.split_first() {
            Some((first, rest)) if first == "super" => {
                self.relative(self.tree.modules[from].parent?, rest)
            }
            _ => self.name(from, path, Absent::IsHere),
        }
    }

    /// Looks up the first of `names` in `module`, and the others in what it finds.
    fn name(&mut self, module: usize, names: &[String], absent: Absent) -> Option<usize> {
        let Some((name, rest)) = names.split_first() else {
            return Some(module);
        };
        let here = &self.tree.modules[module];
        if let Some(child) = here.children.get(name) {
            return self.name(*child, rest, Absent::IsHere);
        }
        if here.defined.contains(name) {
            return Some(module);
        }
        if !self.seen.insert((module, name.clone())) {
            return None;
        }
        if module == ROOT
            && absent == Absent::IsHere
            && let Some(definer) = self.tree.exported_macros.get(name)
        {
            return Some(*definer);
        }
        let imported = self.imported(module, name, rest);
        imported.or_else(|| (absent == Absent::IsHere).then_some(module))
    }

    /// Follows the `use` items of `module` that bring in `name`, those with `*` last.
    fn imported(&mut self, module: usize, name: &str, rest: &[String]) -> Option<usize> {
        let tree = self.tree;
        let uses = &tree.modules[module].uses;
        for import in uses.iter().filter(|import| import.name.as_deref() == Some(name)) {
            let mut path = import.path.clone();
            path.extend_from_slice(rest);
            if let Some(found) = self.path(module, &path) {
                return Some(found);
            }
        }
        for glob in uses.iter().filter(|import| import.name.is_none()) {
            let Some(target) = self.path(module, &glob.path) else {
                continue;
            };
            let mut names = vec![name.to_owned()];
            names.extend_from_slice(rest);
            if let Some(found) = self.name(target, &names, Absent::IsElsewhere) {
                return Some(found);
            }
        }
        None
    }
}
