//! One address for all nodes, as clients know a cluster: each connection goes to the next door that is open.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::cluster::client::Doors;

/// Passes on what comes, until it is dropped.
pub(super) struct Balancer {
    pub(super) address: SocketAddr,
    // Its tasks end with it.
    _runtime: Runtime,
}

impl Balancer {
    pub(super) fn start(doors: &Arc<Doors>) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("no runtime")?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let doors = Arc::clone(doors);
        runtime.spawn(async move {
            let mut at = 0;
            while let Ok((client, _)) = listener.accept().await {
                if let Some(node) = doors.at(at) {
                    tokio::spawn(pass_on(client, node));
                }
                at += 1;
            }
        });
        Ok(Self { address, _runtime: runtime })
    }
}

/// Passes on both ways until one of them breaks. A client whose node is not there loses its connection.
async fn pass_on(mut client: TcpStream, node: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(node).await else { return };
    // An end is an end, whatever the reason.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
