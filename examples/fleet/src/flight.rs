/// One row of the table of flights.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// The number of the row, from 1. Each actor is told of its flights in this order.
    pub row: u64,
    /// The local date on which it was to leave, as in `2013-01-31`.
    pub date: String,
    /// The airline.
    pub carrier: String,
    /// The airline's number of the flight.
    pub number: u32,
    /// The aircraft, where it is known.
    pub tailnum: Option<String>,
    /// The airport that it was to leave from.
    pub origin: String,
    /// The airport that it was to go to.
    pub dest: String,
    /// Miles between the two.
    pub distance: u32,
    /// When it left, in local time as hhmm. A flight without was cancelled.
    pub dep_time: Option<u16>,
    /// How many minutes late it left; negative when early.
    pub dep_delay: Option<i32>,
    /// When it was seen to arrive, in local time as hhmm.
    pub arr_time: Option<u16>,
    /// How many minutes late it arrived; unknown for a flight that was diverted.
    pub arr_delay: Option<i32>,
    /// Minutes in the air; unknown for a flight that was diverted. One that has them is complete.
    pub air_time: Option<u32>,
}

/// Why a flight is not recorded. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum FlightError {
    /// The flight belongs to others.
    #[problem(status = 422, "row {row} is no flight of {actor}")]
    NotMine {
        /// Which flight.
        row: u64,
        /// Who was told of it.
        actor: String,
    },
    /// No flight can have this number.
    #[problem(status = 422, "rows are numbered from 1")]
    RowZero,
}

impl Flight {
    /// Checks that the actor `actor`, one of the flight's own being `own`, is to record it.
    pub(crate) fn check(&self, own: Option<&str>, actor: &str) -> Result<(), FlightError> {
        if self.row == 0 {
            return Err(FlightError::RowZero);
        }
        if own != Some(actor) {
            return Err(FlightError::NotMine { row: self.row, actor: actor.to_owned() });
        }
        Ok(())
    }
}
