//! Fault campaigns against real processes: what was acknowledged must outlive what is done to them.
//!
//! A campaign starts a server, loads it over HTTP, hurts it in the middle of the load, starts it
//! again and compares what it knows with the [`Book`] of everything that it acknowledged. [`kill`]
//! and [`power`] say what is done to it, [`rounds`] is the course that both share, [`fleet`] drives
//! the example of that name.

#![expect(clippy::print_stdout, reason = "campaigns show their progress on the terminal")]

mod behind;
pub mod book;
pub mod clerk;
pub mod disk;
pub mod fleet;
pub mod http;
pub mod interrupt;
pub mod keys;
pub mod kill;
pub mod ledger;
mod load;
pub mod metrics;
pub mod port;
pub mod power;
pub mod process;
pub mod reminders;
pub mod rounds;
pub mod seed;
pub mod stage;
mod verify;

pub use book::Book;
pub use process::ServerProcess;
