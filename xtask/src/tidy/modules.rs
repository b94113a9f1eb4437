//! The modules of a crate: which file holds each, what it defines and what it imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::source::Workspace;

/// The index of the root in [`ModuleTree::modules`].
pub(crate) const ROOT: usize = 0;

/// The modules of one crate, from its root file.
pub(crate) struct ModuleTree<'a> {
    pub(crate) modules: Vec<Module<'a>>,
    /// Macros that `#[macro_export]` puts at the crate's root, with the module that defines each.
    pub(crate) exported_macros: BTreeMap<String, usize>,
}

pub(crate) struct Module<'a> {
    /// The index of its file in the workspace.
    pub(crate) file: usize,
    pub(crate) parent: Option<usize>,
    pub(crate) children: BTreeMap<String, usize>,
    /// True inside `#[cfg(test)]`, of the module itself or of one around it.
    pub(crate) is_test: bool,
    /// Names of the types, functions, traits, constants and macros that are written here.
    pub(crate) defined: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
    pub(crate) items: &'a [syn::Item],
}

/// One name that a `use` brings in.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    /// The name it gets here; nothing for `*`.
    pub(crate) name: Option<String>,
    pub(crate) is_public: bool,
    pub(crate) line: usize,
}

impl<'a> ModuleTree<'a> {
    /// Follows the `mod` items from the crate root in `file`.
    pub(crate) fn read(workspace: &'a Workspace, file: usize) -> Self {
        let mut tree = Self { modules: Vec::new(), exported_macros: BTreeMap::new() };
        if let Some(syntax) = &workspace.files[file].syntax {
            let folder = workspace.files[file].path.parent().unwrap_or(Path::new(""));
            let place = Place { file, folder: folder.to_path_buf(), parent: None, is_test: false };
            tree.add(workspace, &place, &syntax.items);
        }
        tree
    }

    /// Says whether `module` is `ancestor` or lies inside it.
    pub(crate) fn is_inside(&self, module: usize, ancestor: usize) -> bool {
        let mut current = Some(module);
        while let Some(index) = current {
            if index == ancestor {
                return true;
            }
            current = self.modules[index].parent;
        }
        false
    }

    fn add(&mut self, workspace: &'a Workspace, place: &Place, items: &'a [syn::Item]) -> usize {
        let index = self.modules.len();
        let mut module = Module {
            file: place.file,
            parent: place.parent,
            children: BTreeMap::new(),
            is_test: place.is_test,
            defined: BTreeSet::new(),
            uses: Vec::new(),
            items,
        };
        for item in items {
            if let syn::Item::Use(item) = item
                && !is_test_only(&item.attrs)
            {
                module.uses.extend(flatten_use(item));
            }
            if let Some(name) = defined_name(item) {
                module.defined.insert(name);
            }
        }
        self.modules.push(module);
        for item in items {
            match item {
                syn::Item::Mod(item) => self.add_child(workspace, place, index, item),
                syn::Item::Macro(item) if has_attribute(&item.attrs, "macro_export") => {
                    let name = item.ident.as_ref().map(ToString::to_string);
                    self.exported_macros.extend(name.map(|name| (name, index)));
                }
                _ => {}
            }
        }
        index
    }

    fn add_child(
        &mut self,
        workspace: &'a Workspace,
        place: &Place,
        parent: usize,
        item: &'a syn::ItemMod,
    ) {
        let name = plain(&item.ident);
        let is_test = place.is_test || is_test_only(&item.attrs);
        let (file, folder, items) = if let Some((_, items)) = &item.content {
            (place.file, place.folder.join(&name), items.as_slice())
        } else {
            let declared_in = &workspace.files[place.file].path;
            let Some(file) = find_file(workspace, declared_in, &place.folder, &name, item) else {
                return;
            };
            let Some(syntax) = &workspace.files[file].syntax else {
                return;
            };
            let path = &workspace.files[file].path;
            let folder = if path.ends_with("mod.rs") || path_attribute(item).is_some() {
                path.parent().unwrap_or(Path::new("")).to_path_buf()
            } else {
                path.with_extension("")
            };
            (file, folder, syntax.items.as_slice())
        };
        let child = Place { file, folder, parent: Some(parent), is_test };
        let child = self.add(workspace, &child, items);
        self.modules[parent].children.insert(name, child);
    }
}

/// Where a module stands while the tree is read.
struct Place {
    file: usize,
    /// The folder in which the files of its children are looked for.
    folder: PathBuf,
    parent: Option<usize>,
    is_test: bool,
}

fn find_file(
    workspace: &Workspace,
    declared_in: &Path,
    folder: &Path,
    name: &str,
    item: &syn::ItemMod,
) -> Option<usize> {
    if let Some(path) = path_attribute(item) {
        return workspace.file_at(&declared_in.parent()?.join(path));
    }
    let beside = folder.join(format!("{name}.rs"));
    workspace.file_at(&beside).or_else(|| workspace.file_at(&folder.join(name).join("mod.rs")))
}

fn path_attribute(item: &syn::ItemMod) -> Option<String> {
    item.attrs.iter().find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let syn::Expr::Lit(literal) = &pair.value else {
            return None;
        };
        let syn::Lit::Str(text) = &literal.lit else {
            return None;
        };
        pair.path.is_ident("path").then(|| text.value())
    })
}

/// Says whether an item exists in tests only: `#[cfg(test)]`, `#[cfg(all(test, ..))]`, `#[test]` and
/// `#[tokio::test]`.
pub(crate) fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        if last.is_some_and(|segment| segment.ident == "test") {
            return true;
        }
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let condition: String =
            list.tokens.to_string().chars().filter(|c| !c.is_whitespace()).collect();
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
    })
}

fn has_attribute(attributes: &[syn::Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

/// Returns the name without the `r#` of a raw identifier.
fn plain(ident: &proc_macro2::Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

fn defined_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::TraitAlias(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Returns one [`Use`] for each name that the item brings in. Paths that begin with `::` leave the
/// crate, so they give none.
pub(crate) fn flatten_use(item: &syn::ItemUse) -> Vec<Use> {
    let mut found = Vec::new();
    if item.leading_colon.is_none() {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        flatten_tree(&item.tree, &mut Vec::new(), is_public, &mut found);
    }
    found
}

fn flatten_tree(
    tree: &syn::UseTree,
    prefix: &mut Vec<String>,
    is_public: bool,
    found: &mut Vec<Use>,
) {
    let mut push = |ident: &proc_macro2::Ident, name: Option<String>| {
        let mut path = prefix.clone();
        let line = ident.span().start().line;
        if ident != "self" || path.is_empty() {
            path.push(plain(ident));
        }
        let name = name.or_else(|| path.last().cloned());
        found.push(Use { path, name, is_public, line });
    };
    match tree {
        syn::UseTree::Name(leaf) => push(&leaf.ident, None),
        syn::UseTree::Rename(leaf) => push(&leaf.ident, Some(leaf.rename.to_string())),
        syn::UseTree::Glob(glob) => {
            let line = glob.star_token.span.start().line;
            found.push(Use { path: prefix.clone(), name: None, is_public, line });
        }
        syn::UseTree::Path(step) => {
            prefix.push(plain(&step.ident));
            flatten_tree(&step.tree, prefix, is_public, found);
            prefix.pop();
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                flatten_tree(tree, prefix, is_public, found);
            }
        }
    }
}
