//! Where the output finds what it names.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{LitStr, Path};

use crate::report::Report;

/// The path of the `tenure` crate.
pub(crate) struct Root(Path);

impl Default for Root {
    fn default() -> Self {
        Self(syn::parse_quote!(::tenure))
    }
}

impl Root {
    /// The value of `crate = "path"`.
    pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        meta.value()?.parse::<LitStr>()?.parse().map(Self)
    }

    /// The options of an attribute that has no other than `crate`; anything else is refused with
    /// `advice`.
    pub(crate) fn parse_alone(options: TokenStream, advice: &str, report: &mut Report) -> Self {
        let mut root = Self::default();
        let parsed = syn::meta::parser(|meta| {
            if meta.path.is_ident("crate") {
                root = Self::parse(&meta)?;
                return Ok(());
            }
            Err(meta.error(advice))
        })
        .parse2(options);
        report.keep(parsed);
        root
    }

    /// `::tenure::__private`.
    pub(crate) fn private(&self) -> TokenStream {
        let path = &self.0;
        quote!(#path::__private)
    }

    /// The path of the re-exported serde, as serde's own attribute wants it.
    pub(crate) fn serde(&self) -> LitStr {
        self.inner("serde")
    }

    /// The path of a re-exported crate, as the attributes of its derives want it.
    pub(crate) fn inner(&self, name: &str) -> LitStr {
        let path = self.0.to_token_stream().to_string().replace(' ', "");
        LitStr::new(&format!("{path}::__private::{name}"), Span::call_site())
    }
}

/// The place of `span`, told apart from what the user wrote there: errors point at the user's
/// code, lints about style do not.
pub(crate) fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}
