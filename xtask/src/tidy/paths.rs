//! Paths such as `crate::view::View` in the arguments of macros, which syn leaves unparsed.

use proc_macro2::{TokenStream, TokenTree};

/// A path as it is written, with the line of its first name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrittenPath {
    pub(crate) names: Vec<String>,
    pub(crate) line: usize,
}

/// Returns every path in `tokens`, those in nested brackets included. Paths that begin with `::` and
/// the names after generic arguments are left out.
pub(crate) fn paths_in(tokens: TokenStream) -> Vec<WrittenPath> {
    let mut found = Vec::new();
    collect(tokens, &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<WrittenPath>) {
    let mut current: Option<WrittenPath> = None;
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                match &mut current {
                    Some(path) if colons == 2 => path.names.push(name),
                    None if colons == 2 => {}
                    _ => {
                        let line = ident.span().start().line;
                        let next = WrittenPath { names: vec![name], line };
                        found.extend(current.replace(next));
                    }
                }
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                found.extend(current.take());
                colons = 0;
                if let TokenTree::Group(group) = other {
                    collect(group.stream(), found);
                }
            }
        }
    }
    found.extend(current);
}

#[cfg(test)]
mod tests {
    use super::paths_in;

    #[test]
    fn paths_are_found_at_any_depth() {
        let source =
            "x == crate::view::View { at: super::NOW }, ::std::mem::take(y.z), Vec::<u8>::new()";
        let tokens = source.parse().expect("the source has balanced brackets");
        let found: Vec<String> = paths_in(tokens).iter().map(|p| p.names.join("::")).collect();
        assert_eq!(found, ["x", "crate::view::View", "at", "super::NOW", "y", "z", "Vec", "u8"]);
    }
}
