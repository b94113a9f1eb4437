//! The message of a handler: its arguments as a struct.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::model::{Handler, Model};
use crate::root::at;

pub(super) fn emit(model: &Model, handler: &Handler) -> TokenStream {
    let item = item(model, handler);
    let message = message(model, handler);
    let arguments = arguments(model, handler);
    quote!(#item #message #arguments)
}

fn item(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let serde = model.options.root.serde();
    let Handler { message, vis, docs, .. } = handler;
    let cfgs = cfgs(model, handler);
    let names = handler.arguments.iter().map(|argument| &argument.ident);
    let types = handler.arguments.iter().map(|argument| &argument.ty);
    let field_docs =
        handler.arguments.iter().map(|argument| format!("The argument `{}`.", argument.name));
    let doc = format!("The message of `{}::{}`: its arguments.", model.stem, handler.name);
    let text = format!("{message}");
    quote! {
        #cfgs
        #[doc = #doc]
        #[doc = ""]
        #(#docs)*
        #[allow(
            dead_code,
            private_interfaces,
            rustdoc::broken_intra_doc_links,
            reason = "it is as public as its method, and carries the method's documentation"
        )]
        #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
        #[serde(crate = #serde, deny_unknown_fields)]
        #vis struct #message {
            #(
                #[doc = #field_docs]
                pub #names: #types,
            )*
        }

        #cfgs
        #[automatically_derived]
        impl ::core::fmt::Debug for #message {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                // Arguments need not be `Debug`, and may be secrets.
                f.write_str(#text)
            }
        }
    }
}

fn message(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let cfgs = cfgs(model, handler);
    let Handler { message, name, .. } = handler;
    quote! {
        #cfgs
        #[automatically_derived]
        impl #private::Message for #message {
            const METHOD: &'static str = #name;
        }
    }
}

fn arguments(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let cfgs = cfgs(model, handler);
    let message = &handler.message;
    let none = quote! {
        ::core::result::Result::Err(
            <D::Error as #private::serde::de::Error>::custom("this takes not one argument")
        )
    };
    let (shape, single) = match handler.arguments.as_slice() {
        [] => (quote!(None), none),
        [one] => {
            let (name, scalar) = (&one.name, one.scalar);
            let (ident, ty) = (&one.ident, &one.ty);
            (
                quote!(One { name: #name, scalar: #scalar }),
                quote_spanned! {at(one.span)=>
                    let single = <#ty as #private::serde::Deserialize<'de>>::deserialize(single)?;
                    ::core::result::Result::Ok(Self { #ident: single })
                },
            )
        }
        several => {
            let names = several.iter().map(|argument| &argument.name);
            (quote!(Named(&[#(#names),*])), none)
        }
    };
    quote! {
        #cfgs
        #[automatically_derived]
        impl #private::Arguments for #message {
            const SHAPE: #private::Shape = #private::Shape::#shape;

            #[allow(unused_variables, reason = "it is used where there is one argument")]
            fn from_single<'de, D: #private::serde::Deserializer<'de>>(
                single: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #single
            }
        }
    }
}

/// `#[cfg]` of the block and of the method.
pub(super) fn cfgs(model: &Model, handler: &Handler) -> TokenStream {
    let (block, method) = (&model.cfgs, &handler.cfgs);
    quote!(#(#block)* #(#method)*)
}
