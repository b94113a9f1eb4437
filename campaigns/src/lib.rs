//! Fault campaigns against real processes: what was acknowledged must outlive what is done to them.
//!
//! A campaign starts a server, loads it over HTTP, hurts it in the middle of the load, starts it
//! again and compares what it knows with the [`Book`] of everything that it acknowledged. [`kill`]
//! and [`power`] say what is done to it, [`rounds`] is the course that both share. [`keys`] makes
//! calls again, [`reminders`] waits for what was promised for later, [`overload`] asks for too much,
//! [`many`] needs more memory than there is, [`feeds`] kills a consumer of a feed as well, [`fleet`], [`shop`] and
//! [`booth`] drive the examples of these names, [`cluster`] has several nodes on one database, and [`roll`] restarts
//! them one after the other; [`rehearse`] what they stand on as well. [`million`] has a great many actors on them, and
//! [`split`] cuts the network between them. [`ship`] moves all actors from engine to engine. [`browser`] is for tests of pages.

#![expect(clippy::print_stdout, reason = "campaigns show their progress on the terminal")]

mod behind;
pub mod book;
pub mod booth;
pub mod browser;
pub mod build;
pub mod changed_store;
pub mod clerk;
pub mod cluster;
pub mod database;
pub mod disk;
pub mod feeds;
pub mod fleet;
pub mod ground;
pub mod herald;
pub mod http;
pub mod interrupt;
pub mod keys;
pub mod kill;
pub mod ledger;
mod load;
pub mod many;
pub mod metrics;
pub mod mill;
pub mod million;
pub mod no_sync;
pub mod nodes;
mod offer;
pub mod overload;
pub mod port;
pub mod power;
pub mod process;
pub mod rehearse;
pub mod reminders;
pub mod roll;
pub mod rounds;
pub mod scene;
pub mod seed;
pub mod sessions;
pub mod ship;
pub mod shop;
pub mod size;
pub mod speaker;
pub mod split;
pub mod stage;
mod stream;
pub mod tenant;
mod verify;

pub use book::Book;
pub use process::ServerProcess;
