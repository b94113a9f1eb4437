//! The Centrifuge client protocol, JSON form: what the official `centrifuge` clients speak.

mod command;
mod connection;
mod execute;
mod subscription;
mod words;

pub(crate) use connection::{Connection, Opened};
pub(crate) use words::publication;
