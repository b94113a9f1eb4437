//! A database that is killed, paused or failed over while units are committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tenure_postgres_server::PostgresServer;
use tenure_store::Store;
use tenure_types::{ActorId, Incarnation};
use tokio::task::JoinSet;

use super::support::until;
use super::work::{Shape, actor, assert_at, assert_feed, fate_counted, is_done, open, unit};
use crate::{PostgresConfig, PostgresStore, migrate};

const ACTORS: u64 = 20;
/// How many units are committed before the trouble, and after it.
const UNITS: u64 = 200;

/// Twenty actors that commit one unit after the other.
struct Load {
    store: Arc<PostgresStore>,
    is_ended: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    /// The answers that told nothing.
    unknown: Arc<AtomicUsize>,
    actors: JoinSet<(ActorId, u64)>,
}

impl Load {
    async fn on(config: &PostgresConfig) -> Self {
        migrate(config, 4).await.expect("the tables are made");
        let store = Arc::new(PostgresStore::new(config.clone()));
        let incarnation = open(&*store).await;
        let mut load = Self {
            store,
            is_ended: Arc::default(),
            done: Arc::default(),
            unknown: Arc::default(),
            actors: JoinSet::new(),
        };
        for n in 0..ACTORS {
            load.begin(n, incarnation);
        }
        load.goes_on().await;
        load
    }

    fn begin(&mut self, n: u64, incarnation: Incarnation) {
        let (store, done) = (Arc::clone(&self.store), Arc::clone(&self.done));
        let (is_ended, unknown) = (Arc::clone(&self.is_ended), Arc::clone(&self.unknown));
        self.actors.spawn(async move {
            let (cart, mut version) = (actor(&format!("{n}")), 0);
            while !is_ended.load(Ordering::Relaxed) {
                version += 1;
                let unit = unit(&cart, version, incarnation, shape(n));
                let outcome = fate_counted(&*store, &unit, &unknown).await;
                assert!(is_done(&unit, &outcome), "{cart} at {version}: {outcome:?}");
                done.fetch_add(1, Ordering::Relaxed);
            }
            (cart, version)
        });
    }

    /// Waits until so many more units are committed.
    async fn goes_on(&self) {
        let before = self.done.load(Ordering::Relaxed);
        until("units are committed", || self.done.load(Ordering::Relaxed) >= before + UNITS).await;
    }

    /// Waits until every actor may have heard that nobody answers.
    async fn is_given_up(&self) {
        let all = self.unknown.load(Ordering::Relaxed) + ACTORS as usize;
        until("batches are given up", || self.unknown.load(Ordering::Relaxed) >= all).await;
    }

    /// Ends, and compares what is stored with what was acknowledged.
    async fn ends(mut self) {
        self.goes_on().await;
        self.is_ended.store(true, Ordering::Relaxed);
        let mut appended = BTreeMap::new();
        while let Some(ended) = self.actors.join_next().await {
            let (cart, version) = ended.expect("an actor's units are committed");
            let n = cart.key.as_str().parse().expect("it is a number");
            assert_at(&*self.store, &cart, version, shape(n)).await;
            if shape(n) == Shape::Entries {
                appended.insert(cart, version);
            }
        }
        assert_feed(&*self.store, &appended).await;
        self.store.close().await.expect("it closes");
    }
}

fn shape(n: u64) -> Shape {
    [Shape::Heads, Shape::Rows, Shape::Entries][n as usize % 3]
}

fn config(url: &str) -> PostgresConfig {
    let mut config: PostgresConfig = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
    config.statement_timeout = Duration::from_millis(800);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_that_was_acknowledged() {
    let mut server = PostgresServer::start().expect("it starts");
    let load = Load::on(&config(&server.url())).await;
    for _ in 0..3 {
        server.kill().expect("it is killed");
        server.start_again().expect("it starts again");
        load.goes_on().await;
    }
    load.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_server_loses_nothing_that_was_acknowledged() {
    let server = PostgresServer::start().expect("it starts");
    let load = Load::on(&config(&server.url())).await;
    for _ in 0..2 {
        server.pause().expect("it is paused");
        load.is_given_up().await;
        server.resume().expect("it goes on");
        load.goes_on().await;
    }
    load.ends().await;
}

/// A primary that is killed, and one that is frozen: it takes connections and never answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_replica_has_all_that_was_acknowledged() {
    for is_frozen in [false, true] {
        let mut primary = PostgresServer::start().expect("it starts");
        let replica = primary.replica(true).expect("a replica is made");
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), replica.port());
        let load = Load::on(&config(&format!("postgres://postgres@{hosts}/postgres"))).await;
        match is_frozen {
            true => primary.pause().expect("it is frozen"),
            false => primary.kill().expect("it is killed"),
        }
        replica.promote().expect("the replica takes over");
        load.ends().await;
    }
}
