use std::any::TypeId;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tenure_types::{ActorTypeName, TypeNameError};

use crate::{ActorRef, CodecError, Method, State};

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

/// A number for each actor type of the process, handed out at first use.
///
/// It finds a type's table entry without hashing; it means nothing outside the process.
#[derive(Debug)]
pub struct TypeSlot(AtomicU32);

static NEXT_SLOT: AtomicU32 = AtomicU32::new(1);

impl TypeSlot {
    /// A slot that has no number yet.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "only made in a static, by the macro"
    )]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The number, from 1.
    pub fn index(&self) -> u32 {
        match self.0.load(Ordering::Relaxed) {
            0 => self.assign(),
            index => index,
        }
    }

    #[cold]
    fn assign(&self) -> u32 {
        let fresh = NEXT_SLOT.fetch_add(1, Ordering::Relaxed);
        match self
            .0
            .compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => fresh,
            Err(theirs) => theirs,
        }
    }
}

/// An actor type as a runtime sees it: its name, its rules and the functions that make its state.
#[derive(Clone, Debug)]
pub struct ActorType {
    /// The type's name.
    pub name: ActorTypeName,
    /// The number of the type in this process.
    pub slot: u32,
    /// The Rust type, to tell two types of one name apart.
    pub type_id: TypeId,
    /// The Rust type's name, for messages.
    pub rust_name: &'static str,
    /// When its state is saved.
    pub persist: Persist,
    /// The version of its stored form.
    pub schema: u32,
    /// See [`Actor::IDLE_AFTER`].
    pub idle_after: Option<Duration>,
    /// See [`Actor::MAILBOX_LEN_MAX`].
    pub mailbox_len_max: Option<usize>,
    /// Bytes of the struct itself.
    pub state_bytes: usize,
    /// Makes the state of an actor that was never stored.
    pub create: fn() -> Box<dyn State>,
    /// Reads a stored state.
    pub decode: fn(u32, u8, &[u8]) -> Result<Box<dyn State>, CodecError>,
    /// What can be called from outside.
    pub methods: &'static [Method],
}

impl ActorType {
    /// Describes `A`.
    ///
    /// # Errors
    /// [`TypeNameError`] when the type's name cannot be used in addresses.
    pub fn of<A: Actor>() -> Result<Self, TypeNameError> {
        Ok(Self {
            name: ActorTypeName::new(A::TYPE)?,
            slot: A::slot().index(),
            type_id: TypeId::of::<A>(),
            rust_name: std::any::type_name::<A>(),
            persist: A::PERSIST,
            schema: A::SCHEMA,
            idle_after: A::IDLE_AFTER,
            mailbox_len_max: A::MAILBOX_LEN_MAX,
            state_bytes: size_of::<A>(),
            create: || Box::new(A::create()),
            decode: |schema, codec, body| Ok(Box::new(A::decode(schema, codec, body)?)),
            methods: A::methods(),
        })
    }
}
