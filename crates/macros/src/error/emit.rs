//! The implementations for an error.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::problem::Case;
use crate::root::Root;

pub(super) fn impls(ident: &Ident, cases: &[Case], root: &Root) -> TokenStream {
    let private = root.private();
    let result = quote!(::core::result::Result);
    let texts = cases.iter().map(text);
    let codes = cases.iter().map(|case| {
        let (cfgs, path, code) = (&case.cfgs, &case.path, &case.code);
        quote!(#(#cfgs)* #path { .. } => #code,)
    });
    let statuses = cases.iter().map(|case| {
        let (cfgs, path, status) = (&case.cfgs, &case.path, case.status);
        quote!(#(#cfgs)* #path { .. } => #status,)
    });
    let retry_after = retry_after(cases);
    let all_statuses = cases.iter().map(|case| {
        let (cfgs, status) = (&case.cfgs, &case.status);
        quote!(#(#cfgs)* #status)
    });
    quote! {
        #[automatically_derived]
        impl ::core::fmt::Display for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    #(#texts)*
                }
            }
        }

        #[automatically_derived]
        impl ::core::error::Error for #ident {}

        #[automatically_derived]
        impl #private::AppError for #ident {
            fn code(&self) -> &str {
                match self {
                    #(#codes)*
                }
            }

            fn status(&self) -> u16 {
                match self {
                    #(#statuses)*
                }
            }

            #retry_after

            fn statuses() -> &'static [u16] {
                &[#(#all_statuses),*]
            }

            fn to_json(&self) -> ::std::string::String {
                #private::error_json(self)
            }

            fn encode(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> #result<(), #private::CodecError> {
                #private::encode_named(self, out)
            }

            fn decode(body: &[u8]) -> #result<Self, #private::CodecError> {
                #private::decode_named(#private::CODEC_NAMED, body)
            }
        }
    }
}

/// The method of an error of which some cases may be tried again; none where none may.
fn retry_after(cases: &[Case]) -> Option<TokenStream> {
    let waits = cases.iter().filter_map(|case| {
        let (cfgs, path, millis) = (&case.cfgs, &case.path, case.retry_after_ms?);
        Some(quote!(#(#cfgs)* #path { .. } => {
            ::core::option::Option::Some(::core::time::Duration::from_millis(#millis))
        }))
    });
    let waits: Vec<TokenStream> = waits.collect();
    (!waits.is_empty()).then(|| {
        quote! {
            fn retry_after(&self) -> ::core::option::Option<::core::time::Duration> {
                #[allow(unreachable_patterns)]
                match self {
                    #(#waits)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}

fn text(case: &Case) -> TokenStream {
    let (cfgs, path) = (&case.cfgs, &case.path);
    let (format, bindings) = (&case.message.format, case.message.bindings());
    let values = case.message.used.iter().map(|(_, binding)| binding);
    // The literal's place: a field that cannot be written is told there.
    quote_spanned! {format.span()=>
        #(#cfgs)* #path { #bindings .. } => ::core::write!(f, #format, #(#values),*),
    }
}
