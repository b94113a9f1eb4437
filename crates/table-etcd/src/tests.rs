//! The table against the suite of tables, on a real etcd, and against what becomes of that.

mod suite;
mod support;
mod trouble;
