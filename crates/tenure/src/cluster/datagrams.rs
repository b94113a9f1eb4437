//! Datagrams of gossip: sealed, sent, heard, and the search for other members.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_observe::Counter;
use tenure_transport::{ClusterKey, ClusterName, DatagramOpener, DatagramSealer};
use tenure_types::{Clock, Instant, Tasks};
use tokio::net::{UdpSocket, lookup_host};

use crate::config::Seed;

/// The most addresses to which one search goes.
const FOUND_MAX: usize = 1_024;
/// The most bytes of a file of addresses that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// For how long the address of a name is remembered.
const NAME_KEPT: Duration = Duration::from_secs(10);
/// Of how many names it is.
const NAMES_MAX: usize = 4_096;

/// This node's way to others by datagrams.
pub(super) struct Datagrams {
    socket: Arc<UdpSocket>,
    sealer: DatagramSealer,
    opener: Mutex<DatagramOpener>,
    seeds: Vec<Seed>,
    /// A search is under way; another one waits for its end.
    is_searching: AtomicBool,
    names: Mutex<BTreeMap<Box<str>, (SocketAddr, Instant)>>,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
    /// Those that came and were none, or could not be read.
    dropped: Arc<Counter>,
}

impl Datagrams {
    pub(super) fn new(
        socket: Arc<UdpSocket>,
        (key, cluster, run): (&ClusterKey, &ClusterName, u64),
        seeds: Vec<Seed>,
        (clock, tasks): (Arc<dyn Clock>, Arc<dyn Tasks>),
        dropped: Arc<Counter>,
    ) -> Self {
        Self {
            socket,
            sealer: DatagramSealer::new(key, cluster, run),
            opener: Mutex::new(DatagramOpener::new(key.clone(), cluster.clone(), run)),
            seeds,
            is_searching: AtomicBool::new(false),
            names: Mutex::default(),
            clock,
            tasks,
            dropped,
        }
    }

    /// What a datagram from anybody carries, if a member sealed it and it came for the first time.
    pub(super) fn open(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let opened = self.opener.lock().open(datagram);
        opened.inspect_err(|error| self.dropped(&error.to_string())).ok()
    }

    /// One more came of which nothing was taken.
    pub(super) fn dropped(&self, why: &str) {
        self.dropped.increment();
        tracing::debug!(why, "a datagram was dropped");
    }

    /// Sends to a host and port, as far as the socket takes it now.
    pub(super) fn send(self: &Arc<Self>, to: &str, plain: &[u8]) {
        let Some(sealed) = self.sealer.seal(plain) else { return };
        let known = to.parse().ok().or_else(|| self.known(to));
        if let Some(at) = known {
            return self.write(at, &sealed);
        }
        let (this, to) = (Arc::clone(self), to.to_owned());
        let look_up = async move {
            let is_v4 = this.is_v4();
            match lookup_host(&to).await.map(|mut it| it.find(|at| at.is_ipv4() == is_v4)) {
                Ok(Some(at)) => {
                    this.remember(&to, at);
                    this.write(at, &sealed);
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, to, "its address is not known now"),
            }
        };
        self.tasks.spawn("look-up", Box::pin(look_up));
    }

    /// Sends to all addresses at which the configuration says that members may be; a name may have many, and a file is
    /// read each time.
    pub(super) fn knock(self: &Arc<Self>, plain: Vec<u8>) {
        if self.is_searching.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = Arc::clone(self);
        let search = async move {
            for at in found(&this.seeds).await {
                // Each is a datagram of its own, which is heard once.
                if let Some(sealed) = this.sealer.seal(&plain) {
                    this.write(at, &sealed);
                }
            }
            this.is_searching.store(false, Ordering::Release);
        };
        self.tasks.spawn("search", Box::pin(search));
    }

    /// A socket of one kind reaches no address of the other.
    fn is_v4(&self) -> bool {
        self.socket.local_addr().is_ok_and(|at| at.is_ipv4())
    }

    fn write(&self, at: SocketAddr, sealed: &[u8]) {
        // One that is lost is sent again, by whoever waits for an answer.
        if let Err(error) = self.socket.try_send_to(sealed, at) {
            tracing::debug!(%error, %at, "a datagram was not sent");
        }
    }

    fn known(&self, name: &str) -> Option<SocketAddr> {
        let now = self.clock.now();
        let names = self.names.lock();
        names.get(name).filter(|(_, until)| now < *until).map(|(at, _)| *at)
    }

    fn remember(&self, name: &str, at: SocketAddr) {
        let now = self.clock.now();
        let mut names = self.names.lock();
        if names.len() >= NAMES_MAX {
            names.retain(|_, (_, until)| now < *until);
        }
        if names.len() < NAMES_MAX {
            names.insert(name.into(), (at, now + NAME_KEPT));
        }
    }
}

/// All addresses that these name now.
async fn found(seeds: &[Seed]) -> BTreeSet<SocketAddr> {
    let mut names = Vec::new();
    for seed in seeds {
        match seed {
            Seed::At(name) => names.push(name.clone()),
            Seed::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || lines(&path)).await;
                names.extend(read.unwrap_or_default());
            }
        }
    }
    let mut found = BTreeSet::new();
    for name in names {
        match lookup_host(&name).await {
            Ok(addresses) => found.extend(addresses.take(FOUND_MAX - found.len())),
            Err(error) => tracing::debug!(%error, name, "nobody is known there now"),
        }
        if found.len() >= FOUND_MAX {
            break;
        }
    }
    found
}

/// The addresses in a file, one on each line; empty lines and those that begin with `#` are left out.
fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
    if let Err(error) = read {
        let path = path.display();
        // It may be written later.
        if error.kind() == std::io::ErrorKind::NotFound {
            tracing::debug!(%error, %path, "cluster.seeds: a file is not there");
        } else {
            tracing::warn!(%error, %path, "cluster.seeds: a file was not read");
        }
        return Vec::new();
    }
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
    lines.take(FOUND_MAX).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn seeds_are_addresses_names_and_files_that_are_read_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seeds");
        let seeds = [Seed::At("127.0.0.1:1".to_owned()), Seed::File(path.clone())];
        let addresses = |ports: &[u16]| -> BTreeSet<SocketAddr> {
            ports.iter().map(|port| ([127, 0, 0, 1], *port).into()).collect()
        };
        assert_eq!(found(&seeds).await, addresses(&[1]), "the file is not there yet");
        std::fs::write(&path, "# two\n127.0.0.1:2\n\n 127.0.0.1:3 \nnonsense\n").unwrap();
        assert_eq!(found(&seeds).await, addresses(&[1, 2, 3]));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(found(&seeds).await, addresses(&[1]), "it is no text");
        let many: String = (1..5_000).map(|port| format!("127.0.0.1:{port}\n")).collect();
        std::fs::write(&path, many).unwrap();
        assert_eq!(found(&seeds).await.len(), FOUND_MAX);
    }
}
