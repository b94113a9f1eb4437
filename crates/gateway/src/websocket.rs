//! WebSockets: the handshake, and the driver of an open socket.

#[cfg(test)]
mod echo;
mod handshake;
mod socket;
mod speaker;
mod upgrade;

pub(crate) use upgrade::{PATH, upgrade};
