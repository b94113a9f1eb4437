//! Which actors a flight concerns, and how they are addressed.

use fleet::Flight;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// An actor of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) kind: &'static str,
    pub(crate) key: String,
}

/// What an actor is asked to do.
pub(crate) struct Duty {
    pub(crate) target: Target,
    pub(crate) method: &'static str,
}

impl Target {
    /// The path of a call.
    pub(crate) fn path(&self, method: &str) -> String {
        format!("/v1/{}/{}/{method}", self.kind, utf8_percent_encode(&self.key, NON_ALPHANUMERIC))
    }
}

/// Everything that has to be done about a flight: three or four calls.
pub(crate) fn duties(flight: &Flight) -> impl Iterator<Item = Duty> {
    let duty =
        |kind, key: &String, method| Duty { target: Target { kind, key: key.clone() }, method };
    let aircraft = flight.tailnum.as_ref().map(|tailnum| duty("aircraft", tailnum, "record"));
    let others = [
        duty("airline", &flight.carrier, "record"),
        duty("airport", &flight.origin, "record_departure"),
        duty("airport", &flight.dest, "record_arrival"),
    ];
    aircraft.into_iter().chain(others)
}
