//! `#[tenure::data]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Item, ItemEnum, ItemStruct, Path, Token};

use crate::report::Report;
use crate::root::Root;

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut report = Report::default();
    let advice = "#[tenure::data] has one option: `crate = \"path\"`";
    let root = Root::parse_alone(options, advice, &mut report);
    let derives = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(ItemStruct { attrs, .. }) | Item::Enum(ItemEnum { attrs, .. })) => {
            refuse_derived(&attrs, "#[tenure::data]", &mut report);
            derives(&root)
        }
        Ok(Item::Union(union)) => {
            report.error(
                union.union_token.span,
                "a union says nothing of which field it holds, so it cannot be data; use an enum",
            );
            TokenStream::new()
        }
        Ok(other) => {
            report.error(other.span(), "#[tenure::data] goes on a struct or an enum");
            TokenStream::new()
        }
        Err(error) => {
            report.add(error);
            TokenStream::new()
        }
    };
    let errors = report.into_tokens();
    quote!(#derives #item #errors)
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
