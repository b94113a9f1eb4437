//! The server of the campaigns: actors that count turns and remember the last ones.
//!
//! It can be broken on purpose, by the variable `CAMPAIGN_BREAK`, to show that the campaigns notice.

#![expect(clippy::print_stdout, reason = "the first lines of a server are read by its campaign")]

mod broken_front;
mod early_reply;
mod no_sync;

use std::error::Error;

use rustix::process::{Signal, set_parent_process_death_signal};
use tenure_campaigns::ledger::Ledger;

fn main() -> Result<(), Box<dyn Error>> {
    // A campaign that is killed leaves no server behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let broken = std::env::var(tenure_campaigns::rounds::BREAK_VARIABLE).unwrap_or_default();
    match broken.as_str() {
        "" => {}
        "no-sync" => no_sync::take_syncs_away()?,
        "early-reply" => return broken_front::serve(early_reply::store),
        other => return Err(format!("there is no way to break called {other:?}").into()),
    }
    Ok(tenure::app().actor::<Ledger>().run()?)
}
