use crate::Flight;

/// What is added up over flights.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// The highest row recorded. A row up to here is known already.
    pub last_row: u64,
    /// Flights that were to take place.
    pub flights: u64,
    /// Flights that never left.
    pub cancelled: u64,
    /// Flights that left.
    pub departed: u64,
    /// How late they left.
    pub departure_delay: Delay,
    /// Flights that arrived where they were to go by the plan.
    pub completed: u64,
    /// How late they arrived.
    pub arrival_delay: Delay,
    /// Minutes in the air, over completed flights.
    pub air_time: u64,
    /// Miles, over completed flights.
    pub miles: u64,
}

/// Minutes of delay, negative when early.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delay {
    /// Of all flights together.
    pub sum: i64,
    /// Of the latest one; none when there was no flight.
    pub max: Option<i32>,
}

/// What became of a flight that an actor was told of.
#[tenure::data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// It counts from now on.
    New,
    /// It, or a later one, was recorded before: nothing was changed.
    Repeated,
}

impl Tally {
    /// Adds a flight, unless its row was passed already.
    pub fn record(&mut self, flight: &Flight) -> Recorded {
        if flight.row <= self.last_row {
            return Recorded::Repeated;
        }
        self.last_row = flight.row;
        self.flights += 1;
        match flight.dep_time {
            None => self.cancelled += 1,
            Some(_) => self.departed += 1,
        }
        if let Some(minutes) = flight.dep_delay {
            self.departure_delay.add(minutes);
        }
        if let Some(minutes) = flight.arr_delay {
            self.arrival_delay.add(minutes);
        }
        if let Some(minutes) = flight.air_time {
            self.completed += 1;
            self.air_time += u64::from(minutes);
            self.miles += u64::from(flight.distance);
        }
        Recorded::New
    }
}

impl Delay {
    fn add(&mut self, minutes: i32) {
        self.sum += i64::from(minutes);
        self.max = self.max.max(Some(minutes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(row: u64) -> Flight {
        Flight {
            row,
            date: "2013-01-01".to_owned(),
            carrier: "UA".to_owned(),
            number: 1545,
            tailnum: Some("N14228".to_owned()),
            origin: "EWR".to_owned(),
            dest: "IAH".to_owned(),
            distance: 1400,
            dep_time: Some(517),
            dep_delay: Some(-2),
            arr_time: Some(830),
            arr_delay: Some(11),
            air_time: Some(227),
        }
    }

    #[test]
    fn a_row_counts_once_and_late_repeats_change_nothing() {
        let mut tally = Tally::default();
        assert_eq!(tally.record(&flight(3)), Recorded::New);
        assert_eq!(tally.record(&flight(3)), Recorded::Repeated);
        assert_eq!(tally.record(&flight(7)), Recorded::New);
        let known = tally.clone();
        for row in [1, 3, 7] {
            assert_eq!(tally.record(&flight(row)), Recorded::Repeated, "{row}");
        }
        assert_eq!(tally, known);
        assert_eq!((tally.flights, tally.miles, tally.air_time), (2, 2800, 454));
        assert_eq!(tally.departure_delay, Delay { sum: -4, max: Some(-2) });
    }

    #[test]
    fn what_did_not_happen_is_not_added() {
        let cancelled = Flight {
            dep_time: None,
            dep_delay: None,
            arr_time: None,
            arr_delay: None,
            air_time: None,
            ..flight(1)
        };
        let diverted = Flight { row: 2, arr_delay: None, air_time: None, ..flight(2) };
        let mut tally = Tally::default();
        tally.record(&cancelled);
        tally.record(&diverted);
        assert_eq!((tally.flights, tally.cancelled, tally.departed), (2, 1, 1));
        assert_eq!((tally.completed, tally.miles, tally.air_time), (0, 0, 0));
        assert_eq!(tally.departure_delay, Delay { sum: -2, max: Some(-2) });
        assert_eq!(tally.arrival_delay, Delay::default());
    }
}
