//! What members tell each other about slots, directory entries and moves.

use tenure_types::ActorTypeName;

use super::actor::Names;
use super::{CodecError, REPORTED_MAX, Reader, SLOTS_MAX, VERSION, Writer};
use crate::cluster::{Message, Refusal};
use crate::directory::Wish;
use crate::placement::Strategy;
use crate::slot::{Reported, ReportedAs, SlotReport};

/// What kind of message it is. A number is given once.
mod kind {
    pub(super) const ASK_REPORT: u8 = 1;
    pub(super) const REPORT: u8 = 2;
    pub(super) const BEHIND: u8 = 3;
    pub(super) const LOOK_UP: u8 = 4;
    pub(super) const FOUND: u8 = 5;
    pub(super) const WRONG_OWNER: u8 = 6;
    pub(super) const BUSY: u8 = 7;
    pub(super) const GRANT: u8 = 8;
    pub(super) const GRANTED: u8 = 9;
    pub(super) const REFUSED: u8 = 10;
    pub(super) const UNREGISTER: u8 = 11;
    pub(super) const UNREGISTERED: u8 = 12;
    pub(super) const OFFER: u8 = 13;
    pub(super) const ACCEPT: u8 = 14;
    pub(super) const DECLINE: u8 = 15;
    pub(super) const ARRIVED: u8 = 16;
    pub(super) const ASK_MOVE: u8 = 17;
    pub(super) const MOVED: u8 = 18;
    pub(super) const ASK_CANCEL: u8 = 19;
    pub(super) const CANCELLED: u8 = 20;
    pub(super) const FORGET: u8 = 21;
    pub(super) const RELAY: u8 = 22;
    pub(super) const AWAIT_PLACE: u8 = 23;
}

/// Strategies.
mod strategy {
    pub(super) const RING: u8 = 0;
    pub(super) const RANDOM: u8 = 1;
    pub(super) const LOCAL: u8 = 2;
    pub(super) const BALANCED: u8 = 3;
    pub(super) const STATELESS: u8 = 4;
}

/// Why a grant is not taken.
mod refusal {
    pub(super) const OLD_VIEW: u8 = 0;
    pub(super) const OLD_TENURE: u8 = 1;
    pub(super) const NOT_ACCEPTING: u8 = 2;
    pub(super) const NOTHING_ARRIVED: u8 = 3;
}

/// Where a reported activation stands.
mod stands {
    pub(super) const LIVE: u8 = 0;
    pub(super) const LEAVING: u8 = 1;
    pub(super) const MOVING: u8 = 2;
}

impl Message {
    /// Its bytes. Where `report_len_max` is what it is by default, they fit into a frame of a control lane.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::begin(VERSION);
        out.message(self);
        out.into_bytes()
    }

    /// The message that has these bytes. `names` finds the actor type that has a name: those of this node, and
    /// those of others that it remembers.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(
        bytes: &[u8],
        names: &dyn Fn(&str) -> Option<ActorTypeName>,
    ) -> Result<Self, CodecError> {
        let mut from = Reader::open(bytes, VERSION)?;
        let message = match from.byte("message")? {
            kind::RELAY => Self::Relay {
                origin: from.incarnation()?,
                to: from.incarnation()?,
                message: match from.byte("message")? {
                    kind::RELAY => return Err(CodecError::NestedRelay),
                    kind => Box::new(from.message(kind, names)?),
                },
            },
            kind => from.message(kind, names)?,
        };
        from.end().map(|()| message)
    }
}

/// The number of its kind.
const fn kind_of(message: &Message) -> u8 {
    match message {
        Message::AskReport { .. } => kind::ASK_REPORT,
        Message::Report { .. } => kind::REPORT,
        Message::Behind { .. } => kind::BEHIND,
        Message::LookUp { .. } => kind::LOOK_UP,
        Message::AwaitPlace { .. } => kind::AWAIT_PLACE,
        Message::Found { .. } => kind::FOUND,
        Message::WrongOwner { .. } => kind::WRONG_OWNER,
        Message::Busy { .. } => kind::BUSY,
        Message::Grant { .. } => kind::GRANT,
        Message::Granted { .. } => kind::GRANTED,
        Message::Refused { .. } => kind::REFUSED,
        Message::Unregister { .. } => kind::UNREGISTER,
        Message::Unregistered { .. } => kind::UNREGISTERED,
        Message::Offer { .. } => kind::OFFER,
        Message::Accept { .. } => kind::ACCEPT,
        Message::Decline { .. } => kind::DECLINE,
        Message::Arrived { .. } => kind::ARRIVED,
        Message::AskMove { .. } => kind::ASK_MOVE,
        Message::Moved { .. } => kind::MOVED,
        Message::AskCancel { .. } => kind::ASK_CANCEL,
        Message::Cancelled { .. } => kind::CANCELLED,
        Message::Forget { .. } => kind::FORGET,
        Message::Relay { .. } => kind::RELAY,
    }
}

impl Writer {
    fn message(&mut self, message: &Message) -> &mut Self {
        use Message as M;
        self.byte(kind_of(message));
        match message {
            M::AskReport { view, slots } => {
                self.view(*view).list(slots.iter().copied(), Self::slot)
            }
            M::Report { view, slots } => self.view(*view).list(slots.iter(), Self::slot_report),
            M::Behind { view } => self.view(*view),
            M::LookUp { view, actor, wish, not_at } => {
                self.view(*view).actor(actor).wish(*wish).option(*not_at, Self::place)
            }
            M::AwaitPlace { view, actor, later_than } => {
                self.view(*view).actor(actor).option(*later_than, Self::tenure)
            }
            M::Found { actor, host, tenure } => self.actor(actor).place((*host, *tenure)),
            M::WrongOwner { actor, view } => self.actor(actor).view(*view),
            M::Busy { actor } => self.actor(actor),
            M::Grant { view, actor, tenure, durable, arrived } => self
                .view(*view)
                .actor(actor)
                .tenure(*tenure)
                .flag(*durable)
                .option(*arrived, Self::move_id),
            M::Granted { actor, tenure, load } => {
                self.actor(actor).tenure(*tenure).number((*load).into())
            }
            M::Refused { actor, tenure, why, load } => {
                self.actor(actor).tenure(*tenure).refusal(*why).number((*load).into())
            }
            M::Unregister { actor, tenure } | M::Unregistered { actor, tenure } => {
                self.actor(actor).tenure(*tenure)
            }
            M::Offer { id, actor } => self.move_id(*id).actor(actor),
            M::Accept { id }
            | M::Decline { id }
            | M::Arrived { id }
            | M::Cancelled { id }
            | M::Forget { id } => self.move_id(*id),
            M::AskMove { id, actor, tenure, to } | M::AskCancel { id, actor, tenure, to } => {
                self.move_id(*id).actor(actor).tenure(*tenure).incarnation(*to)
            }
            M::Moved { id, to } => self.move_id(*id).option(*to, Self::place),
            M::Relay { origin, to, message } => {
                self.incarnation(*origin).incarnation(*to).message(message)
            }
        }
    }

    fn slot_report(&mut self, report: &SlotReport) -> &mut Self {
        self.slot(report.slot)
            .number(report.number)
            .number(report.part.into())
            .number(report.parts.into())
            .list(report.entries.iter(), Self::reported)
    }

    fn reported(&mut self, reported: &Reported) -> &mut Self {
        let Reported { actor, tenure, durable, as_what } = reported;
        self.actor(actor).tenure(*tenure).flag(*durable);
        match as_what {
            ReportedAs::Live => self.byte(stands::LIVE),
            ReportedAs::Leaving => self.byte(stands::LEAVING),
            ReportedAs::Moving(id) => self.byte(stands::MOVING).move_id(*id),
        }
    }

    fn wish(&mut self, wish: Wish) -> &mut Self {
        match wish.strategy {
            Strategy::Ring => self.byte(strategy::RING),
            Strategy::Random => self.byte(strategy::RANDOM),
            Strategy::Local => self.byte(strategy::LOCAL),
            Strategy::Balanced => self.byte(strategy::BALANCED),
            Strategy::Stateless(pool) => self.byte(strategy::STATELESS).number(pool.into()),
        }
        .flag(wish.durable)
    }

    fn refusal(&mut self, why: Refusal) -> &mut Self {
        match why {
            Refusal::OldView(view) => self.byte(refusal::OLD_VIEW).view(view),
            Refusal::OldTenure => self.byte(refusal::OLD_TENURE),
            Refusal::NotAccepting => self.byte(refusal::NOT_ACCEPTING),
            Refusal::NothingArrived => self.byte(refusal::NOTHING_ARRIVED),
        }
    }
}

impl Reader<'_> {
    /// What belongs to a message of a kind that is not a relay.
    fn message(&mut self, kind: u8, names: Names<'_>) -> Result<Message, CodecError> {
        use Message as M;
        Ok(match kind {
            kind::ASK_REPORT => M::AskReport {
                view: self.view()?,
                slots: self.list("slots", SLOTS_MAX, Self::slot)?,
            },
            kind::REPORT => M::Report {
                view: self.view()?,
                slots: self.list("slots", SLOTS_MAX, |from| from.slot_report(names))?,
            },
            kind::BEHIND => M::Behind { view: self.view()? },
            kind::LOOK_UP => M::LookUp {
                view: self.view()?,
                actor: self.actor(names)?,
                wish: self.wish()?,
                not_at: self.option("place", Self::place)?,
            },
            kind::AWAIT_PLACE => M::AwaitPlace {
                view: self.view()?,
                actor: self.actor(names)?,
                later_than: self.option("tenure", Self::tenure)?,
            },
            kind::FOUND => {
                let (actor, (host, tenure)) = (self.actor(names)?, self.place()?);
                M::Found { actor, host, tenure }
            }
            kind::WRONG_OWNER => M::WrongOwner { actor: self.actor(names)?, view: self.view()? },
            kind::BUSY => M::Busy { actor: self.actor(names)? },
            kind::GRANT => M::Grant {
                view: self.view()?,
                actor: self.actor(names)?,
                tenure: self.tenure()?,
                durable: self.flag("durability")?,
                arrived: self.option("move", Self::move_id)?,
            },
            kind::GRANTED => {
                let (actor, tenure) = (self.actor(names)?, self.tenure()?);
                M::Granted { actor, tenure, load: self.small("load")? }
            }
            kind::REFUSED => M::Refused {
                actor: self.actor(names)?,
                tenure: self.tenure()?,
                why: self.refusal()?,
                load: self.small("load")?,
            },
            kind::UNREGISTER => M::Unregister { actor: self.actor(names)?, tenure: self.tenure()? },
            kind::UNREGISTERED => {
                M::Unregistered { actor: self.actor(names)?, tenure: self.tenure()? }
            }
            of_move => self.of_move(of_move, names)?,
        })
    }

    /// What belongs to a message of a move.
    fn of_move(&mut self, kind: u8, names: Names<'_>) -> Result<Message, CodecError> {
        use Message as M;
        Ok(match kind {
            kind::OFFER => M::Offer { id: self.move_id()?, actor: self.actor(names)? },
            kind::ACCEPT => M::Accept { id: self.move_id()? },
            kind::DECLINE => M::Decline { id: self.move_id()? },
            kind::ARRIVED => M::Arrived { id: self.move_id()? },
            kind::ASK_MOVE => M::AskMove {
                id: self.move_id()?,
                actor: self.actor(names)?,
                tenure: self.tenure()?,
                to: self.incarnation()?,
            },
            kind::MOVED => M::Moved { id: self.move_id()?, to: self.option("place", Self::place)? },
            kind::ASK_CANCEL => M::AskCancel {
                id: self.move_id()?,
                actor: self.actor(names)?,
                tenure: self.tenure()?,
                to: self.incarnation()?,
            },
            kind::CANCELLED => M::Cancelled { id: self.move_id()? },
            kind::FORGET => M::Forget { id: self.move_id()? },
            number => return Err(CodecError::Kind { what: "message", number: number.into() }),
        })
    }

    fn slot_report(&mut self, names: Names<'_>) -> Result<SlotReport, CodecError> {
        Ok(SlotReport {
            slot: self.slot()?,
            number: self.number("report")?,
            part: self.small("part")?,
            parts: self.small("parts")?,
            entries: self.list("activations", REPORTED_MAX, |from| from.reported(names))?,
        })
    }

    fn reported(&mut self, names: Names<'_>) -> Result<Reported, CodecError> {
        Ok(Reported {
            actor: self.actor(names)?,
            tenure: self.tenure()?,
            durable: self.flag("durability")?,
            as_what: match self.byte("standing")? {
                stands::LIVE => ReportedAs::Live,
                stands::LEAVING => ReportedAs::Leaving,
                stands::MOVING => ReportedAs::Moving(self.move_id()?),
                number => {
                    return Err(CodecError::Kind { what: "standing", number: number.into() });
                }
            },
        })
    }

    fn wish(&mut self) -> Result<Wish, CodecError> {
        let strategy = match self.byte("strategy")? {
            strategy::RING => Strategy::Ring,
            strategy::RANDOM => Strategy::Random,
            strategy::LOCAL => Strategy::Local,
            strategy::BALANCED => Strategy::Balanced,
            strategy::STATELESS => Strategy::Stateless(self.small("pool")?),
            number => return Err(CodecError::Kind { what: "strategy", number: number.into() }),
        };
        Ok(Wish { strategy, durable: self.flag("durability")? })
    }

    fn refusal(&mut self) -> Result<Refusal, CodecError> {
        Ok(match self.byte("refusal")? {
            refusal::OLD_VIEW => Refusal::OldView(self.view()?),
            refusal::OLD_TENURE => Refusal::OldTenure,
            refusal::NOT_ACCEPTING => Refusal::NotAccepting,
            refusal::NOTHING_ARRIVED => Refusal::NothingArrived,
            number => return Err(CodecError::Kind { what: "refusal", number: number.into() }),
        })
    }
}
