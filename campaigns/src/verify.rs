//! Asks a server for everything that it knows, and compares it with the book.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use crate::book::{Compared, Shown};
use crate::http::Connection;
use crate::load::Tally;

/// Compares every actor, over several connections at once.
///
/// # Errors
/// When an actor cannot be read.
pub(crate) fn verify(
    tally: &Arc<Tally>,
    address: SocketAddr,
    connections: usize,
) -> anyhow::Result<Compared> {
    let readers: Vec<_> = (0..connections)
        .map(|first| {
            let tally = Arc::clone(tally);
            std::thread::spawn(move || read(&tally, address, first, connections))
        })
        .collect();
    let mut all = Compared::default();
    for reader in readers {
        let compared = reader.join().map_err(|_| anyhow!("a reader panicked"))??;
        all.findings.extend(compared.findings);
        all.executed += compared.executed;
    }
    Ok(all)
}

fn read(tally: &Tally, address: SocketAddr, first: usize, step: usize) -> anyhow::Result<Compared> {
    let mut connection = Connection::new(address);
    let mut all = Compared::default();
    for actor in (first..tally.book.actors()).step_by(step) {
        let path = format!("/v1/{}/{actor}/show", tally.actor_type);
        let reply = connection
            .call("GET", &path, "")
            .map_err(|failure| anyhow!("ledger/{actor} cannot be read: {failure:?}"))?;
        let shown: Shown = serde_json::from_str(&reply)
            .with_context(|| format!("ledger/{actor} shows {reply:?}"))?;
        let compared = tally.book.compare(actor, &shown);
        all.findings.extend(compared.findings);
        all.executed += compared.executed;
    }
    Ok(all)
}
