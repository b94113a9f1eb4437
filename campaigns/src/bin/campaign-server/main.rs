//! The server of the campaigns: actors that count turns and remember the last ones, and actors that
//! have themselves reminded.
//!
//! It can be broken on purpose, by the variable `CAMPAIGN_BREAK`, to show that the campaigns notice,
//! and made slow by `CAMPAIGN_SLOW_STORE_MS`. `CAMPAIGN_BUILD` makes it one of two builds that store different forms.

#![expect(clippy::print_stdout, reason = "the first lines of a server are read by its campaign")]

mod front;

use std::error::Error;
use std::time::Duration;

use clap::ValueEnum;
use rustix::process::{Signal, set_parent_process_death_signal};
use tenure_campaigns::build::{BUILD_VARIABLE, Build};
use tenure_campaigns::changed_store::{Change, open};
use tenure_campaigns::clerk::Clerk;
use tenure_campaigns::herald::{Crier, Herald};
use tenure_campaigns::ledger::{
    BALLAST_VARIABLE, BehindLedger, EventLedger, Ledger, VolatileLedger, late,
};
use tenure_campaigns::mill::Mill;
use tenure_campaigns::no_sync;
use tenure_campaigns::speaker::{Speaker, careless};
use tenure_campaigns::stage::{BREAK_VARIABLE, Break, SLOW_VARIABLE};
use tenure_campaigns::tenant::Tenant;

fn main() -> Result<(), Box<dyn Error>> {
    // Before anything that ends a process with its parent.
    if tenure::run_if_sentinel().is_some() {
        return Ok(());
    }
    // A campaign that is killed leaves no server behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let broken = match std::env::var(BREAK_VARIABLE) {
        Ok(word) => Some(Break::from_str(&word, false)?),
        Err(_) => None,
    };
    if let Ok(word) = std::env::var(BUILD_VARIABLE) {
        Build::from_str(&word, false)?.begin();
    }
    let slow = match std::env::var(SLOW_VARIABLE) {
        Ok(ms) => Change::Slow(Duration::from_millis(ms.parse()?)),
        Err(_) => Change::None,
    };
    let change = match broken {
        Some(Break::EarlyReply) => Change::EarlyReply,
        Some(Break::NothingDue) => Change::NothingDue,
        _ => slow,
    };
    if broken == Some(Break::NoSync) {
        no_sync::take_syncs_away()?;
    }
    let hides_age = broken == Some(Break::HiddenAge);
    if change != Change::None || hides_age || broken == Some(Break::NoKeys) {
        return front::serve(|folder| Ok(open(folder, change)?), hides_age);
    }
    let _ballast = ballast()?;
    let app = tenure::app().actor::<Herald>().actor::<Crier>().actor::<VolatileLedger>();
    let app = app.actor::<Ledger>().actor::<EventLedger>().actor::<Clerk>().actor::<Mill>();
    let app = app.actor::<Tenant>();
    let app = match broken {
        Some(Break::LateAppend) => app.actor::<careless::Speaker>(),
        _ => app.actor::<Speaker>(),
    };
    let app = match broken {
        Some(Break::LateFlush) => app.actor::<late::BehindLedger>(),
        _ => app.actor::<BehindLedger>(),
    };
    Ok(app.run()?)
}

/// Memory that is resident as long as the server runs.
fn ballast() -> Result<Vec<u8>, Box<dyn Error>> {
    let mib: usize = match std::env::var(BALLAST_VARIABLE) {
        Ok(text) => text.parse()?,
        Err(_) => 0,
    };
    Ok(vec![1; mib << 20])
}
