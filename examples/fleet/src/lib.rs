//! A fleet from its flights: an actor for each aircraft, each airline and each airport adds up the
//! flights that it is told of.
//!
//! [`Flight`] is what they are told, [`Tally`] what they add up, and [`Recorded`] what they answer.
//! Each of them may be told of one flight twice, and counts it once.

mod aircraft;
mod airline;
mod airport;
mod flight;
mod tally;

pub use aircraft::{Aircraft, Position};
pub use airline::Airline;
pub use airport::Airport;
pub use flight::{Flight, FlightError};
pub use tally::{Delay, Recorded, Tally};
