//! Files and functions that a reader can hold: 600 lines a file, 70 a function.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::finding::Finding;
use super::source::Workspace;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Checks every Rust file and every function in it, those of tests included.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, file, syntax) in workspace.rust_files() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(Finding::new(
                &file.path,
                FILE_LINES_MAX + 1,
                format!("the file has {lines} lines, the limit is {FILE_LINES_MAX}"),
                "split it by verb or by concept",
            ));
        }
        Functions { path: &file.path, findings: &mut findings }.visit_file(syntax);
    }
    findings
}

struct Functions<'a> {
    path: &'a Path,
    findings: &'a mut Vec<Finding>,
}

impl Functions<'_> {
    /// Measures from the signature to the closing brace: documentation and attributes are free.
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let last = block.brace_token.span.close().end().line;
        let lines = last + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let name = &signature.ident;
            self.findings.push(Finding::new(
                self.path,
                first,
                format!("the function {name} has {lines} lines, the limit is {FUNCTION_LINES_MAX}"),
                "split it into functions that are named after what they do",
            ));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}
