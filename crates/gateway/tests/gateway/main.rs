//! The gateway over real sockets, in front of a host that lives in the test.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests use real time, threads and tasks"
)]

mod access;
mod admin;
mod bounds;
mod calls;
mod cors;
mod credentials;
mod drain;
mod durability;
mod feeds;
mod idempotency;
mod messages;
mod refusals;
mod tls;
mod world;
