//! Serves the fleet: `fleet-load` tells it of flights.

use fleet::{Aircraft, Airline, Airport};

fn main() -> tenure::Result<()> {
    tenure::app().actor::<Aircraft>().actor::<Airline>().actor::<Airport>().run()
}
