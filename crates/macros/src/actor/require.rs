//! What the types of an author must be, asked once and answered in words.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use super::message::cfgs;
use super::model::{Handler, Model, Reply};
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
    if !model.options.volatile {
        ask(
            "IS_DATA",
            format!(
                "the state of `{stem}` is stored: add #[tenure::data] to the type, or keep it in \
                 memory only with #[actor(persist = volatile)]"
            ),
        );
    }
    all.extend(model.handlers.iter().map(|it| of_handler(model, it)));
    all
}

fn of_handler(model: &Model, handler: &Handler) -> TokenStream {
    let mut all = TokenStream::new();
    for argument in handler.arguments.iter().filter(|it| !it.scalar) {
        all.extend(with_cfgs(model, handler, &ask(
            model,
            argument.span,
            &argument.ty,
            "IS_DATA",
            &format!(
                "the argument `{}` is data that travels: add #[tenure::data] to its type",
                argument.name
            ),
        )));
    }
    if let Reply::Value(ty, span) = &handler.reply {
        let is_plain = ask(
            model,
            *span,
            ty,
            "IS_PLAIN",
            &format!(
                "the reply of `{}` is a `Result` behind another name: write `Result<..>`, or call \
                 the alias `Result`, so that its error is told from its reply",
                handler.name
            ),
        );
        all.extend(with_cfgs(model, handler, &is_plain));
        let is_data = ask(
            model,
            *span,
            ty,
            "IS_DATA",
            &format!(
                "the reply of `{}` is data that travels: add #[tenure::data] to its type",
                handler.name
            ),
        );
        all.extend(with_cfgs(model, handler, &is_data));
    }
    all
}

fn with_cfgs(model: &Model, handler: &Handler, item: &TokenStream) -> TokenStream {
    let cfgs = cfgs(model, handler);
    quote_spanned!(Span::call_site()=> #cfgs #item)
}

fn ask(
    model: &Model,
    span: Span,
    ty: &TokenStream,
    what: &str,
    message: &str,
) -> TokenStream {
    let private = model.private();
    let what = proc_macro2::Ident::new(what, Span::call_site());
    quote_spanned! {at(span)=>
        const _: () = {
            #[allow(unused_imports, reason = "only a type that lacks something needs it")]
            use #private::Unmet as _;
            ::core::assert!(<#private::Require<#ty>>::#what, #message)
        };
    }
}
