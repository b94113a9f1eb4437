use tenure_sim::judge::Mode;
use tenure_types::{ActorId, ActorTypeName, Key};

/// A type of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `Ledger`: stored before the reply.
    Ledger,
    /// `Chronicle`: stored before the reply, as events.
    Chronicle,
    /// `Purse`: stored after the reply.
    Purse,
    /// `Board`: never stored.
    Board,
}

impl Role {
    /// Every one.
    pub const ALL: &'static [Role] = &[Role::Ledger, Role::Chronicle, Role::Purse, Role::Board];

    /// The type with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// How its state is kept.
    #[must_use]
    pub const fn mode(self) -> Mode {
        match self {
            Role::Ledger => Mode::WriteThrough,
            Role::Chronicle => Mode::EventSourced,
            Role::Purse => Mode::WriteBehind,
            Role::Board => Mode::Volatile,
        }
    }

    /// The name of the actor type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Ledger => "ledger",
            Role::Chronicle => "chronicle",
            Role::Purse => "purse",
            Role::Board => "board",
        }
    }
}

/// An actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who {
    /// Of which type.
    pub role: Role,
    /// Its key is `a` and this number.
    pub number: u32,
}

impl Who {
    /// Its key.
    #[must_use]
    pub fn key(self) -> String {
        format!("a{}", self.number)
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> ActorId {
        let actor_type = ActorTypeName::new(self.role.name()).expect("a good name");
        ActorId { actor_type, key: Key::new(&self.key()).expect("a good key") }
    }
}
