//! Reads the parameters of a handler: its context and its arguments.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{FnArg, GenericArgument, Pat, PatType, PathArguments, PathSegment, Signature, Type};

use super::check;
use super::model::Argument;
use crate::report::Report;

/// What follows `self`.
pub(super) struct Inputs {
    /// Whether there is a context, and whether it is `&mut`.
    pub(super) context: Option<bool>,
    pub(super) arguments: Vec<Argument>,
}

/// Reads what follows `self`; `None` when something is wrong.
pub(super) fn inputs(
    sig: &Signature,
    stem: &Ident,
    ty: &TokenStream,
    report: &mut Report,
) -> Option<Inputs> {
    let mut context = None;
    let mut arguments = Vec::new();
    let mut all_good = true;
    for (position, input) in sig.inputs.iter().enumerate() {
        let FnArg::Typed(input) = input else { continue };
        let read = match (find_context(&input.ty, stem), position) {
            (None, _) => report.keep(argument(input, ty)).map(|it| arguments.push(it)),
            (Some(Found::Borrowed { mutable }), 1) => {
                context = Some(mutable);
                Some(())
            }
            (Some(Found::Borrowed { .. }), _) => {
                report.add(syn::Error::new_spanned(
                    input,
                    "the context goes right after `self`, before the arguments",
                ));
                None
            }
            (Some(Found::Owned), _) => {
                report.add(syn::Error::new_spanned(
                    &input.ty,
                    "the context is borrowed: write `cx: &mut Context<Self>`, or \
                     `cx: &Context<Self>` in a handler that only reads, right after `self`",
                ));
                None
            }
        };
        all_good &= read.is_some();
    }
    all_good.then_some(Inputs { context, arguments })
}

enum Found {
    Borrowed { mutable: bool },
    Owned,
}

/// Recognises a context by its name: a macro does not see what a name stands for.
fn find_context(ty: &Type, stem: &Ident) -> Option<Found> {
    match ty {
        Type::Reference(reference) => {
            last_segment(&reference.elem).filter(|last| last.ident == "Context")?;
            let mutable = reference.mutability.is_some();
            Some(Found::Borrowed { mutable })
        }
        // By value, somebody's own type may be called `Context`.
        Type::Path(_) => last_segment(ty)
            .filter(|last| last.ident == "Context" && is_of_this_actor(last, stem))
            .map(|_| Found::Owned),
        _ => None,
    }
}

fn is_of_this_actor(context: &PathSegment, stem: &Ident) -> bool {
    let PathArguments::AngleBracketed(arguments) = &context.arguments else {
        return false;
    };
    arguments.args.iter().any(|argument| match argument {
        GenericArgument::Type(ty) => {
            last_segment(ty).is_some_and(|last| last.ident == "Self" || last.ident == *stem)
        }
        _ => false,
    })
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn argument(input: &PatType, ty: &TokenStream) -> syn::Result<Argument> {
    check::argument_attributes(&input.attrs)?;
    let ident = match &*input.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.clone(),
        Pat::Wild(_) => {
            return Err(syn::Error::new_spanned(
                &input.pat,
                "an argument has a name: callers write it; `_name` is fine",
            ));
        }
        _ => {
            return Err(syn::Error::new_spanned(
                &input.pat,
                "an argument is a plain name, callers write it; take it apart in the body",
            ));
        }
    };
    check::argument_type(&input.ty)?;
    Ok(Argument {
        name: ident.unraw().to_string(),
        ident,
        scalar: is_scalar(&input.ty),
        optional: last_segment(&input.ty).is_some_and(|last| last.ident == "Option"),
        span: input.ty.span(),
        ty: with_self_named(input.ty.to_token_stream(), ty),
    })
}

const SCALARS: [&str; 16] = [
    "bool", "char", "String", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
    "u64", "u128", "usize", "f64",
];

/// Whether the type is by its name a number, text, a truth value, or an `Option` of one.
fn is_scalar(ty: &Type) -> bool {
    let Some(last) = last_segment(ty) else {
        return false;
    };
    match &last.arguments {
        PathArguments::None => SCALARS.iter().any(|it| last.ident == it) || last.ident == "f32",
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => {
            match arguments.args.first() {
                Some(GenericArgument::Type(inner)) => is_scalar(inner),
                _ => false,
            }
        }
        _ => false,
    }
}

/// `tokens` with the actor's type instead of `Self`, which means something else beside the block.
pub(super) fn with_self_named(tokens: TokenStream, ty: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => ty
                .clone()
                .into_iter()
                .map(|mut token| {
                    token.set_span(ident.span());
                    token
                })
                .collect(),
            TokenTree::Group(group) => {
                let inner = with_self_named(group.stream(), ty);
                let mut named = Group::new(group.delimiter(), inner);
                named.set_span(group.span());
                TokenStream::from(TokenTree::Group(named))
            }
            other => TokenStream::from(other),
        })
        .collect()
}
