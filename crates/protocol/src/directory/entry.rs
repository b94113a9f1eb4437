use tenure_types::{Incarnation, Tenure};

use crate::migration::MoveId;
use crate::placement::Strategy;
use crate::slot::{Reported, ReportedAs};

/// How an actor wants to be placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Its type's strategy.
    pub strategy: Strategy,
    /// Whether its replies wait for the store: then it may start elsewhere as soon as a dead host is
    /// fenced and its death is presumed.
    pub durable: bool,
}

/// Where an actor is.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) host: Incarnation,
    pub(crate) tenure: Tenure,
    pub(crate) durable: bool,
    pub(crate) standing: Standing,
    /// A move that was taken back: it cannot happen any more.
    pub(crate) cancelled: Option<MoveId>,
    /// The host reported that it waits for the word on this move. A former owner may have let it happen, and the target
    /// may have run the actor and ended, so it is not taken back any more.
    pub(crate) undecided: Option<MoveId>,
}

/// Whether the host has said that it runs the actor.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It was asked to, and may or may not have heard.
    Placing(Placing),
    /// It has.
    Placed,
}

/// What an actor is placed for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placing {
    pub(crate) wish: Wish,
    /// The move that brought the actor's memory there.
    pub(crate) arrived: Option<MoveId>,
    /// How often the host was asked.
    pub(crate) asked: u32,
    /// How often in a row hosts have refused before.
    pub(crate) refused: u32,
}

impl Placing {
    pub(crate) fn new(wish: Wish, arrived: Option<MoveId>) -> Self {
        Self { wish, arrived, asked: 0, refused: 0 }
    }
}

impl Entry {
    pub(crate) fn placing(host: Incarnation, tenure: Tenure, placing: Placing) -> Self {
        let (durable, standing) = (placing.wish.durable, Standing::Placing(placing));
        Self { host, tenure, durable, standing, cancelled: None, undecided: None }
    }

    pub(crate) fn reported(host: Incarnation, reported: &Reported) -> Self {
        let Reported { tenure, durable, as_what, .. } = *reported;
        let undecided = match as_what {
            ReportedAs::Moving(id) => Some(id),
            ReportedAs::Live | ReportedAs::Leaving => None,
        };
        Self { host, tenure, durable, standing: Standing::Placed, cancelled: None, undecided }
    }

    pub(crate) fn is_placed(&self) -> bool {
        matches!(self.standing, Standing::Placed)
    }
}
