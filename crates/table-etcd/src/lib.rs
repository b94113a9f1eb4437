//! The member table of a cluster in etcd, for clusters whose database fails over slowly or is not to carry the renewals.
//!
//! [`EtcdConfig`] reads where it is, in every build. With the feature `etcd` there is `EtcdTable`: `table` does a request,
//! `form` is what the keys hold, `link` the connection, `history` what tells a restored table from the one that answered
//! before.
//!
//! **Invariant:** every change is one transaction that compares the revision of each key it rests on. No clock of a
//! server and no etcd lease decides anything.

mod config;
#[cfg(feature = "etcd")]
mod engine;
#[cfg(feature = "etcd")]
mod error;
#[cfg(feature = "etcd")]
mod form;
#[cfg(feature = "etcd")]
mod history;
#[cfg(feature = "etcd")]
mod link;
#[cfg(feature = "etcd")]
mod look;
#[cfg(feature = "etcd")]
mod table;

pub use config::{ConfigError, EtcdConfig, HOSTS_MAX, PREFIX_BYTES_MAX};
#[cfg(feature = "etcd")]
pub use error::EtcdError;
#[cfg(feature = "etcd")]
pub use table::EtcdTable;

#[cfg(all(test, feature = "etcd"))]
mod tests;
