/// Whether the promises hold under a kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// They do.
    Promised,
    /// It is one of their stated exceptions: only runs that ask for it have it.
    Excepted,
}
use Under::{Excepted, Promised};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+
        $kind:ident = $name:literal [$($argument:literal),*] $under:ident, weight $weight:literal;)*
    ) => {
        /// What can go wrong. The arguments of each are named in its text form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)*
        }

        impl Kind {
            /// Every one, in the order of the list.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// Its name in plans and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// The names of its arguments.
            #[must_use]
            pub const fn arguments(self) -> &'static [&'static str] {
                match self { $(Kind::$kind => &[$($argument),*],)* }
            }

            const fn under(self) -> Under {
                match self { $(Kind::$kind => $under,)* }
            }

            /// How often it is drawn, against the others.
            #[must_use]
            pub const fn weight(self) -> u32 {
                match self { $(Kind::$kind => $weight,)* }
            }
        }
    };
}

kinds! {
    /// The processes of a node are stopped and go on (SIGSTOP); its kernel and its clock run.
    Pause = "pause" ["node"] Promised, weight 10;
    /// A node's machine sleeps, and its boot-time clock counts that.
    Sleep = "sleep" ["node"] Promised, weight 4;
    /// A node's machine sleeps together with its boot-time clock.
    Suspend = "suspend" ["node"] Excepted, weight 6;
    /// A node's clock goes at another rate, within 1 %.
    Drift = "drift" ["node", "ppb"] Promised, weight 4;
    /// A node's process is killed, and another one started at the end.
    Crash = "crash" ["node", "memory_mib"] Promised, weight 14;
    /// A node's machine loses its power, and is started again at the end.
    PowerOff = "power-off" ["node"] Promised, weight 5;
    /// A node leaves in good order, and another process is started there at the end.
    Drain = "drain" ["node"] Promised, weight 8;
    /// A node that was not there joins, and leaves in good order at the end.
    Join = "join" ["node"] Promised, weight 5;
    /// Some nodes cannot talk to the others.
    Partition = "partition" ["side"] Promised, weight 8;
    /// Some nodes are not heard by some others.
    OneWay = "one-way" ["from", "to"] Promised, weight 6;
    /// Two nodes cannot talk to each other; everybody else talks to both.
    Sever = "sever" ["one", "other"] Promised, weight 6;
    /// The way between some nodes and the others comes and goes.
    Flap = "flap" ["side", "period_ms"] Promised, weight 4;
    /// Everything that some nodes send and hear takes longer.
    Lag = "lag" ["side", "most_ms"] Promised, weight 5;
    /// Much of what some nodes send is lost.
    Lossy = "lossy" ["side", "millionths"] Promised, weight 5;
    /// Many datagrams that some nodes send come twice.
    Doubling = "doubling" ["side", "millionths"] Promised, weight 3;
    /// The connections between two living nodes are reset.
    Reset = "reset" ["one", "other"] Promised, weight 6;
    /// New connections to a living node are refused.
    Refuse = "refuse" ["node"] Promised, weight 4;
    /// All connections to a living node are reset and new ones refused: it looks dead.
    LookDead = "look-dead" ["node"] Promised, weight 3;
    /// The store takes longer.
    StoreSlow = "store-slow" ["most_ms"] Promised, weight 4;
    /// The store is down.
    StoreDown = "store-down" [] Promised, weight 3;
    /// The store has no room.
    StoreFull = "store-full" [] Promised, weight 2;
    /// Some nodes cannot reach the store.
    StoreCut = "store-cut" ["nodes"] Promised, weight 4;
    /// Requests to the store are lost.
    StoreLoses = "store-loses" ["millionths"] Promised, weight 3;
    /// Answers of the store are lost.
    StoreForgets = "store-forgets" ["millionths"] Promised, weight 5;
    /// Requests to the store lie about, and are carried out later.
    StoreLingers = "store-lingers" ["millionths", "most_ms"] Promised, weight 6;
    /// Another server of the store takes over, with all that was committed.
    StoreFailOver = "store-fail-over" [] Promised, weight 3;
    /// Another server of the store takes over without the last that was committed.
    StoreLosesTail = "store-loses-tail" [] Excepted, weight 8;
    /// The member table takes longer.
    TableSlow = "table-slow" ["most_ms"] Promised, weight 4;
    /// The member table is down.
    TableDown = "table-down" [] Promised, weight 3;
    /// Some nodes cannot reach the member table.
    TableCut = "table-cut" ["nodes"] Promised, weight 6;
    /// Requests to the member table are lost.
    TableLoses = "table-loses" ["millionths"] Promised, weight 3;
    /// Answers of the member table are lost.
    TableForgets = "table-forgets" ["millionths"] Promised, weight 5;
    /// Requests to the member table lie about, and are carried out later.
    TableLingers = "table-lingers" ["millionths", "most_ms"] Promised, weight 5;
    /// Another server of the member table takes over, with all that was committed.
    TableFailOver = "table-fail-over" [] Promised, weight 3;
    /// The wall clock of the member table's host jumps, there and back.
    TableWall = "table-wall" ["ms"] Promised, weight 2;
}

impl Kind {
    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether every promise holds under it; the others are stated exceptions.
    #[must_use]
    pub fn is_promised(self) -> bool {
        self.under() == Under::Promised
    }

    /// Those under which every promise holds.
    #[must_use]
    pub fn promised() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|kind| kind.is_promised()).collect()
    }
}
