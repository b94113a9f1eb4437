//! The paths that the code of one module names.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::tidy::modules::{flatten_use, is_test_only};
use crate::tidy::paths::{WrittenPath, paths_in};

/// Returns the paths in `items`, the module's own `use` items and its child modules left out.
///
/// A path of one name counts when it can hardly be a local variable: a type, trait or constant by its
/// capital letter, or a function in the place of a call.
pub(crate) fn of(items: &[syn::Item]) -> Vec<WrittenPath> {
    let mut collector = Collector { found: Vec::new() };
    for item in items.iter().filter(|item| !matches!(item, syn::Item::Use(_))) {
        collector.visit_item(item);
    }
    collector.found
}

struct Collector {
    found: Vec<WrittenPath>,
}

impl Collector {
    fn keep(&mut self, path: WrittenPath) {
        let is_capital = |name: &String| name.starts_with(|c: char| c.is_uppercase());
        if path.names.len() > 1 || path.names.first().is_some_and(is_capital) {
            self.found.push(path);
        }
    }
}

fn written(path: &syn::Path) -> Option<WrittenPath> {
    let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let line = path.span().start().line;
    path.leading_colon.is_none().then_some(WrittenPath { names, line })
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {
        // A child module is a module of the tree and has references of its own.
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // Only those inside functions come here.
        let uses = flatten_use(item).into_iter();
        self.found.extend(uses.map(|import| WrittenPath { names: import.path, line: import.line }));
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        // The paths of a `macro_rules!` are resolved where the macro is used.
        if item.ident.is_none() {
            visit::visit_item_macro(self, item);
        }
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // The `crate` of `pub(crate)` imports nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(path) = written(path) {
            self.keep(path);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && function.path.segments.len() == 1
        {
            self.found.extend(written(&function.path));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.visit_path(&invocation.path);
        for path in paths_in(invocation.tokens.clone()) {
            self.keep(path);
        }
    }
}
