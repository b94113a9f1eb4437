//! What the types of an author must be, asked once and answered in words.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::message::cfgs;
use super::model::{Handler, Model, Reply, Upgrade};
use crate::root::at;

pub(super) fn emit(model: &Model) -> TokenStream {
    let cfgs = &model.cfgs;
    let (ty, stem) = (&model.ty, &model.stem);
    let mut all = TokenStream::new();
    let mut ask = |what: &str, message: String| {
        let asked = ask(model, stem.span(), ty, what, &message);
        all.extend(quote_spanned!(at(stem.span())=> #(#cfgs)* #asked));
    };
    ask(
        "IS_SHARED",
        format!(
            "the state of an actor must be `Send + Sync` because its turns run on any thread and \
             its readers side by side; use `Arc`, `Mutex` or an atomic in `{stem}`"
        ),
    );
    ask(
        "IS_DEFAULT",
        format!(
            "derive `Default` for `{stem}`, or implement it: the first call of a key starts from it"
        ),
    );
    if !model.options.persist.is_volatile() {
        ask(
            "IS_DATA",
            format!(
                "the state of `{stem}` is stored: add #[tenure::data] to the type, or keep it in \
                 memory only with #[actor(persist = volatile)]"
            ),
        );
    }
    all.extend(model.options.events.as_ref().map(|event| of_event(model, event)));
    all.extend(model.upgrades.iter().map(|it| of_upgrade(model, it)));
    all.extend(model.handlers.iter().map(|it| of_handler(model, it)));
    all
}

fn of_event(model: &Model, event: &Type) -> TokenStream {
    let cfgs = model.cfgs();
    let message = format!(
        "the events of `{}` are stored and sent: add #[tenure::data] to their type",
        model.stem
    );
    let asked = ask(model, event.span(), &event.to_token_stream(), "IS_DATA", &message);
    quote!(#cfgs #asked)
}

fn of_upgrade(model: &Model, upgrade: &Upgrade) -> TokenStream {
    let cfgs = model.cfgs();
    let message = "an old state is read from the store: add #[tenure::data] to its type";
    let asked = ask(model, upgrade.old_span, &upgrade.old, "IS_DATA", message);
    quote!(#cfgs #asked)
}

fn of_handler(model: &Model, handler: &Handler) -> TokenStream {
    let cfgs = cfgs(model, handler);
    let data = |what: String, ty: &TokenStream, span: Span| {
        let message = format!("{what} is data that travels: add #[tenure::data] to its type");
        ask(model, span, ty, "IS_DATA", &message)
    };
    let mut asked: Vec<_> = handler
        .arguments
        .iter()
        .filter(|argument| !argument.scalar)
        .map(|it| data(format!("the argument `{}`", it.name), &it.ty, it.span))
        .collect();
    if let Reply::Value(ty, span) = &handler.reply {
        asked.push(refuse_hidden_result(model, handler, ty, *span));
        asked.push(data(format!("the reply of `{}`", handler.name), ty, *span));
    }
    quote!(#(#cfgs #asked)*)
}

/// A macro sees names: a `Result` under another name would be taken for a reply.
fn refuse_hidden_result(
    model: &Model,
    handler: &Handler,
    ty: &TokenStream,
    span: Span,
) -> TokenStream {
    let private = model.private();
    let message = format!(
        "the reply of `{}` is a `Result` behind another name: write `Result<..>`, or call the \
         alias `Result`, so that its error is told from its reply",
        handler.name
    );
    quote_spanned! {at(span)=>
        const _: () = {
            #[allow(unused_imports, reason = "only a type that is no `Result` needs it")]
            use #private::ProbeNotResult as _;
            ::core::assert!(!<#private::Probe<#ty>>::IS_RESULT, #message)
        };
    }
}

fn ask(model: &Model, span: Span, ty: &TokenStream, what: &str, message: &str) -> TokenStream {
    let private = model.private();
    let what = Ident::new(what, at(span));
    quote_spanned! {at(span)=>
        const _: () = {
            #[allow(unused_imports, reason = "only a type that lacks something needs it")]
            use #private::Unmet as _;
            ::core::assert!(<#private::Require<#ty>>::#what, #message)
        };
    }
}
