use tenure::prelude::*;

use crate::names::{self, SECTIONS_MAX};

/// How many rows, and seats in a row, a section can have.
const SIDE_MAX: u32 = 100;
/// How many seats a section can have: its books are stored whole with each change.
const SEATS_MAX: u32 = 1_000;
const HOLD_SECONDS: u32 = 60;
const HOLD_SECONDS_MAX: u32 = 3_600;
/// For how many seats there is an agent, and how many agents a section has.
const SEATS_PER_AGENT: u32 = 32;
const AGENTS_MIN: u32 = 2;
const AGENTS_MAX: u32 = 16;
/// In how many batches an agent gets its part of the section, where all are equally busy.
const BATCHES: u32 = 4;

/// The house of one event. It is opened once, and stays as it is.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct House {
    plan: Option<Plan>,
}

/// How a house is laid out, and who sells it.
#[tenure::data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many sections, named by letters: `A`, `B`, ..
    pub sections: u32,
    /// How many rows each has.
    pub rows: u32,
    /// How many seats a row has.
    pub seats_per_row: u32,
    /// For how long a seat is held; also after how long without a buyer an agent gives its seats back.
    pub hold_seconds: u32,
    /// How many agents sell each section.
    pub agents: u32,
    /// How many seats an agent is handed at a time.
    pub batch: u32,
}

/// Why a house is not opened, or not shown. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum HouseError {
    /// The key names no event.
    #[problem(status = 422, "an event is named with 1 to 40 small letters, digits and hyphens")]
    NoName,
    /// The house would be too large, or have no seats.
    #[problem(
        status = 422,
        "a house has 1 to 26 sections of 1 to 1000 seats in at most 100 rows of at most 100, and holds them for 1 to \
         3600 s"
    )]
    Size,
    /// It is open, in another way.
    #[problem(status = 409, "this event is open, and laid out otherwise; open another event")]
    Open,
    /// It is not open.
    #[problem(status = 404, "this event is not open; open it with `open`")]
    NotOpen,
}

impl Plan {
    /// How many seats a section has.
    #[must_use]
    pub fn seats(&self) -> u32 {
        self.rows * self.seats_per_row
    }
}

#[actor]
impl House {
    /// Opens the house: `sections` times `rows` times `seats_per_row` seats, each held for a minute unless
    /// `hold_seconds` says otherwise. The same again changes nothing.
    pub fn open(
        &mut self,
        cx: &mut Context<Self>,
        sections: u32,
        rows: u32,
        seats_per_row: u32,
        hold_seconds: Option<u32>,
    ) -> Result<Plan, HouseError> {
        if !names::is_event(cx.key().as_str()) {
            return Err(HouseError::NoName);
        }
        let hold_seconds = hold_seconds.unwrap_or(HOLD_SECONDS);
        let fits = (1..=SECTIONS_MAX).contains(&sections)
            && (1..=SIDE_MAX).contains(&rows)
            && (1..=SIDE_MAX).contains(&seats_per_row)
            && rows * seats_per_row <= SEATS_MAX
            && (1..=HOLD_SECONDS_MAX).contains(&hold_seconds);
        if !fits {
            return Err(HouseError::Size);
        }
        let seats = rows * seats_per_row;
        let agents = seats.div_ceil(SEATS_PER_AGENT).clamp(AGENTS_MIN, AGENTS_MAX);
        let batch = (seats / (agents * BATCHES)).max(1);
        let plan = Plan { sections, rows, seats_per_row, hold_seconds, agents, batch };
        if self.plan.is_some_and(|open| open != plan) {
            return Err(HouseError::Open);
        }
        self.plan = Some(plan);
        Ok(plan)
    }

    /// How it is laid out.
    pub fn plan(&self) -> Result<Plan, HouseError> {
        self.plan.ok_or(HouseError::NotOpen)
    }
}

#[cfg(test)]
impl House {
    /// One that is open, for tests of others.
    pub(crate) fn opened(plan: Plan) -> Self {
        Self { plan: Some(plan) }
    }
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    #[test]
    fn a_house_is_opened_once() {
        let mut cx = TestContext::<House>::new("rock");
        let mut house = House::default();
        assert_eq!(house.plan(), Err(HouseError::NotOpen));
        let plan = house.open(&mut cx, 4, 10, 25, None).expect("it fits");
        assert_eq!((plan.seats(), plan.agents, plan.batch, plan.hold_seconds), (250, 8, 7, 60));
        assert_eq!(house.open(&mut cx, 4, 10, 25, Some(60)), Ok(plan), "the same again");
        assert_eq!(house.open(&mut cx, 4, 10, 24, None), Err(HouseError::Open));
        assert_eq!(house.plan(), Ok(plan));
    }

    #[test]
    fn what_is_no_house_is_not_opened() {
        let mut house = House::default();
        let mut cx = TestContext::<House>::new("rock");
        for (sections, rows, seats, hold) in [
            (0, 1, 1, 1),
            (27, 1, 1, 1),
            (1, 0, 1, 1),
            (1, 1, 101, 1),
            (1, 11, 91, 1),
            (1, 1, 1, 0),
            (1, u32::MAX, u32::MAX, 1),
        ] {
            let opened = house.open(&mut cx, sections, rows, seats, Some(hold));
            assert_eq!(opened, Err(HouseError::Size), "{sections} {rows} {seats} {hold}");
        }
        let mut cx = TestContext::<House>::new("rock.A");
        assert_eq!(house.open(&mut cx, 1, 1, 1, None), Err(HouseError::NoName));
        assert_eq!(house, House::default());
    }
}
