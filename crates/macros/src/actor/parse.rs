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
use super::mark::{self, Mark};
use super::model::{Handler, Model, Reply};
use super::options::{Options, check_type_name};
use super::{check, events, hooks, suspend, upgrade};
use crate::case;
use crate::report::Report;

/// Understands the block and takes `#[handler]` and its like off; `None` if nothing can be made of
/// it.
pub(super) fn model(block: &mut ItemImpl, options: Options, report: &mut Report) -> Option<Model> {
    let stem = report.keep(actor_type(block))?;
    if options.name.is_none()
        && let Err(what) = check_type_name(&case::snake(&stem.unraw().to_string()))
    {
        report.error(stem.span(), format!("{what}; name the type with #[actor(name = \"..\")]"));
        return None;
    }
    let ty = block.self_ty.to_token_stream();
    let mut has_handlers = false;
    let (mut handlers, mut upgrades, mut apply) = (Vec::new(), Vec::new(), None);
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else {
            mark::refuse_elsewhere(item, report);
            continue;
        };
        let mark = report.keep(Mark::take(method)).flatten();
        if options.persist.is_event_sourced() && method.sig.ident == "apply" {
            if mark.is_some() {
                report.error(method.sig.ident.span(), events::NO_HANDLER);
            }
            apply = Some(&*method);
            continue;
        }
        match mark.or_else(|| Mark::of_unmarked(method)) {
            None => {}
            Some(Mark::Upgrade { from, span }) => {
                upgrades.extend(report.keep(upgrade::read(method, from, span, &ty)));
            }
            Some(mark) => {
                has_handlers |= matches!(mark, Mark::Handler { .. });
                handlers.extend(handler(method, &mark, &stem, &ty, &options, report));
            }
        }
    }
    let apply = events::apply(apply, &options, &stem, report);
    let upgrades = upgrade::chain(upgrades, &options, report);
    hooks::refuse_twins(&mut handlers, report);
    if !has_handlers {
        report.error(
            block.self_ty.span(),
            format!(
                "an actor without a handler can do nothing; make a method of `{stem}` that takes \
                 `&self` or `&mut self` `pub`, or mark a private one with #[handler]"
            ),
        );
    }
    check::messages(&mut handlers, report);
    let cfgs = attributes(&block.attrs, "cfg");
    Some(Model { options, ty, stem, cfgs, handlers, apply, upgrades })
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

fn handler(
    method: &ImplItemFn,
    mark: &Mark,
    stem: &Ident,
    ty: &TokenStream,
    options: &Options,
    report: &mut Report,
) -> Option<Handler> {
    let sig = &method.sig;
    let receiver = report.keep(check::signature(sig));
    let inputs = argument::inputs(sig, stem, ty, report);
    let reply = report.keep(reply(sig, ty));
    let (receiver_mut, Inputs { context, arguments }, reply) = (receiver?, inputs?, reply?);
    let context_mut = context == Some(true);
    let access = report.keep(check::access(sig, receiver_mut, context_mut, options))?;
    let (hook, internal, durable) = match *mark {
        Mark::Handler { internal, durable } => {
            report.keep(check::durable(durable, options.persist));
            (None, internal, durable.is_some())
        }
        Mark::Hook(hook) => (Some(hook), true, false),
        Mark::Upgrade { .. } => return None,
    };
    // Whatever is written on it: nobody outside of this module calls a hook.
    let vis = if hook.is_none() { method.vis.clone() } else { Visibility::Inherited };
    let name = sig.ident.unraw().to_string();
    let mut message = format_ident!("{}{}", stem.unraw(), case::camel(&name));
    message.set_span(crate::root::at(sig.ident.span()));
    let handler = Handler {
        ident: sig.ident.clone(),
        name,
        vis,
        cfgs: attributes(&method.attrs, "cfg"),
        docs: attributes(&method.attrs, "doc"),
        deprecated: attributes(&method.attrs, "deprecated"),
        message,
        access,
        hook,
        durable,
        takes_context: context.is_some(),
        is_async: sig.asyncness.is_some(),
        may_suspend: sig.asyncness.is_some() && suspend::may_suspend(method),
        internal,
        arguments,
        reply,
    };
    report.keep(hooks::check(&handler))?;
    Some(handler)
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
