//! A process that is frozen in the middle of its commits, while another one opens the store.
//!
//! `TENURE_FROZEN_TIMES=1000` does it that often.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tenure_store::{FeedFrom, Store, Stored, UnitOutcome};
use tenure_types::Incarnation;

use super::support::{Database, until};
use super::work::{Shape, actor, assert_at, fate, feed, is_done, open, unit};
use crate::{PostgresConfig, PostgresStore};

/// Where a process that is to be frozen finds its store.
const URL: &str = "TENURE_FROZEN_URL";
/// How often it is frozen, unless `TENURE_FROZEN_TIMES` says so.
const TIMES: u64 = 20;
const ACTORS: u64 = 6;
/// How many units at most it commits before it is frozen, and how many steps of the test later.
const UNITS_MAX: u64 = 40;
const STEPS_MAX: u64 = 5_000;

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the parent listens");
}

fn shape(n: u64) -> Shape {
    if n.is_multiple_of(2) { Shape::Entries } else { Shape::Rows }
}

/// Commits units of an actor until the store is fenced; says each that is durable.
async fn commit_until_fenced(store: Arc<PostgresStore>, incarnation: Incarnation, n: u64) {
    let cart = actor(&format!("{n}"));
    let stored = store.load(&cart).await.expect("it loads before it is frozen");
    let mut version = stored.map_or(0, |it| it.version.0);
    loop {
        version += 1;
        let unit = unit(&cart, version, incarnation, shape(n));
        match fate(&*store, &unit).await.0 {
            UnitOutcome::Fenced { .. } => return,
            outcome if is_done(&unit, &outcome) => say(&format!("unit {n} {version}")),
            other => panic!("{cart} at {version}: {other:?}"),
        }
    }
}

/// Does nothing by itself: it is the process that the test below freezes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_frozen() {
    let Ok(url) = std::env::var(URL) else { return };
    let config: PostgresConfig = url.parse().expect("the parent knows the URL");
    let store = Arc::new(PostgresStore::new(config));
    for line in std::io::stdin().lock().lines() {
        assert_eq!(line.expect("it can be read"), "open");
        let incarnation = open(&*store).await;
        let committing: Vec<_> = (0..ACTORS)
            .map(|n| tokio::spawn(commit_until_fenced(Arc::clone(&store), incarnation, n)))
            .collect();
        for actor in committing {
            actor.await.expect("its units are committed until it is fenced");
        }
        say("fenced");
    }
}

/// The process, and what it has said.
struct Frozen {
    child: Child,
    orders: ChildStdin,
    said: Arc<Mutex<Vec<String>>>,
}

impl Frozen {
    fn start(url: &str) -> Self {
        let program = std::env::current_exe().expect("the test runs");
        let mut child = Command::new(program)
            .args(["--exact", "--nocapture", "tests::frozen::a_process_that_is_frozen"])
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test's own program runs");
        let orders = child.stdin.take().expect("it listens");
        let out = BufReader::new(child.stdout.take().expect("it speaks"));
        let said = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| heard.lock().push(line));
        });
        Self { child, orders, said }
    }

    fn open(&mut self) {
        self.said.lock().clear();
        writeln!(self.orders, "open").expect("it listens");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// The last version of each actor that it was told to be durable.
    fn acknowledged(&self) -> BTreeMap<u64, u64> {
        let said = self.said.lock();
        let units = said.iter().filter_map(|line| {
            let (n, version) = line.strip_prefix("unit ")?.split_once(' ')?;
            Some((n.parse().ok()?, version.parse().ok()?))
        });
        units.collect()
    }

    fn units(&self) -> usize {
        self.said.lock().iter().filter(|line| line.starts_with("unit ")).count()
    }

    fn is_fenced(&self) -> bool {
        self.said.lock().iter().any(|line| line == "fenced")
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that is stored.
type Everything = (Vec<Option<Stored>>, Vec<(u64, u64, Vec<u8>)>);

async fn everything(store: &PostgresStore) -> Everything {
    let mut heads = Vec::new();
    for n in 0..ACTORS {
        heads.push(store.load(&actor(&format!("{n}"))).await.expect("it loads"));
    }
    let (mut entries, mut from) = (Vec::new(), FeedFrom::Oldest);
    loop {
        let page = store.read_feed(&feed(), from, 4_000).await.expect("the feed reads");
        if page.entries.is_empty() {
            return (heads, entries);
        }
        entries.extend(page.entries.into_iter().map(|it| (it.stripe, it.position, it.data)));
        from = FeedFrom::After(page.next);
    }
}

/// What is stored is what the process was told, and perhaps the unit after it; each appended once.
async fn assert_whole(store: &PostgresStore, all: &Everything, told: &BTreeMap<u64, u64>) {
    let mut appended = Vec::new();
    for n in 0..ACTORS {
        let cart = actor(&format!("{n}"));
        let version = all.0[n as usize].as_ref().map_or(0, |it| it.version.0);
        if let Some(told) = told.get(&n) {
            assert!((*told..=*told + 1).contains(&version), "{cart} is at {version}, not {told}");
        }
        if version > 0 {
            assert_at(store, &cart, version, shape(n)).await;
        }
        if shape(n) == Shape::Entries {
            let of =
                |at: u64| ["a", "b"].map(|part| format!("\"{n}-{at:06}-{part}\"").into_bytes());
            appended.extend((1..=version).flat_map(of));
        }
    }
    let mut found: Vec<_> = all.1.iter().map(|(_, _, data)| data.clone()).collect();
    found.sort();
    assert!(found == appended, "each entry is there once");
}

fn dice(below: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() % below
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_frozen_process_becomes_visible_after_its_fence() {
    let times = std::env::var("TENURE_FROZEN_TIMES");
    let times = times.map_or(TIMES, |it| it.parse().expect("TENURE_FROZEN_TIMES is a number"));
    let database = Database::start();
    let config = database.config();
    let url = format!("{}?schema={}", database.server.url(), config.schema);
    let mut frozen = Frozen::start(&url);
    let store = PostgresStore::new(config.clone());
    for time in 0..times {
        frozen.open();
        let enough = 1 + dice(UNITS_MAX) as usize;
        until("the process commits", || frozen.units() >= enough).await;
        for _ in 0..dice(STEPS_MAX) {
            tokio::task::yield_now().await;
        }
        frozen.signal(Signal::STOP);
        open(&store).await;
        let before = everything(&store).await;
        frozen.signal(Signal::CONT);
        until("the process is told that it is fenced", || frozen.is_fenced()).await;
        let after = everything(&store).await;
        assert!(before == after, "round {time}: something became visible after the fence");
        assert_whole(&store, &after, &frozen.acknowledged()).await;
        // The feed is short again, so that a thousand rounds read no more than twenty.
        if time % 16 == 15 {
            database.sql(&config, "TRUNCATE actors, rows, entries, stripes");
        }
    }
}
