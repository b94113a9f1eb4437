//! The PostgreSQL engine: actors kept durable in a database that is already there.
//!
//! [`PostgresStore`] keeps the [`tenure_store::Store`] contract; [`migrate`] makes and changes the
//! tables. The modules follow a unit: `queue` (what waits), `lane` (a connection that commits one
//! batch after the other), `batch` (one statement for a batch, and what its answer says of each unit),
//! `fence` (who may commit). `loads` reads many actors with one statement, `reads` and `feeds` the
//! rest, `walk` everything that actors are; `import` fills tables that had nothing; `sweep` removes what deleted actors left. `hosts`, `connect` and `link` hold connections, `failure`
//! says what an error of the server means for a unit. The statements are in `sql/`.
//!
//! **Invariant:** a batch is one statement, and so one transaction, which locks a row of its
//! incarnation's fence before it writes. No transaction of this engine ever waits for its client, but for those of
//! `walk`, which only read, and the one with which an import begins.

mod batch;
mod config;
mod connect;
mod engine;
mod failure;
mod feeds;
mod fence;
mod hosts;
mod import;
mod lane;
mod link;
mod loads;
mod queue;
mod reads;
mod schema;
mod serving;
mod sql;
mod store;
mod sweep;
mod table;
mod tls;
mod walk;

pub use config::{ConfigError, PostgresConfig, SCHEMA_BYTES_MAX};
pub use import::PostgresImport;
pub use schema::{FORMAT, Migrated, PARTITIONS_MAX, migrate};
pub use store::PostgresStore;
pub use table::PostgresTable;

#[cfg(test)]
mod tests;
