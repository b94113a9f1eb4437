//! Ports that stay free while a server is down.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::bail;

use crate::seed::{Seeded, fresh};

const TRIES: usize = 200;
/// Below the ports that systems give to clients (from 32768 on Linux, 49152 elsewhere), so that no
/// client takes the port while its server is being started again.
const FIRST: u64 = 15_000;
const COUNT: u64 = 15_000;

/// An address on loopback on which nobody listens now, and which no client is given.
///
/// # Errors
/// When no such port is found.
pub fn free() -> anyhow::Result<SocketAddr> {
    let mut numbers = Seeded::new(fresh());
    for _ in 0..TRIES {
        let port = (FIRST + numbers.below(COUNT)) as u16;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("found no free port from {FIRST} to {}", FIRST + COUNT - 1);
}
