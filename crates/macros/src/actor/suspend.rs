//! Finds out whether an `async fn` can be pending.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ImplItemFn;

/// Macros that never wait by themselves. Any other one may hide an `await`.
const MACROS_THAT_NEVER_WAIT: [&str; 51] = [
    "anyhow",
    "assert",
    "assert_eq",
    "assert_matches",
    "assert_ne",
    "bail",
    "cfg",
    "column",
    "compile_error",
    "concat",
    "dbg",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "debug_span",
    "ensure",
    "env",
    "eprint",
    "eprintln",
    "error",
    "error_span",
    "event",
    "file",
    "format",
    "format_args",
    "include_bytes",
    "include_str",
    "info",
    "info_span",
    "json",
    "line",
    "matches",
    "module_path",
    "option_env",
    "panic",
    "print",
    "println",
    "span",
    "stringify",
    "todo",
    "trace",
    "trace_span",
    "unimplemented",
    "unreachable",
    "vec",
    "warn",
    "warn_span",
    "write",
    "writeln",
    "debug_assert_matches",
];

/// Words after which `!` is a negation.
const NOT_MACROS: [&str; 8] = ["return", "break", "in", "if", "while", "match", "else", "as"];

/// Whether the body has an `await`, or a macro that could hide one.
pub(super) fn may_suspend(method: &ImplItemFn) -> bool {
    waits(method.block.to_token_stream())
}

/// Reads tokens, not syntax: the arguments of macros have no other form.
fn waits(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    let mut word: Option<String> = None;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "await" => return true,
            TokenTree::Ident(ident) => {
                word = Some(ident.to_string());
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                let calls =
                    matches!(tokens.peek(), Some(TokenTree::Group(_) | TokenTree::Ident(_)));
                let called = word.as_deref().filter(|it| calls && !NOT_MACROS.contains(it));
                if called.is_some_and(|it| !MACROS_THAT_NEVER_WAIT.contains(&it)) {
                    return true;
                }
            }
            TokenTree::Group(group) if waits(group.stream()) => return true,
            _ => {}
        }
        word = None;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_await_or_a_strange_macro_waits() {
        for (body, expected) in [
            ("{ self.value += 1; self.value }", false),
            ("{ tokio::task::yield_now().await }", true),
            ("{ let f = async { x.await }; drop(f) }", true),
            ("{ format!(\"{}\", self.value) }", false),
            ("{ tracing::info!(key = %self.key); }", false),
            ("{ format!(\"{}\", other().await) }", true),
            ("{ format!(\"{}\", strange!()) }", true),
            ("{ strange! { 1 } }", true),
            ("{ if !(a) { return !{ b }; } a != (b) }", false),
            ("{ if a && !b { 1 } else { 2 } }", false),
            ("{ macro_rules! later { () => {} } later!() }", true),
        ] {
            assert_eq!(waits(body.parse().unwrap()), expected, "{body}");
        }
    }
}
