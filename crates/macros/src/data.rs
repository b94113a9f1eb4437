//! `#[tenure::data]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Item, Path, Token};

use crate::report::Report;
use crate::root::Root;
use crate::schema::{self, Schema};

#[derive(Default)]
struct Options {
    root: Root,
    no_schema: bool,
}

impl Options {
    fn parse(tokens: TokenStream, report: &mut Report) -> Self {
        let mut options = Self::default();
        let parsed = syn::meta::parser(|meta| {
            if meta.path.is_ident("crate") {
                options.root = Root::parse(&meta)?;
            } else if meta.path.is_ident("no_schema") {
                options.no_schema = true;
            } else {
                return Err(meta
                    .error("#[tenure::data] has the options `no_schema` and `crate = \"path\"`"));
            }
            Ok(())
        })
        .parse2(tokens);
        report.keep(parsed);
        options
    }
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut report = Report::default();
    let options = Options::parse(options, &mut report);
    let mut made = None;
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(found)) => made = Some(of_type(found.into(), &options, &mut report)),
        Ok(Item::Enum(found)) => made = Some(of_type(found.into(), &options, &mut report)),
        Ok(Item::Union(union)) => report.error(
            union.union_token.span,
            "a union says nothing of which field it holds, so it cannot be data; use an enum",
        ),
        Ok(other) => report.error(other.span(), "#[tenure::data] goes on a struct or an enum"),
        Err(error) => report.add(error),
    }
    let errors = report.into_tokens();
    let item = made.as_ref().unwrap_or(item);
    quote!(#item #errors)
}

fn of_type(mut item: DeriveInput, options: &Options, report: &mut Report) -> TokenStream {
    refuse_derived(&item.attrs, "#[tenure::data]", report);
    let serde = derives(&options.root);
    let schema = (!options.no_schema).then(|| schema(&mut item, &options.root));
    let Schema { derives, impls } = schema.unwrap_or_default();
    quote!(#serde #derives #item #impls)
}

/// The schema of `item`, unless its author derives one.
pub(crate) fn schema(item: &mut DeriveInput, root: &Root) -> Schema {
    if derives_one(&item.attrs, "JsonSchema") {
        return Schema::default();
    }
    schema::of(item, root)
}

/// The derives of serde's traits.
pub(crate) fn derives(root: &Root) -> TokenStream {
    let private = root.private();
    let serde = root.serde();
    quote! {
        #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
        #[serde(crate = #serde)]
    }
}

/// Refuses a second derive of serde's traits, where rustc would speak of conflicting
/// implementations.
pub(crate) fn refuse_derived(attributes: &[Attribute], attribute: &str, report: &mut Report) {
    for name in ["Serialize", "Deserialize"] {
        if let Some(path) = find_derived(attributes, name) {
            report.add(syn::Error::new_spanned(
                path,
                format!("{attribute} derives `{name}` already; leave it out here"),
            ));
        }
    }
}

/// Whether `name` is derived below this attribute; those above are gone already.
pub(crate) fn derives_one(attributes: &[Attribute], name: &str) -> bool {
    find_derived(attributes, name).is_some()
}

fn find_derived(attributes: &[Attribute], name: &str) -> Option<Path> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .filter_map(|attribute| {
            attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .find(|path| path.segments.last().is_some_and(|last| last.ident == name))
}
