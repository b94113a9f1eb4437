use std::sync::Arc;
use std::time::Duration;

use tenure_types::actor_hash;

use crate::host::HostHandle;
use crate::{
    ActorRef, CodecError, DataTypes, Event, IntoKey, Method, Origin, Persist, State, Target,
    TypeSchema, TypeSlot,
};

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
    /// What it publishes or, if it is event-sourced, what its state follows from;
    /// [`NoEvent`](crate::NoEvent) if it has no events.
    type Event: Event;
    /// The typed reference, with one method for each handler.
    type Ref: From<ActorRef<Self>> + Send + Sync + 'static;

    /// The state of an actor that was never stored.
    fn create() -> Self;

    /// Changes the state as `event` says. Only called where the actor is event-sourced.
    fn apply(&mut self, event: &Self::Event) {
        let _ = event;
        unreachable!("only event-sourced actors apply events");
    }

    /// Appends the state's stored form to `out`. Only called where the actor is stored.
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

    /// Appends the stored form of an event to `out`. Only called where the actor has events.
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value; the turn is then rolled back.
    fn encode_event(event: &Self::Event, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let _ = (event, out);
        Err(CodecError::new("this type has no events"))
    }

    /// Reads a stored event.
    ///
    /// # Errors
    /// [`CodecError`] when it was written by code this code cannot follow.
    fn decode_event(codec: u8, body: &[u8]) -> Result<Self::Event, CodecError> {
        let _ = (codec, body);
        Err(CodecError::new("this type has no events"))
    }

    /// A stored event as clients read it: as JSON.
    ///
    /// # Errors
    /// [`CodecError`] when it was written by code this code cannot follow, or cannot be written as
    /// JSON.
    fn event_json(codec: u8, body: &[u8]) -> Result<Vec<u8>, CodecError> {
        let _ = (codec, body);
        Err(CodecError::new("this type has no events"))
    }

    /// What can be called, in the order of the source, internal ones included.
    fn methods() -> &'static [Method];

    /// What its state and its events look like.
    fn data() -> DataTypes {
        DataTypes { state: Some(TypeSchema::unknown::<Self>()), event: None, upgrades: &[] }
    }

    /// The methods that run when an activation begins and before it leaves memory.
    fn hooks() -> Hooks {
        Hooks::default()
    }

    /// The number of this type in this process.
    fn slot() -> &'static TypeSlot;
}

/// Which methods run by themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks {
    /// The first turn of every activation: `#[activate]`.
    pub activate: Option<&'static Method>,
    /// The last turn of an activation that leaves memory in order: `#[deactivate]`. A crash, a
    /// panic and a lost store skip it.
    pub deactivate: Option<&'static Method>,
    /// Lets a client follow the actor's events, or refuses it, and gives it what it begins with:
    /// `#[attach]`. Its argument is a [`Peer`](crate::Peer).
    pub attach: Option<&'static Method>,
    /// A client follows no more: `#[detach]`, with the same [`Peer`](crate::Peer). A crash skips it.
    pub detach: Option<&'static Method>,
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
