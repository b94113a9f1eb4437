//! **For development and tests only:** one embedded store, served by one process to the processes of its
//! local cluster, and the member table of that cluster.
//!
//! A [`DevServer`] gives each process that it was told of ([`DevServer::admit`]) a store of its own over
//! what it serves, and answers what that process asks through a [`DevStore`], which keeps the
//! [`tenure_store::Store`] contract, fences and several incarnations at a time included. A [`DevTable`] asks
//! the server's [`Table`](tenure_protocol::view::table::Table). Both go over the lanes of
//! [`tenure_transport`], TCP connections that are authenticated by the cluster's key.
//!
//! # Why not for production
//! - One process has the store. While it is away, nobody commits and no lease is renewed; nothing takes over.
//! - One disk has the data. Whoever loses it has lost everything.
//! - The member table is in the server's memory. A server that starts anew begins one, past every
//!   incarnation that its store ever saw, and everybody joins anew.
//!
//! Use PostgreSQL, or what speaks its protocol, for a cluster that is to survive something.
//!
//! # When the way breaks
//! A client dials again by itself. Units that were under way are answered `Unknown`: who submitted them
//! submits them again, and the store says what became of them. Reads are answered `Unavailable`, requests
//! of the table [`Lost`](tenure_protocol::view::membership::Lost). What is asked while there is no way waits
//! for it as long as [`DevClientConfig::patience`] says. The server keeps the incarnation of a client open
//! meanwhile, until it is dismissed.
//!
//! Every queue and length has a bound in [`bounds`].

pub mod bounds;
mod client;
mod codec;
mod message;
mod server;
#[cfg(test)]
mod tests;

pub use client::{DevClient, DevClientConfig, DevStore, DevTable};
pub use server::{AdmitError, DevServer, DevServerConfig};
