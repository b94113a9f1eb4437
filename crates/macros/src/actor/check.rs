//! What a handler cannot be, told where it is written and with what to write instead.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Lifetime, ReceiverKind, Safety, Signature, Type, TypeImplTrait, TypeReference,
};

use super::model::{Access, Handler};
use super::options::Options;
use super::persist::Persist;
use crate::report::Report;

const OR_KEEP_IT_PLAIN: &str =
    "or leave `pub` off (`pub(crate)` is fine) to keep it a plain method";

/// Checks everything of a signature but its types; tells whether `self` is borrowed mutably.
pub(super) fn signature(sig: &Signature) -> syn::Result<bool> {
    name(sig)?;
    if !matches!(sig.safety, Safety::Default) {
        return Err(syn::Error::new_spanned(
            &sig.safety,
            format!(
                "callers far away can keep no safety rule: a handler is safe; {OR_KEEP_IT_PLAIN}"
            ),
        ));
    }
    if let Some(abi) = &sig.abi {
        return Err(syn::Error::new_spanned(
            abi,
            format!("a handler is a plain Rust function; {OR_KEEP_IT_PLAIN}"),
        ));
    }
    if !sig.generics.params.is_empty() || sig.generics.where_clause.is_some() {
        let at = sig
            .generics
            .where_clause
            .as_ref()
            .map_or_else(|| sig.generics.params.span(), Spanned::span);
        return Err(syn::Error::new(
            at,
            format!(
                "a handler has no generic or lifetime parameters: its message is one type; \
                 {OR_KEEP_IT_PLAIN}"
            ),
        ));
    }
    receiver(sig)
}

/// How the turn holds the state; event-sourced types change it nowhere but in `apply`.
pub(super) fn access(
    sig: &Signature,
    receiver_mut: bool,
    context_mut: bool,
    options: &Options,
) -> syn::Result<Access> {
    match (options.persist.is_event_sourced(), receiver_mut) {
        (true, true) => Err(syn::Error::new_spanned(
            sig.receiver().expect("only methods with a receiver are handlers"),
            format!(
                "an event_sourced actor changes in `apply` alone: take `&self` and \
                 `cx: &mut Context<Self>`, and record what happens with `cx.record(..)`; \
                 {OR_KEEP_IT_PLAIN}"
            ),
        )),
        (true, false) if context_mut => Ok(Access::Commanding),
        (false, _) if receiver_mut || context_mut => Ok(Access::Exclusive),
        _ => Ok(Access::Shared),
    }
}

/// Refuses `persist = write_through` on a handler of a type that has no use for it.
pub(super) fn durable(durable: Option<Span>, persist: Persist) -> syn::Result<()> {
    let Some(span) = durable.filter(|_| !persist.is_write_behind()) else {
        return Ok(());
    };
    let what = if persist.is_volatile() {
        "nothing of a volatile type is stored; persist the type, as with \
         #[actor(persist = write_behind)]"
            .to_owned()
    } else {
        format!(
            "the replies of a type that is `{}` wait for the store already; leave this out, or make \
             the type #[actor(persist = write_behind)]",
            persist.word()
        )
    };
    Err(syn::Error::new(span, what))
}

fn receiver(sig: &Signature) -> syn::Result<bool> {
    let receiver = sig.receiver().expect("only methods with a receiver are handlers");
    match &receiver.kind {
        ReceiverKind::Reference(_, None, mutability) => return Ok(mutability.is_some()),
        ReceiverKind::Typed(_, ty) => {
            if let Type::Reference(TypeReference { lifetime: None, mutability, elem, .. }) = &**ty
                && matches!(&**elem, Type::Path(path) if path.path.is_ident("Self"))
            {
                return Ok(mutability.is_some());
            }
        }
        _ => {}
    }
    Err(syn::Error::new_spanned(
        receiver,
        format!("a handler borrows its actor: take `&self` or `&mut self`; {OR_KEEP_IT_PLAIN}"),
    ))
}

fn name(sig: &Signature) -> syn::Result<()> {
    let name = sig.ident.to_string();
    let why = match name.trim_start_matches("r#") {
        "events" => "is the address of an actor's events",
        "send" => "is how a call is made one way",
        "key" => "is how a typed reference tells its key",
        "clone" => "is how a typed reference is copied",
        "ref" => "would give its message the name of the typed reference",
        name if name.starts_with('_') => "begins with `_`, as what Tenure keeps for itself",
        _ => return Ok(()),
    };
    Err(syn::Error::new_spanned(
        &sig.ident,
        format!(
            "a handler cannot be called `{name}`: that {why}; choose another name, {OR_KEEP_IT_PLAIN}"
        ),
    ))
}

/// Refuses attributes that would have to act on the message's field.
pub(super) fn argument_attributes(attributes: &[Attribute]) -> syn::Result<()> {
    for attribute in attributes {
        if attribute.path().is_ident("serde") {
            return Err(syn::Error::new_spanned(
                attribute,
                "an argument takes no serde attributes; an `Option` may be left out by callers, \
                 and a struct of your own may say more",
            ));
        }
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            return Err(syn::Error::new_spanned(
                attribute,
                "an argument is always there; put `#[cfg]` on the whole method",
            ));
        }
    }
    Ok(())
}

/// Refuses arguments that are borrowed or of an unnamed type.
pub(super) fn argument_type(ty: &Type) -> syn::Result<()> {
    owned(ty, |reference| match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => {
            "an argument is owned, it may come from another machine; take `String`".to_owned()
        }
        Type::Slice(_) => {
            "an argument is owned, it may come from another machine; take a `Vec`".to_owned()
        }
        _ => "an argument is owned, it may come from another machine; take it by value".to_owned(),
    })
}

/// Refuses replies that are borrowed or of an unnamed type.
pub(super) fn reply_type(ty: &Type) -> syn::Result<()> {
    owned(ty, |reference| match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => {
            "a reply outlives the turn, so it cannot borrow from the actor; return `String`"
                .to_owned()
        }
        _ => "a reply outlives the turn, so it cannot borrow from the actor; return an owned value"
            .to_owned(),
    })
}

fn owned(ty: &Type, borrowed: impl Fn(&TypeReference) -> String) -> syn::Result<()> {
    let mut search = Search::default();
    search.visit_type(ty);
    if let Some(reference) = search.reference {
        return Err(syn::Error::new_spanned(reference, borrowed(reference)));
    }
    if let Some(unnamed) = search.unnamed {
        return Err(syn::Error::new_spanned(
            unnamed,
            format!(
                "`impl Trait` has no name that a message could carry; write the type; {OR_KEEP_IT_PLAIN}"
            ),
        ));
    }
    if let Some(lifetime) = search.lifetime {
        return Err(syn::Error::new_spanned(
            lifetime,
            "what a handler takes and gives is owned; use a type without lifetimes",
        ));
    }
    Ok(())
}

/// The first thing in a type that is not owned.
#[derive(Default)]
struct Search<'t> {
    reference: Option<&'t TypeReference>,
    unnamed: Option<&'t TypeImplTrait>,
    lifetime: Option<&'t Lifetime>,
}

impl<'t> Visit<'t> for Search<'t> {
    fn visit_type_reference(&mut self, reference: &'t TypeReference) {
        self.reference.get_or_insert(reference);
    }

    fn visit_type_impl_trait(&mut self, unnamed: &'t TypeImplTrait) {
        self.unnamed.get_or_insert(unnamed);
    }

    fn visit_lifetime(&mut self, lifetime: &'t Lifetime) {
        if lifetime.ident != "static" {
            self.lifetime.get_or_insert(lifetime);
        }
    }

    fn visit_type_fn_ptr(&mut self, _: &'t syn::TypeFnPtr) {}

    fn visit_type(&mut self, ty: &'t Type) {
        visit::visit_type(self, ty);
    }
}

/// Refuses handlers whose messages would have one name; the first one stays.
pub(super) fn messages(handlers: &mut Vec<Handler>, report: &mut Report) {
    let mut kept: Vec<Handler> = Vec::with_capacity(handlers.len());
    for handler in handlers.drain(..) {
        let twin = kept.iter().find(|other| other.message == handler.message);
        match twin {
            // Two methods of one name are either told apart by `#[cfg]` or rustc's to refuse.
            Some(twin) if twin.name != handler.name => report.error(
                handler.ident.span(),
                format!(
                    "the messages of `{}` and `{}` would both be called `{}`; rename one",
                    twin.name, handler.name, handler.message
                ),
            ),
            _ => kept.push(handler),
        }
    }
    *handlers = kept;
}
