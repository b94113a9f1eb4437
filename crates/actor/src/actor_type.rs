use std::any::TypeId;
use std::time::Duration;

use tenure_types::{ActorTypeName, TypeNameError};

use crate::{Actor, CodecError, DataTypes, Hooks, Method, Persist, StandingMethods, State};

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
    #[expect(clippy::type_complexity, reason = "a name for it would say less")]
    pub decode: fn(u32, u8, &[u8]) -> Result<Box<dyn State>, CodecError>,
    /// Changes an event-sourced state by a stored event: schema, codec, bytes.
    #[expect(clippy::type_complexity, reason = "a name for it would say less")]
    pub apply: fn(&mut dyn State, u32, u8, &[u8]) -> Result<(), CodecError>,
    /// A stored event as clients read it: codec, bytes.
    pub event_json: fn(u8, &[u8]) -> Result<Vec<u8>, CodecError>,
    /// What its state and its events look like.
    pub data: fn() -> DataTypes,
    /// What can be called.
    pub methods: &'static [Method],
    /// What runs at the beginning and the end of an activation.
    pub hooks: Hooks,
    /// What can be called of every type.
    pub standing: StandingMethods,
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
            apply: apply::<A>,
            event_json: A::event_json,
            data: A::data,
            methods: A::methods(),
            hooks: A::hooks(),
            standing: StandingMethods::of::<A>(),
        })
    }
}

fn apply<A: Actor>(
    state: &mut dyn State,
    schema: u32,
    codec: u8,
    event: &[u8],
) -> Result<(), CodecError> {
    if schema > A::SCHEMA {
        return Err(CodecError::new(format!(
            "the event has schema {schema}, newer than this program's {}",
            A::SCHEMA
        )));
    }
    let event = A::decode_event(codec, event)?;
    let state: &mut dyn std::any::Any = state;
    let state: &mut A = state.downcast_mut().expect("an activation keeps its type");
    state.apply(&event);
    Ok(())
}
