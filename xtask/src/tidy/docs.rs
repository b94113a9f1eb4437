//! Every crate says what it is for in its first lines.

use super::finding::Finding;
use super::source::Workspace;

/// Checks that the library and binaries of every member begin with a `//!` comment.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &workspace.members {
        let roots = member.crate_roots(workspace);
        if roots.is_empty() {
            findings.push(Finding::new(
                &member.folder.join("Cargo.toml"),
                1,
                format!("the package {} has neither a library nor a binary", member.package),
                "write it, or remove the package",
            ));
        }
        for root in roots {
            let file = &workspace.files[root];
            if file.syntax.as_ref().is_some_and(|syntax| !has_documentation(syntax)) {
                findings.push(Finding::new(
                    &file.path,
                    1,
                    format!("a crate of {} has no `//!` comment", member.package),
                    "say in one sentence what it is for",
                ));
            }
        }
    }
    findings
}

fn has_documentation(syntax: &syn::File) -> bool {
    syntax.attrs.iter().any(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            return false;
        };
        let syn::Expr::Lit(literal) = &pair.value else {
            return false;
        };
        let syn::Lit::Str(text) = &literal.lit else {
            return false;
        };
        pair.path.is_ident("doc") && !text.value().trim().is_empty()
    })
}
