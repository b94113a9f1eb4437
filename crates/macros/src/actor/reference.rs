//! The typed reference: one method for each handler.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;

use super::model::{Handler, Model};
use crate::root::at;

pub(super) fn emit(model: &Model) -> TokenStream {
    let private = model.private();
    let reference = name(model);
    let (ty, cfgs) = (&model.ty, &model.cfgs);
    let doc = format!(
        "A reference to one actor of type `{}`, with a method for each handler.",
        model.stem
    );
    let called = model.handlers.iter().filter(|it| it.hook.is_none());
    let methods = called.map(|it| method(model, it));
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[doc = ""]
        #[doc = "Making one does nothing and clones are cheap. What a method returns is a call: \
                 await it for the reply, or `.send()` it."]
        #[allow(dead_code, private_interfaces, reason = "it is as public as the handlers are")]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        pub struct #reference(#private::ActorRef<#ty>);

        #(#cfgs)*
        #[automatically_derived]
        impl ::core::convert::From<#private::ActorRef<#ty>> for #reference {
            fn from(actor: #private::ActorRef<#ty>) -> Self {
                Self(actor)
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl ::core::convert::AsRef<#private::ActorRef<#ty>> for #reference {
            fn as_ref(&self) -> &#private::ActorRef<#ty> {
                &self.0
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        #[allow(dead_code, private_interfaces, reason = "it is as public as the handlers are")]
        impl #reference {
            #(#methods)*

            /// The key, if it is one; every call through a reference made with a text that is no
            /// key answers `BadRequest`.
            #[must_use]
            pub fn key(&self) -> ::core::option::Option<&#private::Key> {
                self.0.key()
            }
        }
    }
}

fn method(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let ty = &model.ty;
    let Handler { ident, vis, message, cfgs, docs, deprecated, .. } = handler;
    let names: Vec<_> = handler.arguments.iter().map(|it| &it.ident).collect();
    let types = handler.arguments.iter().map(|it| &it.ty);
    let docs = if docs.is_empty() {
        let doc = format!("Calls `{}::{}`.", model.stem, handler.name);
        quote!(#[doc = #doc])
    } else {
        quote!(#(#docs)*)
    };
    quote_spanned! {at(ident.span())=>
        #(#cfgs)*
        #docs
        #(#deprecated)*
        #vis fn #ident(&self, #(#names: #types),*) -> #private::Call<#ty, #message> {
            self.0.call(#message { #(#names),* })
        }
    }
}

/// `CounterRef`.
pub(super) fn name(model: &Model) -> syn::Ident {
    let mut name = format_ident!("{}Ref", model.stem.unraw());
    name.set_span(at(model.stem.span()));
    name
}
