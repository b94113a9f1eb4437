//! What the block says, once it is understood.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Visibility};

use super::options::Options;

/// An actor type.
pub(super) struct Model {
    pub(super) options: Options,
    /// The type as the block names it.
    pub(super) ty: TokenStream,
    /// Its last name, the stem of the names of all items beside it.
    pub(super) stem: Ident,
    /// `#[cfg]` of the block, for every item beside it.
    pub(super) cfgs: Vec<Attribute>,
    pub(super) handlers: Vec<Handler>,
    /// What applies events, in an event-sourced type.
    pub(super) apply: Option<Ident>,
    /// The steps from older schemas, in order.
    pub(super) upgrades: Vec<Upgrade>,
}

/// One handler method.
pub(super) struct Handler {
    pub(super) ident: Ident,
    /// The method's name without `r#`.
    pub(super) name: String,
    /// Of the method, and of its message and its method of the typed reference.
    pub(super) vis: Visibility,
    pub(super) cfgs: Vec<Attribute>,
    pub(super) docs: Vec<Attribute>,
    pub(super) deprecated: Vec<Attribute>,
    /// The message's name.
    pub(super) message: Ident,
    pub(super) access: Access,
    /// When it runs by itself; it is then no part of the typed reference.
    pub(super) hook: Option<Hook>,
    /// Its reply waits for the store, whatever the type's mode.
    pub(super) durable: bool,
    pub(super) takes_context: bool,
    pub(super) is_async: bool,
    pub(super) may_suspend: bool,
    /// Kept off HTTP.
    pub(super) internal: bool,
    pub(super) arguments: Vec<Argument>,
    pub(super) reply: Reply,
}

/// How a turn holds the state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Exclusive,
    Shared,
    /// Reads the state and records events.
    Commanding,
}

/// When a method runs by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    /// First in every activation.
    Activate,
    /// Last in an activation that leaves memory in order.
    Deactivate,
    /// When a client wants to follow the actor's events.
    Attach,
    /// When a client follows them no more.
    Detach,
}

impl Hook {
    /// Whether it is told of a client.
    pub(super) fn takes_peer(self) -> bool {
        matches!(self, Hook::Attach | Hook::Detach)
    }

    /// The word that is written on the method, and the field of `Hooks`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Hook::Activate => "activate",
            Hook::Deactivate => "deactivate",
            Hook::Attach => "attach",
            Hook::Detach => "detach",
        }
    }
}

/// One step from an older schema.
pub(super) struct Upgrade {
    pub(super) ident: Ident,
    /// The schema that it reads.
    pub(super) from: u32,
    pub(super) from_span: Span,
    /// The state of that schema.
    pub(super) old: TokenStream,
    pub(super) old_span: Span,
    /// The state that it gives, where that is not the present one.
    pub(super) gives: Option<String>,
}

/// One argument of a handler.
pub(super) struct Argument {
    pub(super) ident: Ident,
    /// Its name without `r#`.
    pub(super) name: String,
    /// Its type, `Self` written out.
    pub(super) ty: TokenStream,
    /// Where the type is written.
    pub(super) span: Span,
    /// Whether it is a number, text, a truth value, or an `Option` of one.
    pub(super) scalar: bool,
    /// Whether it is an `Option`.
    pub(super) optional: bool,
}

/// What a handler returns.
pub(super) enum Reply {
    /// Nothing.
    Unit,
    /// A value of this type.
    Value(TokenStream, Span),
    /// Something called `Result`.
    Result(TokenStream, Span),
}

impl Model {
    /// `::tenure::__private`.
    pub(super) fn private(&self) -> TokenStream {
        self.options.root.private()
    }

    /// `#[cfg]` of the block.
    pub(super) fn cfgs(&self) -> TokenStream {
        let cfgs = &self.cfgs;
        quote!(#(#cfgs)*)
    }
}
