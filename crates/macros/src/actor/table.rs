//! The table of the methods, and which of them run by themselves.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::model::{Handler, Model};

/// `Actor::methods` and `Actor::hooks`.
pub(super) fn emit(model: &Model) -> TokenStream {
    let private = model.private();
    let entries = model.handlers.iter().map(|handler| {
        let (cfgs, entry) = (&handler.cfgs, entry(model, handler));
        quote!(#(#cfgs)* #entry)
    });
    let hooks = hooks(model);
    quote! {
        fn methods() -> &'static [#private::Method] {
            const { &[#(#entries),*] }
        }

        #hooks
    }
}

fn hooks(model: &Model) -> Option<TokenStream> {
    let private = model.private();
    let set: Vec<_> = model
        .handlers
        .iter()
        .filter_map(|handler| {
            let (cfgs, entry) = (&handler.cfgs, entry(model, handler));
            let field: Ident = format_ident!("{}", handler.hook?.word());
            Some(quote! {
                #(#cfgs)*
                {
                    hooks.#field = ::core::option::Option::Some(const { &#entry });
                }
            })
        })
        .collect();
    (!set.is_empty()).then(|| {
        quote! {
            fn hooks() -> #private::Hooks {
                #[allow(unused_mut, reason = "`#[cfg]` may leave none")]
                let mut hooks = #private::Hooks::default();
                #(#set)*
                hooks
            }
        }
    })
}

fn entry(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let ty = &model.ty;
    let Handler { message, internal, .. } = handler;
    quote! {
        #private::Method {
            info: #private::MethodInfo::of::<#ty, #message>(),
            shape: <#message as #private::Arguments>::SHAPE,
            internal: #internal,
            invoke: #private::invoke::<#ty, #message>,
            deliver: #private::deliver::<#ty, #message>,
        }
    }
}
