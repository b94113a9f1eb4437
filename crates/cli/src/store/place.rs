//! Which store is meant.

use std::path::PathBuf;

use tenure_store::{Store, StoreError};
use tenure_store_embedded::EmbeddedStore;
use tenure_store_postgres::{ConfigError, PostgresConfig, PostgresStore};
use tokio::runtime::{Builder, Runtime};

use crate::command_line::StorePlace;
use crate::failure::Failure;

/// The variable that names a database to every program of Tenure.
const VARIABLE: &str = "TENURE_STORE";

pub(super) enum Place {
    Embedded(PathBuf),
    Postgres(Box<PostgresConfig>),
}

impl Place {
    pub(super) fn of(wanted: &StorePlace) -> Result<Self, Failure> {
        if let Some(folder) = &wanted.data {
            return Ok(Self::Embedded(folder.clone()));
        }
        let url = wanted.store.clone().or_else(|| std::env::var(VARIABLE).ok());
        let Some(url) = url else {
            return Err(Failure::usage("no store is named")
                .advice(format!("say --data FOLDER, or --store URL or {VARIABLE}")));
        };
        let config = url.parse().map_err(|error: ConfigError| {
            let example = "name it as postgres://user:password@host:5432/database";
            Failure::usage(error.to_string()).advice(example)
        })?;
        Ok(Self::Postgres(Box::new(config)))
    }

    /// For people: without the password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Embedded(folder) => folder.display().to_string(),
            Self::Postgres(config) => config.place(),
        }
    }

    /// The store, not open.
    pub(super) fn store(&self) -> Box<dyn Store> {
        match self {
            Self::Embedded(folder) => Box::new(EmbeddedStore::new(folder)),
            Self::Postgres(config) => Box::new(PostgresStore::new((**config).clone())),
        }
    }

    /// The store, open to be read.
    ///
    /// # Errors
    /// What stands in the way, and what to do.
    pub(super) async fn open_to_read(&self) -> Result<Box<dyn Store>, Failure> {
        let store = self.store();
        match store.open_to_read().await {
            Ok(true) => Ok(store),
            Ok(false) => Err(Failure::new(format!("there is no store in {}", self.shown()))
                .advice(
                    "look for a mistake in its name; a store is made by the first start of a node",
                )),
            Err(error) => Err(unread(&error)),
        }
    }
}

/// What waits for a store.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(format!("no thread: {error}")))
}

/// The failure of a store that cannot be read.
pub(super) fn unread(error: &StoreError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        StoreError::Locked { .. } => failure.advice(
            "stop its node; or `tenure backup` it, `tenure restore` that elsewhere, and name that folder",
        ),
        StoreError::Newer { .. } => failure.advice("use the newer `tenure`"),
        StoreError::Corrupt { .. } => {
            failure.advice("nothing is exported of a damaged store: restore a backup, and name that")
        }
        _ => failure.advice("look at the store, the disk and the network; then repeat it"),
    }
}
