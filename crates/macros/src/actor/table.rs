//! The table of the methods, and which of them run by themselves.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::model::{Handler, Model, Reply};
use crate::root::at;

/// `Actor::methods` and `Actor::hooks`.
pub(super) fn emit(model: &Model) -> TokenStream {
    let private = model.private();
    let entries = model.handlers.iter().map(|handler| {
        let (cfgs, entry) = (&handler.cfgs, entry(model, handler));
        quote!(#(#cfgs)* #entry)
    });
    let hooks = hooks(model);
    let asking = asking(&private);
    quote! {
        fn methods() -> &'static [#private::Method] {
            #asking
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
            let hook = handler.hook?;
            let field: Ident = format_ident!("{}", hook.word());
            let message = &handler.message;
            let takes_peer =
                handler.arguments.first().filter(|_| hook.takes_peer()).map(|argument| {
                    let (ident, span) = (&argument.ident, at(argument.ident.span()));
                    quote_spanned! {span=>
                        let _: fn(#private::Peer) -> #message = |#ident| #message { #ident };
                    }
                });
            Some(quote! {
                #(#cfgs)*
                {
                    #takes_peer
                    hooks.#field = ::core::option::Option::Some(const { &#entry });
                }
            })
        })
        .collect();
    let asking = asking(&private);
    (!set.is_empty()).then(|| {
        quote! {
            fn hooks() -> #private::Hooks {
                #asking
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
    let types = types(model, handler);
    quote! {
        #private::Method {
            info: #private::MethodInfo::of::<#ty, #message>(),
            shape: <#message as #private::Arguments>::SHAPE,
            internal: #internal,
            types: const { &#types },
            invoke: #private::invoke::<#ty, #message>,
            deliver: #private::deliver::<#ty, #message>,
        }
    }
}

/// Lets types be asked for their schema.
pub(super) fn asking(private: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unused_imports, reason = "only a type without a schema needs it")]
        use #private::Undescribed as _;
    }
}

fn types(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let (ty, message) = (&model.ty, &handler.message);
    let docs =
        handler.docs.iter().filter_map(|doc| Some(&doc.meta.require_name_value().ok()?.value));
    let arguments = handler.arguments.iter().map(|argument| {
        let (name, ty, is_option) = (&argument.name, &argument.ty, argument.optional);
        quote! {
            #private::ArgumentType {
                name: #name,
                schema: <#private::Describe<#ty>>::TYPE,
                is_option: #is_option,
            }
        }
    });
    let handles = quote!(<#ty as #private::Handler<#message>>);
    let (error, error_statuses) = match handler.reply {
        Reply::Result(..) => (
            quote! {
                ::core::option::Option::Some(<#private::Describe<#handles::Error>>::TYPE)
            },
            quote!(<#handles::Error as #private::AppError>::statuses),
        ),
        Reply::Unit | Reply::Value(..) => (quote!(::core::option::Option::None), quote!(|| &[])),
    };
    quote! {
        #private::MethodTypes {
            docs: &[#(#docs),*],
            arguments: &[#(#arguments),*],
            reply: <#private::Describe<#handles::Reply>>::TYPE,
            error: #error,
            error_statuses: #error_statuses,
        }
    }
}
