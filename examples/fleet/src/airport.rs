use tenure::prelude::*;

use crate::{Flight, FlightError, Recorded, Tally};

/// An airport, by its code.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Airport {
    /// The flights that were to leave from here.
    pub departures: Tally,
    /// The flights that were to come here.
    pub arrivals: Tally,
}

#[actor]
impl Airport {
    /// Records a flight from here. A row that was passed already changes nothing.
    pub fn record_departure(
        &mut self,
        cx: &mut Context<Self>,
        flight: Flight,
    ) -> Result<Recorded, FlightError> {
        flight.check(Some(&flight.origin), cx.key())?;
        Ok(self.departures.record(&flight))
    }

    /// Records a flight to here. A row that was passed already changes nothing.
    pub fn record_arrival(
        &mut self,
        cx: &mut Context<Self>,
        flight: Flight,
    ) -> Result<Recorded, FlightError> {
        flight.check(Some(&flight.dest), cx.key())?;
        Ok(self.arrivals.record(&flight))
    }

    /// Its totals.
    pub fn totals(&self) -> Self {
        self.clone()
    }
}
