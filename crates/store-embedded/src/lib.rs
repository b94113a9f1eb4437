//! The embedded engine: actors kept durable in one folder on a local disk, with nothing to install.
//!
//! [`EmbeddedStore`] keeps the [`tenure_store::Store`] contract over an LSM tree. The folders
//! follow a unit: `commit` (queue, one committing thread, one synced batch for everyone who
//! waits), `rows`, `keys` and `view` (the tree, its keys, and what is
//! read of one moment), `seat` (who uses the folder: one alone, or several that share it), `feeds` (what units append for others), `load` (a small pool that reads), `open` and
//! `integrity` (what is checked before anything is served), `failure` (what happens when the disk
//! fails).
//!
//! **Invariant:** one process has the folder open, and in it one thread writes.

mod answer;
mod backup;
mod commit;
mod config;
mod failure;
mod feeds;
mod import;
mod integrity;
mod keys;
mod load;
mod lock;
mod open;
mod restore;
mod rows;
mod seat;
mod serving;
mod store;
mod view;
mod walk;
mod wipe;

pub use backup::Backup;
pub use config::EmbeddedConfig;
pub use import::EmbeddedImport;
pub use restore::{UNFINISHED, restore, verify};
pub use store::EmbeddedStore;
pub use wipe::wipe;

#[cfg(test)]
mod tests;
