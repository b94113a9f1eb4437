//! Reads the block: which functions are handlers, and what they are.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, ImplItem, ImplItemFn, ItemImpl, PathArguments, ReturnType, Signature, Type,
    Visibility,
};

use super::argument::{self, Inputs};
use super::check;
use super::model::{Handler, Model, Reply};
use super::options::{Options, check_type_name};
use super::suspend;
use crate::case;
use crate::report::Report;

/// Understands the block and takes its `#[handler]` attributes off; `None` if nothing can be made
/// of it.
pub(super) fn model(block: &mut ItemImpl, options: Options, report: &mut Report) -> Option<Model> {
    let stem = report.keep(actor_type(block))?;
    if options.name.is_none()
        && let Err(what) = check_type_name(&case::snake(&stem.unraw().to_string()))
    {
        report.error(stem.span(), format!("{what}; name the type with #[actor(name = \"..\")]"));
        return None;
    }
    let ty = block.self_ty.to_token_stream();
    let mut candidates = 0;
    let mut handlers = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else {
            refuse_mark(item, report);
            continue;
        };
        let mark = report.keep(Mark::take(method)).flatten();
        let Some(mark) = mark.or_else(|| Mark::of_unmarked(method)) else {
            continue;
        };
        candidates += 1;
        handlers.extend(handler(method, &mark, &stem, &ty, report));
    }
    if candidates == 0 {
        report.error(
            block.self_ty.span(),
            format!(
                "an actor without a handler can do nothing; make a method of `{stem}` that takes \
                 `&self` or `&mut self` `pub`, or mark a private one with #[handler]"
            ),
        );
    }
    check::messages(&mut handlers, report);
    Some(Model { options, ty, stem, cfgs: attributes(&block.attrs, "cfg"), handlers })
}

/// The name of the block's type, if the block is one that can be an actor's.
fn actor_type(block: &ItemImpl) -> syn::Result<Ident> {
    if let Some((path, _)) = &block.trait_ {
        return Err(syn::Error::new_spanned(
            path,
            "#[actor] goes on the inherent block, `impl Type { .. }`; handlers cannot be a trait's \
             methods",
        ));
    }
    if !block.generics.params.is_empty() || block.generics.where_clause.is_some() {
        return Err(syn::Error::new_spanned(
            &block.generics,
            "an actor type has no generic parameters: it is found by its name; write one type for \
             each",
        ));
    }
    let named = match &*block.self_ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    };
    match named {
        Some(last) if matches!(last.arguments, PathArguments::None) => Ok(last.ident.clone()),
        Some(last) => Err(syn::Error::new_spanned(
            &last.arguments,
            "an actor type has no generic parameters: it is found by its name; wrap this in a \
             struct of its own",
        )),
        None => Err(syn::Error::new_spanned(
            &block.self_ty,
            "an actor is a struct or an enum of its own",
        )),
    }
}

/// How a function became a handler.
struct Mark {
    internal: bool,
}

impl Mark {
    /// Takes the `#[handler]` attributes off the method and reads them.
    fn take(method: &mut ImplItemFn) -> syn::Result<Option<Self>> {
        let (marks, rest) =
            std::mem::take(&mut method.attrs).into_iter().partition::<Vec<_>, _>(is_mark);
        method.attrs = rest;
        let Some(first) = marks.first() else {
            return Ok(None);
        };
        if let Some(second) = marks.get(1) {
            return Err(syn::Error::new_spanned(second, "`#[handler]` is given twice"));
        }
        let mut mark = Self { internal: !matches!(method.vis, Visibility::Public(_)) };
        if !matches!(first.meta, syn::Meta::Path(_)) {
            first.parse_nested_meta(|meta| mark.set(&meta))?;
        }
        if method.sig.receiver().is_none() {
            return Err(syn::Error::new_spanned(
                &method.sig.ident,
                "a handler takes `&self` or `&mut self`",
            ));
        }
        Ok(Some(mark))
    }

    fn set(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("internal") {
            self.internal = true;
            return Ok(());
        }
        if meta.path.is_ident("persist") {
            return Err(meta.error(
                "`persist` of one handler is not available yet: it is for `write_behind` types",
            ));
        }
        Err(meta.error("#[handler] has the option `internal`"))
    }

    /// A `pub` method needs no mark.
    fn of_unmarked(method: &ImplItemFn) -> Option<Self> {
        let public = matches!(method.vis, Visibility::Public(_));
        (public && method.sig.receiver().is_some()).then_some(Self { internal: false })
    }
}

fn is_mark(attribute: &Attribute) -> bool {
    attribute.path().is_ident("handler")
}

/// `#[handler]` on something that is no function.
fn refuse_mark(item: &mut ImplItem, report: &mut Report) {
    let attributes = match item {
        ImplItem::Const(item) => &mut item.attrs,
        ImplItem::Type(item) => &mut item.attrs,
        ImplItem::Macro(item) => &mut item.attrs,
        _ => return,
    };
    attributes.retain(|attribute| {
        let mark = is_mark(attribute);
        if mark {
            report.add(syn::Error::new_spanned(attribute, "a handler is a method"));
        }
        !mark
    });
}

fn handler(
    method: &ImplItemFn,
    mark: &Mark,
    stem: &Ident,
    ty: &TokenStream,
    report: &mut Report,
) -> Option<Handler> {
    let sig = &method.sig;
    let receiver = report.keep(check::signature(sig));
    let inputs = argument::inputs(sig, stem, ty, report);
    let reply = report.keep(reply(sig, ty));
    let (receiver_mut, Inputs { context, arguments }, reply) = (receiver?, inputs?, reply?);
    let name = sig.ident.unraw().to_string();
    let mut message = format_ident!("{}{}", stem.unraw(), case::camel(&name));
    message.set_span(crate::root::at(sig.ident.span()));
    Some(Handler {
        ident: sig.ident.clone(),
        name,
        vis: method.vis.clone(),
        cfgs: attributes(&method.attrs, "cfg"),
        docs: attributes(&method.attrs, "doc"),
        deprecated: attributes(&method.attrs, "deprecated"),
        message,
        exclusive: receiver_mut || context == Some(true),
        takes_context: context.is_some(),
        is_async: sig.asyncness.is_some(),
        may_suspend: sig.asyncness.is_some() && suspend::may_suspend(method),
        internal: mark.internal,
        arguments,
        reply,
    })
}

fn reply(sig: &Signature, ty: &TokenStream) -> syn::Result<Reply> {
    let ReturnType::Type(_, returned) = &sig.output else {
        return Ok(Reply::Unit);
    };
    if let Type::Tuple(tuple) = &**returned
        && tuple.elems.is_empty()
    {
        return Ok(Reply::Unit);
    }
    check::reply_type(returned)?;
    let span = returned.span();
    let is_result = match &**returned {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Result"),
        _ => false,
    };
    let written = argument::with_self_named(returned.to_token_stream(), ty);
    Ok(if is_result { Reply::Result(written, span) } else { Reply::Value(written, span) })
}

fn attributes(all: &[Attribute], name: &str) -> Vec<Attribute> {
    all.iter().filter(|attribute| attribute.path().is_ident(name)).cloned().collect()
}
