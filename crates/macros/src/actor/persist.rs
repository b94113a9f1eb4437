//! `persist = ..`: when the state is saved.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::{LitInt, LitStr, parenthesized, token};

use crate::duration;

const MAX_DELAY_DEFAULT_MS: u64 = 200;
const SNAPSHOT_EVERY_DEFAULT: u32 = 100;

/// A way to persist, and where it is written.
#[derive(Clone, Copy)]
pub(super) struct Persist {
    pub(super) mode: Mode,
    pub(super) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Volatile,
    WriteThrough,
    WriteBehind { max_delay_ms: u64 },
    EventSourced { snapshot_every: u32 },
}

impl Default for Persist {
    fn default() -> Self {
        Self { mode: Mode::WriteThrough, span: Span::call_site() }
    }
}

impl Persist {
    /// Reads `= write_behind(max_delay = "50ms")` and its like.
    pub(super) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        meta.value()?.parse()
    }

    pub(super) fn is_volatile(self) -> bool {
        self.mode == Mode::Volatile
    }

    pub(super) fn is_event_sourced(self) -> bool {
        matches!(self.mode, Mode::EventSourced { .. })
    }

    pub(super) fn is_write_behind(self) -> bool {
        matches!(self.mode, Mode::WriteBehind { .. })
    }

    /// The word that is written in the attribute.
    pub(super) fn word(self) -> &'static str {
        match self.mode {
            Mode::Volatile => "volatile",
            Mode::WriteThrough => "write_through",
            Mode::WriteBehind { .. } => "write_behind",
            Mode::EventSourced { .. } => "event_sourced",
        }
    }

    /// The value of `Actor::PERSIST`.
    pub(super) fn value(self, private: &TokenStream) -> TokenStream {
        let persist = quote!(#private::Persist);
        match self.mode {
            Mode::Volatile => quote!(#persist::Volatile),
            Mode::WriteThrough => quote!(#persist::WriteThrough),
            Mode::WriteBehind { max_delay_ms } => quote! {
                #persist::WriteBehind {
                    max_delay: ::core::time::Duration::from_millis(#max_delay_ms),
                }
            },
            Mode::EventSourced { snapshot_every } => quote! {
                #persist::EventSourced {
                    snapshot_every: ::core::num::NonZeroU32::new(#snapshot_every).unwrap(),
                }
            },
        }
    }
}

impl Parse for Persist {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word: Ident = input.parse().map_err(|error| {
            syn::Error::new(
                error.span(),
                "write `persist = write_through`, `write_behind`, `event_sourced` or `volatile`, \
                 without quotes",
            )
        })?;
        let mode = match word.to_string().as_str() {
            "volatile" => without_options(input, &word, Mode::Volatile)?,
            "write_through" => without_options(input, &word, Mode::WriteThrough)?,
            "write_behind" => {
                let literal = option::<LitStr>(input, "max_delay", "\"50ms\"")?;
                let max_delay_ms = literal.as_ref().map(duration::millis).transpose()?;
                Mode::WriteBehind { max_delay_ms: max_delay_ms.unwrap_or(MAX_DELAY_DEFAULT_MS) }
            }
            "event_sourced" => {
                let literal = option::<LitInt>(input, "snapshot_every", "100")?;
                let snapshot_every = literal.as_ref().map(at_least_one).transpose()?;
                Mode::EventSourced {
                    snapshot_every: snapshot_every.unwrap_or(SNAPSHOT_EVERY_DEFAULT),
                }
            }
            other => {
                return Err(syn::Error::new(
                    word.span(),
                    format!(
                        "`{other}` is no way to persist; use `write_through`, `write_behind`, \
                         `event_sourced` or `volatile`"
                    ),
                ));
            }
        };
        Ok(Self { mode, span: word.span() })
    }
}

fn without_options(input: ParseStream<'_>, word: &Ident, mode: Mode) -> syn::Result<Mode> {
    if !input.peek(token::Paren) {
        return Ok(mode);
    }
    let options: proc_macro2::Group = input.parse()?;
    Err(syn::Error::new_spanned(options, format!("`{word}` has no options")))
}

/// Reads `(name = literal)`, if it is there.
fn option<L: Parse>(input: ParseStream<'_>, name: &str, example: &str) -> syn::Result<Option<L>> {
    if !input.peek(token::Paren) {
        return Ok(None);
    }
    let options;
    parenthesized!(options in input);
    let known: Option<Ident> = options.parse()?;
    if known.as_ref().is_none_or(|known| known != name) {
        let at = known.map_or_else(|| options.span(), |known| known.span());
        return Err(syn::Error::new(at, format!("the one option here is `{name} = {example}`")));
    }
    options.parse::<token::Eq>()?;
    let literal = options
        .parse()
        .map_err(|error| syn::Error::new(error.span(), format!("write `{name} = {example}`")))?;
    options.parse::<Option<token::Comma>>()?;
    if !options.is_empty() {
        return Err(options.error(format!("the one option here is `{name} = {example}`")));
    }
    Ok(Some(literal))
}

fn at_least_one(literal: &LitInt) -> syn::Result<u32> {
    match literal.base10_parse::<u32>()? {
        0 => Err(syn::Error::new(literal.span(), "`snapshot_every` is at least 1")),
        number => Ok(number),
    }
}
