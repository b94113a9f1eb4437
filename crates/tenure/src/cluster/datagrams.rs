//! Datagrams of gossip: sealed, sent, heard, and the search for other members.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tenure_observe::Counter;
use tenure_transport::{ClusterKey, ClusterName, DatagramOpener, DatagramSealer};
use tenure_types::{Clock, Tasks};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

use super::names::{Names, Resolve};
use crate::config::Seed;

/// The most names and the most addresses to which one search goes, of each.
const FOUND_MAX: usize = 1_024;
/// The most bytes of a file of addresses that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// This node's way to others by datagrams.
pub(super) struct Datagrams {
    socket: Arc<UdpSocket>,
    sealer: DatagramSealer,
    opener: Mutex<DatagramOpener>,
    seeds: Vec<Seed>,
    /// Files are read for a search; another one waits for its end.
    is_searching: AtomicBool,
    /// Names that are looked up for searches now.
    sought: Mutex<BTreeSet<String>>,
    names: Names,
    resolve: Resolve,
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
            sought: Mutex::default(),
            names: Names::default(),
            resolve: super::names::system(),
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

    /// Sends to a host and port, as far as the socket takes it now, and where a name led when that was known last. What is
    /// sent while a name is looked up for the first time is lost, but for the datagram that it is looked up for.
    pub(super) fn send(self: &Arc<Self>, to: &str, plain: &[u8]) {
        let Some(sealed) = self.sealer.seal(plain) else { return };
        if let Ok(at) = to.parse() {
            return self.write(at, &sealed);
        }
        let (known, is_due) = self.names.look(to, self.clock.now());
        if let Some(at) = known {
            self.write(at, &sealed);
        }
        if !is_due {
            return;
        }
        let (this, to) = (Arc::clone(self), to.to_owned());
        let look_up = async move {
            let is_v4 = this.is_v4();
            let found = match (this.resolve)(to.clone()).await {
                Ok(found) => found.into_iter().find(|at| at.is_ipv4() == is_v4),
                Err(error) => {
                    tracing::debug!(%error, to, "its address is not known now");
                    None
                }
            };
            this.names.looked_up(&to, found, this.clock.now());
            if let (None, Some(at)) = (known, found) {
                this.write(at, &sealed);
            }
        };
        self.tasks.spawn("look-up", Box::pin(look_up));
    }

    /// Sends to all addresses at which the configuration says that members may be; a name may have many, and a file is
    /// read each time. Names are looked up beside each other, each once at a time: one whose look-up takes long holds up no
    /// other.
    pub(super) fn knock(self: &Arc<Self>, plain: Vec<u8>) {
        if self.is_searching.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = Arc::clone(self);
        let search = async move {
            let (plain, room) = (Arc::<[u8]>::from(plain), Arc::new(Semaphore::new(FOUND_MAX)));
            for name in named(&this.seeds).await {
                this.knock_at(name, Arc::clone(&plain), Arc::clone(&room));
            }
            this.is_searching.store(false, Ordering::Release);
        };
        self.tasks.spawn("search", Box::pin(search));
    }

    /// Sends to all addresses that a name has now, as far as there is room in this search.
    fn knock_at(self: &Arc<Self>, name: String, plain: Arc<[u8]>, room: Arc<Semaphore>) {
        if let Ok(at) = name.parse() {
            return self.knock_once(at, &plain, &room);
        }
        if !self.sought.lock().insert(name.clone()) {
            return;
        }
        let this = Arc::clone(self);
        let look_up = async move {
            match (this.resolve)(name.clone()).await {
                Ok(found) => {
                    let found: BTreeSet<SocketAddr> = found.into_iter().collect();
                    found.into_iter().for_each(|at| this.knock_once(at, &plain, &room));
                }
                Err(error) => tracing::debug!(%error, name, "nobody is known there now"),
            }
            this.sought.lock().remove(&name);
        };
        self.tasks.spawn("look-up", Box::pin(look_up));
    }

    fn knock_once(&self, at: SocketAddr, plain: &[u8], room: &Semaphore) {
        let Ok(permit) = room.try_acquire() else { return };
        permit.forget();
        // Each is a datagram of its own, which is heard once.
        if let Some(sealed) = self.sealer.seal(plain) {
            self.write(at, &sealed);
        }
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
}

/// The hosts and ports that these name now, each once.
async fn named(seeds: &[Seed]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for seed in seeds {
        match seed {
            Seed::At(name) => names.extend([name.clone()]),
            Seed::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || lines(&path)).await;
                names.extend(read.unwrap_or_default());
            }
        }
    }
    names.into_iter().take(FOUND_MAX).collect()
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
    use std::io;
    use std::sync::atomic::{AtomicU64, AtomicUsize};
    use std::time::Duration;

    use tenure_types::Instant;
    use tokio::sync::watch;
    use tokio::time::timeout;

    use super::*;
    use crate::seams::NodeTasks;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[derive(Default)]
    struct HandClock(AtomicU64);

    impl Clock for HandClock {
        fn now(&self) -> Instant {
            Instant::ZERO + Duration::from_secs(self.0.load(Ordering::SeqCst))
        }

        fn coarse(&self) -> Instant {
            self.now()
        }

        fn unix_ms(&self) -> u64 {
            0
        }
    }

    /// Datagrams whose names all lead to one socket, as far as they are told.
    struct Subject {
        datagrams: Arc<Datagrams>,
        clock: Arc<HandClock>,
        /// Whether look-ups find it; `None` while they wait.
        finds: watch::Sender<Option<bool>>,
        asked: Arc<AtomicUsize>,
        hears: UdpSocket,
    }

    impl Subject {
        async fn new() -> Self {
            let bind = || UdpSocket::bind("127.0.0.1:0");
            let (socket, hears) = (Arc::new(bind().await.unwrap()), bind().await.unwrap());
            // What is not taken at once is lost.
            socket.writable().await.unwrap();
            let clock = Arc::new(HandClock::default());
            let as_clock = || Arc::clone(&clock) as Arc<dyn Clock>;
            let handle = tokio::runtime::Handle::current();
            let tasks = Arc::new(NodeTasks::new(handle, as_clock(), (1, None)));
            let (key, name) = (ClusterKey::from_text(&"00".repeat(32)), ClusterName::new("c"));
            let named = (&key.unwrap(), &name.unwrap(), 1);
            let metrics = tenure_observe::Metrics::new();
            let dropped = metrics.register_counter(tenure_observe::names::DATAGRAMS_DROPPED, &[]);
            let mut datagrams =
                Datagrams::new(socket, named, vec![], (as_clock(), tasks), dropped.unwrap());
            let (finds, asked) = (watch::Sender::new(None), Arc::new(AtomicUsize::new(0)));
            let (at, told, count) = (hears.local_addr(), finds.subscribe(), Arc::clone(&asked));
            let at = at.unwrap();
            datagrams.resolve = Arc::new(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                let mut told = told.clone();
                Box::pin(async move {
                    let found = *told.wait_for(Option::is_some).await.unwrap();
                    let found = found.filter(|it| *it).map(|_| vec![at]);
                    found.ok_or_else(|| io::Error::other("no server answers"))
                })
            });
            Self { datagrams: Arc::new(datagrams), clock, finds, asked, hears }
        }

        async fn hears_one(&self) {
            let mut datagram = [0; 2_000];
            let heard = self.hears.recv_from(&mut datagram);
            timeout(PATIENCE, heard).await.expect("it is sent").unwrap();
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        async fn after(&self, seconds: u64) {
            self.clock.0.fetch_add(seconds, Ordering::SeqCst);
            // Look-ups that are under way have their end.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn while_names_are_not_found_datagrams_go_where_they_led_before() {
        let it = Subject::new().await;
        for _ in 0..100 {
            it.datagrams.send("a.example:7072", b"early");
            it.after(0).await;
        }
        assert_eq!(it.asked(), 1, "it is looked up once at a time");
        it.finds.send_replace(Some(true));
        it.hears_one().await;
        it.finds.send_replace(Some(false));
        for outage in 1..=20 {
            it.after(11).await;
            it.datagrams.send("a.example:7072", b"in an outage");
            it.hears_one().await;
            it.after(0).await;
            assert_eq!(it.asked(), 1 + outage, "it is looked up again, and kept");
        }
        it.finds.send_replace(None);
        it.after(11).await;
        for _ in 0..100 {
            it.datagrams.send("a.example:7072", b"while it is looked up");
            it.hears_one().await;
            it.after(11).await;
        }
        assert_eq!(it.asked(), 22, "it is looked up once at a time");
    }

    #[tokio::test]
    async fn a_seed_that_is_looked_up_for_long_holds_up_no_other() {
        let it = Subject::new().await;
        let at = it.hears.local_addr().unwrap().to_string();
        let mut datagrams = Arc::into_inner(it.datagrams).unwrap();
        // The slow ones are the first.
        let seeds = ["a.example:1", "b.example:1", &at].map(|name| Seed::At(name.to_owned()));
        datagrams.seeds = seeds.into();
        let it = Subject { datagrams: Arc::new(datagrams), ..it };
        for _ in 0..10 {
            it.datagrams.knock(b"who is there?".to_vec());
            it.hears_one().await;
            it.after(0).await;
        }
        assert_eq!(it.asked(), 2, "each name is looked up once at a time");
        it.finds.send_replace(Some(true));
        it.hears_one().await;
        it.hears_one().await;
    }

    #[tokio::test]
    async fn seeds_are_addresses_names_and_files_that_are_read_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seeds");
        let seeds = [Seed::At("a.example:1".to_owned()), Seed::File(path.clone())];
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(named(&seeds).await, names(&["a.example:1"]), "the file is not there yet");
        std::fs::write(&path, "# two\n127.0.0.1:2\n\n 127.0.0.1:3 \na.example:1\n").unwrap();
        assert_eq!(named(&seeds).await, names(&["127.0.0.1:2", "127.0.0.1:3", "a.example:1"]));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(named(&seeds).await, names(&["a.example:1"]), "it is no text");
        let many: String = (1..5_000).map(|port| format!("127.0.0.1:{port}\n")).collect();
        std::fs::write(&path, many).unwrap();
        assert_eq!(named(&seeds).await.len(), FOUND_MAX);
    }
}
