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

/// An address from which on `count` ports, `step` apart, are such.
///
/// # Errors
/// When no such row is found.
pub fn free_row(count: u16, step: u16) -> anyhow::Result<SocketAddr> {
    for _ in 0..TRIES {
        let first = free()?;
        let mut ports = (0..count).map(|number| first.port().checked_add(number * step));
        let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if ports.all(|port| port.is_some_and(is_free)) {
            return Ok(first);
        }
    }
    bail!("found no row of {count} free ports, {step} apart");
}
