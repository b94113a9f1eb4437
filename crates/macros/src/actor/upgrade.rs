//! `#[upgrade(from = 1)]`: the chain from older schemas to the present one.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, ImplItemFn, ReturnType, Type};

use super::argument::with_self_named;
use super::model::Upgrade;
use super::options::Options;
use crate::report::Report;
use crate::root::at;

const SHAPE: &str = "an upgrade makes the state of an older one and cannot fail: write \
                     `fn upgrade_1(old: CounterV1) -> Self`";

/// Reads the function behind `#[upgrade(from = ..)]`.
pub(super) fn read(
    method: &ImplItemFn,
    from: u32,
    from_span: Span,
    ty: &TokenStream,
) -> syn::Result<Upgrade> {
    let sig = &method.sig;
    let wrong = |what: &str| syn::Error::new_spanned(&sig.ident, what);
    if let Some(cfg) = method.attrs.iter().find(|it| it.path().is_ident("cfg")) {
        return Err(syn::Error::new_spanned(
            cfg,
            "old records are read by every build: an upgrade is always there",
        ));
    }
    let plain = sig.asyncness.is_none()
        && sig.abi.is_none()
        && sig.generics.params.is_empty()
        && sig.inputs.len() == 1;
    let (Some(FnArg::Typed(old)), ReturnType::Type(_, gives), true) =
        (sig.inputs.first(), &sig.output, plain)
    else {
        return Err(wrong(SHAPE));
    };
    if matches!(&*old.ty, Type::Reference(_)) || is_result(gives) {
        return Err(wrong(SHAPE));
    }
    let written = gives.to_token_stream().to_string();
    let present = written == "Self" || written == ty.to_string();
    Ok(Upgrade {
        ident: sig.ident.clone(),
        from,
        from_span,
        old: with_self_named(old.ty.to_token_stream(), ty),
        old_span: old.ty.span(),
        gives: (!present).then_some(written),
    })
}

fn is_result(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Result"),
        _ => false,
    }
}

/// Puts the steps in order and refuses a chain that does not lead to the present schema.
pub(super) fn chain(
    mut upgrades: Vec<Upgrade>,
    options: &Options,
    report: &mut Report,
) -> Vec<Upgrade> {
    upgrades.sort_by_key(|upgrade| upgrade.from);
    let Some(first) = upgrades.first() else {
        return upgrades;
    };
    if options.persist.is_volatile() {
        report.error(
            first.from_span,
            "a volatile actor has no stored form: there is nothing to upgrade",
        );
        return Vec::new();
    }
    let schema = options.schema.unwrap_or(1);
    let mut good = true;
    let mut refuse = |span: Span, what: String| {
        report.error(span, what);
        good = false;
    };
    for (at, upgrade) in upgrades.iter().enumerate() {
        let (from, name) = (upgrade.from, &upgrade.ident);
        let next = upgrades.get(at + 1);
        if from >= schema {
            refuse(
                upgrade.from_span,
                format!(
                    "`{name}` reads schema {from}, and the type's own is {schema}; write \
                     #[actor(schema = {})]",
                    from.saturating_add(1)
                ),
            );
        } else if next.is_some_and(|next| next.from == from) {
            refuse(upgrade.from_span, format!("schema {from} is upgraded twice"));
        } else if let Some(missing) = missing(from, next, schema) {
            refuse(
                upgrade.from_span,
                format!(
                    "the chain has a gap: nothing upgrades schema {missing}; write a function with \
                     #[upgrade(from = {missing})]"
                ),
            );
        } else if from + 1 == schema
            && let Some(gives) = &upgrade.gives
        {
            refuse(
                name.span(),
                format!(
                    "`{name}` is the last step, from schema {from} to {schema}: it gives `Self`, \
                     not `{gives}`"
                ),
            );
        }
    }
    if good { upgrades } else { Vec::new() }
}

/// The first schema after `from` that is not the present one and has no step.
fn missing(from: u32, next: Option<&Upgrade>, schema: u32) -> Option<u32> {
    let following = next.map_or(schema, |next| next.from);
    (from + 1 < following).then_some(from + 1)
}

/// Reads records of older schemas: statements at the beginning of `Actor::decode`.
pub(super) fn emit(upgrades: &[Upgrade], private: &TokenStream, ty: &TokenStream) -> TokenStream {
    let arms = upgrades.iter().enumerate().map(|(at_step, upgrade)| {
        let (from, old) = (upgrade.from, &upgrade.old);
        let steps = steps(&upgrades[at_step..]).map(|step| {
            let ident = &step.ident;
            quote_spanned!(at(step.old_span)=> let state = <#ty>::#ident(state);)
        });
        quote! {
            #from => {
                let state = <#private::Require<#old>>::decode(codec, body)?;
                #(#steps)*
                return ::core::result::Result::Ok(state);
            }
        }
    });
    if upgrades.is_empty() {
        return TokenStream::new();
    }
    quote! {
        match schema {
            #(#arms)*
            _ => {}
        }
    }
}

/// The steps from the first one to the one that gives the present state.
fn steps(upgrades: &[Upgrade]) -> impl Iterator<Item = &Upgrade> {
    let last = upgrades.iter().position(|step| step.gives.is_none());
    upgrades.iter().take(last.map_or(upgrades.len(), |last| last + 1))
}
