//! An etcd of one's own, for tests: in a private folder, on free ports, gone when it is dropped, and when the thread that
//! started it ends.
//!
//! Needs the programs of Debian's packages `etcd-server` and `etcd-client`, and `setpriv`, which every Debian has.

mod health;
mod server;

pub use server::{EtcdServer, Options};
