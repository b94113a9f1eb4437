//! What nodes say to each other of what they carry.

use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_types::{ActorId, ActorTypeName, Incarnation};

/// The most actors that a node names when it says what it carries, and the most that it is told to move at a time.
pub const NAMED_MAX: usize = 64;

/// What is said so that members carry alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Levelling {
    /// What the sender carries.
    Carried(Carried),
    /// Move these actors to these members.
    Move(Vec<(ActorId, Incarnation)>),
}

/// What a node carries. Loads are calls in a thousand seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// All of it.
    pub load: u64,
    /// Whether actors may move there.
    pub takes_new: bool,
    /// Some of its actors, and each one's part: those that are called the most, and some of the others. At most
    /// [`NAMED_MAX`].
    pub actors: Vec<(ActorId, u64)>,
    /// Those that it was told to move, and that are still there. At most [`NAMED_MAX`].
    pub moving: Vec<ActorId>,
}

/// The numbers of kinds. They are for ever.
mod kind {
    pub(super) const CARRIED: u8 = 1;
    pub(super) const MOVE: u8 = 2;
}

impl Levelling {
    /// What kind of message it is, for counters and traces.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Carried(_) => "carried",
            Self::Move(_) => "level",
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Self::Carried(Carried { load, takes_new, actors, moving }) => out
                .byte(kind::CARRIED)
                .number(*load)
                .flag(*takes_new)
                .list(actors.iter(), |out, (actor, load)| out.actor(actor).number(*load))
                .list(moving.iter(), |out, actor| out.actor(actor)),
            Self::Move(moves) => out
                .byte(kind::MOVE)
                .list(moves.iter(), |out, (actor, to)| out.actor(actor).incarnation(*to)),
        };
    }

    /// # Errors
    /// What is wrong with the bytes; nothing of them is taken.
    pub(crate) fn read(
        from: &mut Reader<'_>,
        names: &dyn Fn(&str) -> Option<ActorTypeName>,
    ) -> Result<Self, CodecError> {
        Ok(match from.byte("levelling")? {
            kind::CARRIED => Self::Carried(Carried {
                load: from.number("load")?,
                takes_new: from.flag("takes new")?,
                actors: from.list("actors", NAMED_MAX, |from| {
                    Ok((from.actor(names)?, from.number("load")?))
                })?,
                moving: from.list("moving", NAMED_MAX, |from| from.actor(names))?,
            }),
            kind::MOVE => {
                Self::Move(from.list("moves", NAMED_MAX, |from| {
                    Ok((from.actor(names)?, from.incarnation()?))
                })?)
            }
            number => {
                return Err(CodecError::Kind { what: "levelling", number: number.into() });
            }
        })
    }
}
