use tenure::prelude::*;

use crate::{Flight, FlightError, Recorded, Tally};

/// An airline, by its carrier code.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Airline {
    /// Its flights.
    pub tally: Tally,
}

#[actor]
impl Airline {
    /// Records a flight of this airline. A row that was passed already changes nothing.
    pub fn record(
        &mut self,
        cx: &mut Context<Self>,
        flight: Flight,
    ) -> Result<Recorded, FlightError> {
        flight.check(Some(&flight.carrier), cx.key())?;
        Ok(self.tally.record(&flight))
    }

    /// Its totals.
    pub fn totals(&self) -> Self {
        self.clone()
    }
}
