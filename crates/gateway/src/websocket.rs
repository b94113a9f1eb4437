//! WebSockets: the handshake, and the driver of an open socket.

mod handshake;
mod socket;
mod upgrade;

pub(crate) use upgrade::{PATH, upgrade};
