//! A served embedded store, and clients over TCP.

mod conformance;
mod cuts;
mod damage;
mod hostile;
mod relay;
mod support;
mod table;
