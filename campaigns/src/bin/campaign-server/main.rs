//! The server of the campaigns: actors that count turns and remember the last ones.
//!
//! It can be broken on purpose, by the variable `CAMPAIGN_BREAK`, to show that the campaigns notice.

mod early_reply;
mod ledger;
mod no_sync;

use std::error::Error;

use ledger::Ledger;
use rustix::process::{Signal, set_parent_process_death_signal};

fn main() -> Result<(), Box<dyn Error>> {
    // A campaign that is killed leaves no server behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let app = tenure::app().actor::<Ledger>();
    let broken = std::env::var(tenure_campaigns::rounds::BREAK_VARIABLE).unwrap_or_default();
    let app = match broken.as_str() {
        "" => app,
        "early-reply" => app.store_with(early_reply::store),
        "no-sync" => {
            no_sync::take_syncs_away()?;
            app
        }
        other => return Err(format!("there is no way to break called {other:?}").into()),
    };
    Ok(app.run()?)
}
