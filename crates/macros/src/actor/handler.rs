//! How the actor answers one message.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::message::cfgs;
use super::model::{Access, Handler, Model, Reply};
use crate::root::at;

pub(super) fn emit(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let cfgs = cfgs(model, handler);
    let ty = &model.ty;
    let Handler { ident, message, may_suspend, takes_context, .. } = handler;
    let (access, mutability) = match handler.access {
        Access::Exclusive => (quote!(Exclusive), quote!(mut)),
        Access::Shared => (quote!(Shared), quote!()),
        Access::Commanding => (quote!(Commanding), quote!()),
    };
    let durable = handler.durable.then(|| {
        quote!(
            const DURABLE: bool = true;
        )
    });
    // What is wrong with the future of a handler is told at the handler.
    let span = at(ident.span());
    let cx = if *takes_context { quote!(cx) } else { quote!(_) };
    let cx_given = takes_context.then(|| quote_spanned!(span=> cx,));
    let fields: Vec<_> = handler.arguments.iter().map(|it| &it.ident).collect();
    let taken = if fields.is_empty() { quote!(_) } else { quote!(message) };
    let awaited = handler.is_async.then(|| quote_spanned!(span=> .await));
    let call = quote_spanned! {span=>
        <#ty>::#ident(actor, #cx_given #(message.#fields),*) #awaited
    };
    let body = match handler.reply {
        Reply::Result(..) => call,
        Reply::Unit | Reply::Value(..) => quote_spanned!(span=> ::core::result::Result::Ok(#call)),
    };
    let reply = reply(model, handler);
    quote_spanned! {span=>
        #cfgs
        #[automatically_derived]
        #[allow(deprecated, reason = "the handler is still called by those who know it")]
        impl #private::Handler<#message> for #ty {
            #reply
            type Access = #private::#access;
            const MAY_SUSPEND: bool = #may_suspend;
            const NEEDS_CONTEXT: bool = #takes_context;
            #durable

            async fn handle<'a>(
                actor: &'a #mutability Self,
                #cx: &'a mut #private::Context<Self>,
                #taken: #message,
            ) -> ::core::result::Result<
                <Self as #private::Handler<#message>>::Reply,
                <Self as #private::Handler<#message>>::Error,
            > {
                #body
            }
        }
    }
}

fn reply(model: &Model, handler: &Handler) -> TokenStream {
    let private = model.private();
    let (reply, error) = match &handler.reply {
        Reply::Unit => (
            quote!(
                type Reply = ();
            ),
            quote!(
                type Error = ::core::convert::Infallible;
            ),
        ),
        Reply::Value(ty, span) => (
            quote_spanned!(at(*span)=> type Reply = #ty;),
            quote!(
                type Error = ::core::convert::Infallible;
            ),
        ),
        Reply::Result(ty, span) => (
            quote_spanned!(at(*span)=> type Reply = <#ty as #private::Projected>::Reply;),
            quote_spanned!(at(*span)=> type Error = <#ty as #private::Projected>::Error;),
        ),
    };
    quote!(#reply #error)
}
