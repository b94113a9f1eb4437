//! `tenure store`: the tables in a database; all actors as one file.

mod export;
mod file;
mod import;
mod place;
mod told;

use serde_json::json;
use tenure_store::StoreError;
use tenure_store_postgres::{ConfigError, Migrated, PostgresConfig, migrate};

use crate::command_line::{Migrate, StoreVerb};
use crate::failure::Failure;
use crate::screen::Screen;
use place::runtime;

pub(crate) fn run(verb: &StoreVerb, screen: &Screen) -> Result<(), Failure> {
    match verb {
        StoreVerb::Migrate(migrate) => make(migrate, screen),
        StoreVerb::Export(wanted) if wanted.verify => export::compare(wanted, screen),
        StoreVerb::Export(wanted) => export::run(wanted, screen),
        StoreVerb::Import(wanted) => import::run(wanted, screen),
        StoreVerb::Verify { file } => import::verify(file, screen),
    }
}

fn make(wanted: &Migrate, screen: &Screen) -> Result<(), Failure> {
    let config: PostgresConfig = wanted.store.parse().map_err(|error: ConfigError| {
        let example = "name it as postgres://user:password@host:5432/database";
        Failure::usage(error.to_string()).advice(example)
    })?;
    let migrated = runtime()?.block_on(migrate(&config, wanted.partitions));
    let Migrated { from, to } = migrated.map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error {
            StoreError::Newer { .. } => failure.advice("use the newer `tenure`"),
            StoreError::Corrupt { .. } => failure.advice("name another schema (?schema=..)"),
            _ => failure.advice("nothing was changed; mend that and repeat it"),
        }
    })?;
    let place = config.place();
    let document = json!({ "store": place, "from": from, "to": to });
    screen.result(&document, || match from {
        Some(from) if from == to => format!("{place}: the tables are those of format {to} already"),
        Some(from) => format!("{place}: the tables were of format {from} and are of {to} now"),
        None => format!(
            "{place}: the tables were made, format {to}; serve with TENURE_STORE or --set store.url=.."
        ),
    })
}
