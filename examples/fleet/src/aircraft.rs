use tenure::prelude::*;

use crate::{Flight, FlightError, Recorded, Tally};

/// An aircraft, by its tail number.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aircraft {
    /// Its flights.
    pub tally: Tally,
    /// Where it was seen last.
    pub position: Option<Position>,
}

/// Where an aircraft was seen, and when.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The airport.
    pub airport: String,
    /// The local date on which the flight that brought it was to leave.
    pub date: String,
    /// The local time at the airport, as hhmm.
    pub time: u16,
}

#[actor]
impl Aircraft {
    /// Records a flight of this aircraft. A row that was passed already changes nothing.
    pub fn record(
        &mut self,
        cx: &mut Context<Self>,
        flight: Flight,
    ) -> Result<Recorded, FlightError> {
        flight.check(flight.tailnum.as_deref(), cx.key())?;
        let recorded = self.tally.record(&flight);
        if recorded == Recorded::New {
            self.position = seen(flight).or(self.position.take());
        }
        Ok(recorded)
    }

    /// Its totals and its last known position.
    pub fn totals(&self) -> Self {
        self.clone()
    }
}

/// Where a flight shows its aircraft: at its destination once it was seen there, else where it
/// left from. A cancelled flight shows nothing.
fn seen(flight: Flight) -> Option<Position> {
    let (airport, time) = match (flight.arr_time, flight.dep_time) {
        (Some(arrived), _) => (flight.dest, arrived),
        (None, Some(left)) => (flight.origin, left),
        (None, None) => return None,
    };
    Some(Position { airport, date: flight.date, time })
}
