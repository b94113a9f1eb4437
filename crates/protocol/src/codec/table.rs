//! Requests of the member table and their answers.

use tenure_types::{NODE_ID_BYTES_MAX, NodeId};

use super::{ADDRESS_BYTES_MAX, CodecError, Reader, VERSION, Writer};
use crate::view::table::{
    FORGET_MAX, JoinToken, ROWS_MAX, Reason, RowRead, TableAction, TableAnswer, TableError,
    TableOutcome, TableRequest, WATCH_MAX,
};
use crate::view::{Member, MemberState, View};

/// The most bytes of what is said of a table that was replaced.
const TROUBLE_BYTES_MAX: usize = 8_192;

/// What a request asks for. A number is given once.
mod action {
    pub(super) const POLL: u8 = 1;
    pub(super) const BEAT: u8 = 2;
    pub(super) const JOIN: u8 = 3;
    pub(super) const ADVANCE: u8 = 4;
    pub(super) const CONDEMN: u8 = 5;
    pub(super) const DOWN: u8 = 6;
    pub(super) const DOWN_PROVEN: u8 = 7;
    pub(super) const FORGET: u8 = 8;
}

/// What became of it: first what was done, from 64 on why nothing was. A number is given once.
mod outcome {
    pub(super) const READ: u8 = 1;
    pub(super) const BEATEN: u8 = 2;
    pub(super) const JOINED: u8 = 3;
    pub(super) const DONE: u8 = 4;
    pub(super) const REFUSED: u8 = 64;
    pub(super) const ABSENT: u8 = 65;
    pub(super) const BEHIND: u8 = 66;
    pub(super) const FULL: u8 = 67;
    pub(super) const REPLACED: u8 = 68;
}

/// States by their numbers.
const STATES: [MemberState; 6] = [
    MemberState::Joining,
    MemberState::Alive,
    MemberState::Leaving,
    MemberState::Condemned,
    MemberState::Down,
    MemberState::Left,
];

/// Reasons by their numbers.
const REASONS: [Reason; 2] = [Reason::PresumedDead, Reason::MissingReport];

impl TableRequest {
    /// Its bytes. Of more than [`WATCH_MAX`] watched rows, and of more than [`FORGET_MAX`] rows to forget,
    /// the first ones: the table leaves out the others.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::begin(VERSION);
        out.view(self.seen);
        match &self.action {
            TableAction::Poll { known, watch } => {
                let watch = &watch[..watch.len().min(WATCH_MAX)];
                out.byte(action::POLL).view(*known).list(watch.iter().copied(), Writer::incarnation)
            }
            TableAction::Beat { incarnation, beat } => {
                out.byte(action::BEAT).incarnation(*incarnation).number(*beat)
            }
            TableAction::Join { node, weight, address, former, token } => out
                .byte(action::JOIN)
                .text(node.as_str())
                .byte(*weight)
                .text(address)
                .option(*former, Writer::incarnation)
                .drawn(token.0),
            TableAction::Advance { incarnation, to } => {
                out.byte(action::ADVANCE).incarnation(*incarnation).state(*to)
            }
            TableAction::Condemn { incarnation, beat, reason } => {
                let reason = REASONS.iter().position(|it| it == reason).expect("each has a number");
                out.byte(action::CONDEMN)
                    .incarnation(*incarnation)
                    .option(*beat, Writer::number)
                    .byte(reason as u8)
            }
            TableAction::Down { incarnation, beat } => {
                out.byte(action::DOWN).incarnation(*incarnation).number(*beat)
            }
            TableAction::DownProven { incarnation } => {
                out.byte(action::DOWN_PROVEN).incarnation(*incarnation)
            }
            TableAction::Forget { incarnations } => {
                let first = &incarnations[..incarnations.len().min(FORGET_MAX)];
                out.byte(action::FORGET).list(first.iter().copied(), Writer::incarnation)
            }
        };
        out.into_bytes()
    }

    /// The request that has these bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut from = Reader::open(bytes, VERSION)?;
        let request = Self { seen: from.view()?, action: from.action()? };
        from.end().map(|()| request)
    }
}

impl TableAnswer {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::begin(VERSION);
        out.number(self.timeline).view(self.number);
        match &self.outcome {
            Ok(TableOutcome::Read { view, rows }) => {
                out.byte(outcome::READ).option(view.as_ref(), Writer::members);
                out.list(rows.iter(), Writer::row)
            }
            Ok(TableOutcome::Beaten { beat }) => out.byte(outcome::BEATEN).number(*beat),
            Ok(TableOutcome::Joined { incarnation, is_new }) => {
                out.byte(outcome::JOINED).incarnation(*incarnation).flag(*is_new)
            }
            Ok(TableOutcome::Done) => out.byte(outcome::DONE),
            Err(TableError::Refused { state, beat }) => {
                out.byte(outcome::REFUSED).state(*state).number(*beat)
            }
            Err(TableError::Absent) => out.byte(outcome::ABSENT),
            Err(TableError::Behind { number, seen }) => {
                out.byte(outcome::BEHIND).view(*number).view(*seen)
            }
            Err(TableError::Full) => out.byte(outcome::FULL),
            Err(TableError::Replaced { what }) => out.byte(outcome::REPLACED).text(what),
        };
        out.into_bytes()
    }

    /// The answer that has these bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut from = Reader::open(bytes, VERSION)?;
        let (timeline, number) = (from.number("timeline")?, from.view()?);
        let answer = Self { timeline, number, outcome: from.outcome()? };
        from.end().map(|()| answer)
    }
}

impl Writer {
    fn state(&mut self, state: MemberState) -> &mut Self {
        let number = STATES.iter().position(|it| *it == state).expect("each has a number");
        self.byte(number as u8)
    }

    fn row(&mut self, row: &RowRead) -> &mut Self {
        self.incarnation(row.incarnation).state(row.state).number(row.beat)
    }

    fn members(&mut self, view: &View) -> &mut Self {
        self.view(view.number).len(view.len());
        for member in view.members() {
            self.incarnation(member.incarnation)
                .text(member.node.as_str())
                .state(member.state)
                .flag(member.presumed)
                .byte(member.weight)
                .text(&member.address);
        }
        self
    }
}

impl Reader<'_> {
    fn action(&mut self) -> Result<TableAction, CodecError> {
        Ok(match self.byte("request")? {
            action::POLL => TableAction::Poll {
                known: self.view()?,
                watch: self.list("watched rows", WATCH_MAX, Self::incarnation)?,
            },
            action::BEAT => {
                TableAction::Beat { incarnation: self.incarnation()?, beat: self.number("beat")? }
            }
            action::JOIN => TableAction::Join {
                node: self.node()?,
                weight: self.byte("weight")?,
                address: self.text("address", ADDRESS_BYTES_MAX)?.into(),
                former: self.option("former incarnation", Self::incarnation)?,
                token: JoinToken(self.drawn("token")?),
            },
            action::ADVANCE => {
                TableAction::Advance { incarnation: self.incarnation()?, to: self.state()? }
            }
            action::CONDEMN => TableAction::Condemn {
                incarnation: self.incarnation()?,
                beat: self.option("beat", |from| from.number("beat"))?,
                reason: self.one_of("reason", &REASONS)?,
            },
            action::DOWN => {
                TableAction::Down { incarnation: self.incarnation()?, beat: self.number("beat")? }
            }
            action::DOWN_PROVEN => TableAction::DownProven { incarnation: self.incarnation()? },
            action::FORGET => TableAction::Forget {
                incarnations: self.list("rows to forget", FORGET_MAX, Self::incarnation)?,
            },
            number => return Err(CodecError::Kind { what: "request", number: number.into() }),
        })
    }

    fn outcome(&mut self) -> Result<Result<TableOutcome, TableError>, CodecError> {
        Ok(match self.byte("outcome")? {
            outcome::READ => Ok(TableOutcome::Read {
                view: self.option("view", Self::members)?,
                rows: self.list("rows", WATCH_MAX, Self::row)?,
            }),
            outcome::BEATEN => Ok(TableOutcome::Beaten { beat: self.number("beat")? }),
            outcome::JOINED => Ok(TableOutcome::Joined {
                incarnation: self.incarnation()?,
                is_new: self.flag("news of a join")?,
            }),
            outcome::DONE => Ok(TableOutcome::Done),
            outcome::REFUSED => {
                Err(TableError::Refused { state: self.state()?, beat: self.number("beat")? })
            }
            outcome::ABSENT => Err(TableError::Absent),
            outcome::BEHIND => Err(TableError::Behind { number: self.view()?, seen: self.view()? }),
            outcome::FULL => Err(TableError::Full),
            outcome::REPLACED => {
                let what = self.text("trouble", TROUBLE_BYTES_MAX)?.into();
                Err(TableError::Replaced { what })
            }
            number => return Err(CodecError::Kind { what: "outcome", number: number.into() }),
        })
    }

    fn row(&mut self) -> Result<RowRead, CodecError> {
        let (incarnation, state) = (self.incarnation()?, self.state()?);
        Ok(RowRead { incarnation, state, beat: self.number("beat")? })
    }

    /// A view, whose members stand in the order of their incarnations.
    fn members(&mut self) -> Result<View, CodecError> {
        let number = self.view()?;
        let members = self.list("members", ROWS_MAX, Self::member)?;
        if !members.is_sorted_by(|one, next| one.incarnation < next.incarnation) {
            return Err(CodecError::Number { what: "order of members" });
        }
        Ok(View::new(number, members))
    }

    fn member(&mut self) -> Result<Member, CodecError> {
        Ok(Member {
            incarnation: self.incarnation()?,
            node: self.node()?,
            state: self.state()?,
            presumed: self.flag("presumption")?,
            weight: self.byte("weight")?,
            address: self.text("address", ADDRESS_BYTES_MAX)?.into(),
        })
    }

    fn node(&mut self) -> Result<NodeId, CodecError> {
        NodeId::new(self.text("node", NODE_ID_BYTES_MAX)?)
            .map_err(|error| CodecError::Text { what: "node", why: error.to_string() })
    }

    fn state(&mut self) -> Result<MemberState, CodecError> {
        self.one_of("state", &STATES)
    }

    fn one_of<T: Copy>(&mut self, what: &'static str, all: &[T]) -> Result<T, CodecError> {
        let number = self.byte(what)?;
        let unknown = CodecError::Kind { what, number: number.into() };
        all.get(usize::from(number)).copied().ok_or(unknown)
    }
}
