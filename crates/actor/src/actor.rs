use std::sync::Arc;
use std::time::Duration;

use tenure_types::actor_hash;

use crate::host::HostHandle;
use crate::{ActorRef, CodecError, IntoKey, Method, Origin, State, Target, TypeSlot};

/// When an actor's state is saved, seen from the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Persist {
    /// Never: state lives as long as its activation.
    Volatile,
    /// Before the reply: what a caller was told is durable.
    WriteThrough,
}

impl Persist {
    /// Whether replies wait for the store.
    #[must_use]
    pub const fn is_durable(self) -> bool {
        matches!(self, Persist::WriteThrough)
    }

    /// The word used in configuration, metrics and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Persist::Volatile => "volatile",
            Persist::WriteThrough => "write_through",
        }
    }
}

/// A struct that Tenure keeps one live copy of for each key. `#[actor]` on its `impl` block writes
/// this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no actor",
    label = "no actor",
    note = "write #[actor] on the `impl` block that has its handlers"
)]
pub trait Actor: Send + Sync + Sized + 'static {
    /// The type's name for users, stores and peers: `snake_case`.
    const TYPE: &'static str;
    /// When its state is saved.
    const PERSIST: Persist;
    /// The version of the stored form of its state.
    const SCHEMA: u32 = 1;
    /// How long an activation may be idle before it leaves memory; `None`: the node's default.
    const IDLE_AFTER: Option<Duration> = None;
    /// How many calls may wait for their turn; `None`: the node's default.
    const MAILBOX_LEN_MAX: Option<usize> = None;
    /// The typed reference, with one method for each handler.
    type Ref: From<ActorRef<Self>> + Send + Sync + 'static;

    /// The state of an actor that was never stored.
    fn create() -> Self;

    /// Appends the state's stored form to `out`. Only called where [`Actor::PERSIST`] is durable.
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value; the turn is then rolled back.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a stored state.
    ///
    /// # Errors
    /// [`CodecError`] when it was written by code this code cannot follow; the record stays as it
    /// is.
    fn decode(schema: u32, codec: u8, body: &[u8]) -> Result<Self, CodecError>;

    /// What can be called from outside, in the order of the source.
    fn methods() -> &'static [Method];

    /// The number of this type in this process.
    fn slot() -> &'static TypeSlot;
}

impl<A: Actor> State for A {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        Actor::encode(self, out)
    }
}

impl<A: Actor> ActorRef<A> {
    /// A reference to the actor of type `A` with this key.
    ///
    /// A key that breaks the rule for keys is told by every call, as `BadRequest`.
    #[inline]
    pub fn new(host: &HostHandle, key: impl IntoKey) -> Self {
        Self::from_turn(host, key, None)
    }

    #[inline]
    pub(crate) fn from_turn(
        host: &HostHandle,
        key: impl IntoKey,
        origin: Option<Arc<Origin>>,
    ) -> Self {
        let target = key.into_key().map(|key| Target {
            slot: A::slot().index(),
            hash: actor_hash(A::TYPE, &key),
            type_name: A::TYPE,
            key,
        });
        Self::to(host.clone(), target, origin)
    }
}
