use std::sync::atomic::{AtomicU64, Ordering};

use tenure::__private::serde;
use tenure_actor::{Actor, Context};
use tenure_sim::judge::TurnId;

use super::role::Role;
use crate::stage;

/// A random number of a copy in memory, drawn by the first turn that asks. It is stored as nothing.
#[derive(Default)]
pub(super) struct Memory(AtomicU64);

impl Memory {
    /// The number.
    pub(super) fn of<A: Actor>(&self, cx: &Context<A>) -> u64 {
        // Only a shared turn may race, and turns of a simulation have one thread.
        match self.0.load(Ordering::Relaxed) {
            0 => {
                let drawn = cx.call_id().0.max(1);
                self.0.store(drawn, Ordering::Relaxed);
                drawn
            }
            drawn => drawn,
        }
    }

    /// A turn begins; it has ended when the result is dropped.
    pub(super) fn turn<A: Actor>(&self, cx: &Context<A>, role: Role, is_exclusive: bool) -> Turn {
        let memory = self.of(cx);
        let id = tenure_types::ActorId {
            actor_type: tenure_types::ActorTypeName::new(role.name()).expect("a good name"),
            key: cx.key().clone(),
        };
        Turn(stage::tell(|jury, now| {
            let actor = jury.cast.number(&id, role.mode());
            jury.turns.began(actor, memory, is_exclusive, now)
        }))
    }
}

/// A turn that runs.
pub(super) struct Turn(Option<TurnId>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turn) = self.0.take() {
            stage::tell(|jury, _| jury.turns.ended(turn));
        }
    }
}

impl serde::Serialize for Memory {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for Memory {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <() as serde::Deserialize>::deserialize(deserializer).map(|()| Self::default())
    }
}
