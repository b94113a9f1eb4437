//! A PostgreSQL of one's own, for tests: in a private folder, on a free port, gone when it is dropped.
//!
//! Needs the programs of Debian's package `postgresql`. Where the calling user is root, the server
//! runs as the user `postgres`, because it refuses to run as root.

mod clock;
mod programs;
mod replica;
mod server;

pub use server::{Options, PostgresServer};
