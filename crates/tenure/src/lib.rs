//! Stateful services made ordinary: write an *actor*, a struct with methods, and Tenure keeps
//! exactly one live copy of each in memory, routes every call to it, and saves its state before
//! the reply.

#[allow(
    unused_extern_crates,
    reason = "what the macros write names `::tenure`, in this crate too"
)]
extern crate self as tenure;

pub use tenure_actor::{Actor, ActorRef, AppError, Call, Context, Handler, IntoKey, Message};
pub use tenure_macros::{actor, data, error};
pub use tenure_types::{ActorId, CallError, CallErrorCode, Key, Outcome};

/// What most programs need: `use tenure::prelude::*;`.
pub mod prelude {
    pub use tenure_actor::{Actor, Context};
    pub use tenure_macros::actor;
    pub use tenure_types::{CallError, Key};
}

/// What the macros' output names. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use serde;
    pub use serde_json;
    pub use tenure_actor::*;
    pub use tenure_types::Key;
}
