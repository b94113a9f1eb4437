//! What the block says, once it is understood.

use proc_macro2::{Ident, Span, TokenStream};
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
    pub(super) exclusive: bool,
    pub(super) takes_context: bool,
    pub(super) is_async: bool,
    pub(super) may_suspend: bool,
    /// Kept off HTTP.
    pub(super) internal: bool,
    pub(super) arguments: Vec<Argument>,
    pub(super) reply: Reply,
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
}
