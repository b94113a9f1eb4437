//! The store that the settings name.

use std::sync::Arc;

use tenure_store::Store;
use tenure_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tenure_store_postgres::PostgresStore;

use crate::config::Settings;

/// The database of `store.url`, or the embedded store in `store.path`. Nothing is opened.
pub(crate) fn of(settings: &Settings) -> Arc<dyn Store> {
    match &settings.store_url {
        Some(database) => Arc::new(PostgresStore::new(database.clone())),
        None => Arc::new(EmbeddedStore::with_config(EmbeddedConfig::new(&settings.store_path))),
    }
}

/// Where it is, for people: without a password.
pub(crate) fn place(settings: &Settings) -> String {
    match &settings.store_url {
        Some(database) => database.place(),
        None => settings.store_path.display().to_string(),
    }
}
