//! Commits and loads of the engine beside the bare tree under it, in one run.
//!
//! `cargo run --release -p tenure-store-embedded --example commit_bench [folder [part]]`, where the
//! part is `singles`, `many`, `loads` or `starts`. Compare the
//! ratios of one run; absolute figures depend on the disk and on what else the machine does.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tenure_store::conformance::submit;
use tenure_store::{Content, Encoded, EventLog, Store, Unit, UnitOutcome};
use tenure_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, Token, Version};

const BODY_BYTES: usize = 100;
/// What the engine stores for such a body; the bare tree stores as much.
const ROW_BYTES: usize = 64 + BODY_BYTES + 8;
const ACTORS: u64 = 200_000;
const ROUND: Duration = Duration::from_millis(1_500);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("--pinned".as_ref()) {
        return singles(&PathBuf::from(arguments.next().ok_or("a folder")?));
    }
    let folder = first.map_or_else(|| std::env::temp_dir().join("tenure-bench"), PathBuf::from);
    let only = arguments.next();
    let runs = |part: &str| only.as_deref().is_none_or(|only| only == part);
    std::fs::create_dir_all(&folder)?;
    if runs("singles") {
        pinned_singles(&folder)?;
        writeln!(std::io::stdout(), "one at a time, not pinned:")?;
        singles(&folder)?;
    }
    if runs("many") {
        many(&folder)?;
    }
    if runs("loads") {
        loads(&folder)?;
    }
    if runs("starts") {
        starts(&folder)?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// A sleeping core wakes in about 30 us, which would be most of what is measured.
fn pinned_singles(folder: &Path) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "one at a time, all threads on one core:")?;
    let pinned = std::process::Command::new("taskset")
        .args(["-c", "0"])
        .arg(std::env::current_exe()?)
        .arg("--pinned")
        .arg(folder)
        .status();
    if !pinned.is_ok_and(|status| status.success()) {
        writeln!(out, "  (not pinned: there is no taskset)")?;
        singles(folder)?;
    }
    Ok(())
}

fn singles(folder: &Path) -> Result<()> {
    let runtime = runtime(1)?;
    let (database, keyspace) = bare(folder, "bare-single")?;
    let bench = Bench::open(folder, "engine-single")?;
    let (mut bare, mut engine) = (Vec::new(), Vec::new());
    let mut written = 0;
    // In turns, so that both see the same disk.
    for _ in 0..6 {
        let end = Instant::now() + ROUND / 4;
        while Instant::now() < end {
            written += 1;
            let began = Instant::now();
            bare_commit(&database, &keyspace, written % 64, 1)?;
            bare.push(began.elapsed());
        }
        let end = Instant::now() + ROUND / 4;
        runtime.block_on(async {
            while Instant::now() < end {
                let began = Instant::now();
                bench.commit(engine.len() as u64 % 64).await;
                engine.push(began.elapsed());
            }
        });
    }
    let mut out = std::io::stdout();
    let (bare, engine) = (percentiles(bare), percentiles(engine));
    writeln!(
        out,
        "  tree, batch of one + fdatasync   p50 {:>7.1} us  p99 {:>7.1}",
        bare.0, bare.1
    )?;
    writeln!(
        out,
        "  engine, one unit                 p50 {:>7.1} us  p99 {:>7.1}",
        engine.0, engine.1
    )?;
    writeln!(out, "  engine / tree                    p50 {:>7.2}", engine.0 / bare.0)?;
    close(Arc::new(bench), &runtime)
}

fn many(folder: &Path) -> Result<()> {
    let mut out = std::io::stdout();
    for submitters in [64_u64, 1_024] {
        writeln!(out, "{submitters} submitters, closed loop:")?;
        let (database, keyspace) = bare(folder, &format!("bare-{submitters}"))?;
        let (mut rows, began, spent) = (0, Instant::now(), cpu());
        while began.elapsed() < ROUND {
            bare_commit(&database, &keyspace, rows, submitters)?;
            rows += submitters;
        }
        let bare = rows as f64 / began.elapsed().as_secs_f64();
        let bare_cpu = cpu_us_each(spent, rows);
        let runtime = runtime(2)?;
        let bench = Arc::new(Bench::open(folder, &format!("engine-{submitters}"))?);
        let count = Arc::new(AtomicU64::new(0));
        let (began, spent) = (Instant::now(), cpu());
        let tasks: Vec<_> = (0..submitters)
            .map(|actor| {
                let (bench, count) = (Arc::clone(&bench), Arc::clone(&count));
                runtime.spawn(async move {
                    let mut times = Vec::new();
                    while began.elapsed() < ROUND {
                        let submitted = Instant::now();
                        bench.commit(actor).await;
                        times.push(submitted.elapsed());
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    times
                })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(runtime.block_on(task)?);
        }
        let units = count.load(Ordering::Relaxed);
        let engine = units as f64 / began.elapsed().as_secs_f64();
        let engine_cpu = cpu_us_each(spent, units);
        let (p50, p99) = percentiles(times);
        let engine_cpu = format!("cpu {engine_cpu:.2} us each");
        writeln!(
            out,
            "  tree, batches of {submitters:<5}   {bare:>9.0} rows/s   cpu {bare_cpu:.2} us each"
        )?;
        writeln!(
            out,
            "  engine                   {engine:>9.0} units/s  {engine_cpu}  p50 {p50:.0} us  p99 {p99:.0}"
        )?;
        writeln!(out, "  engine / tree            {:>9.2}", engine / bare)?;
        close(bench, &runtime)?;
    }
    Ok(())
}

fn loads(folder: &Path) -> Result<()> {
    let runtime = runtime(2)?;
    let path = folder.join("engine-loads");
    std::fs::remove_dir_all(&path).ok();
    let bench = Arc::new(Bench::open_as(EmbeddedConfig::new(&path))?);
    let (database, keyspace) = bare(folder, "bare-loads")?;
    for from in (0..ACTORS).step_by(1_000) {
        bare_commit(&database, &keyspace, from, 1_000)?;
        let flying: Vec<_> = (from..from + 1_000).map(|actor| bench.submit(actor)).collect();
        for submitted in flying {
            assert_eq!(runtime.block_on(submitted), UnitOutcome::Committed);
        }
    }
    // Both are read as they are found after a start.
    close(bench, &runtime)?;
    drop((database, keyspace));
    let (_database, keyspace) = bare_again(folder, "bare-loads")?;
    let mut out = std::io::stdout();
    writeln!(out, "random gets of {ACTORS} rows of {BODY_BYTES} bytes:")?;
    let tree = |threads: u64| {
        let (began, spent) = (Instant::now(), cpu());
        let total: u64 = std::thread::scope(|scope| {
            let run = |seed: u64| {
                let keyspace = &keyspace;
                move || {
                    let (mut number, mut gets) = (numbers(seed), 0);
                    while began.elapsed() < ROUND {
                        for _ in 0..64 {
                            let key = key_text(number() % ACTORS);
                            assert!(keyspace.get(key).is_ok_and(|found| found.is_some()));
                        }
                        gets += 64;
                    }
                    gets
                }
            };
            let threads: Vec<_> = (1..=threads).map(|seed| scope.spawn(run(seed))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
        });
        (total as f64 / began.elapsed().as_secs_f64(), cpu_us_each(spent, total))
    };
    let ((one, one_cpu), (two, two_cpu)) = (tree(1), tree(2));
    writeln!(out, "  tree, 1 thread            {one:>9.0} /s   cpu {one_cpu:.2} us each")?;
    writeln!(out, "  tree, 2 threads           {two:>9.0} /s   cpu {two_cpu:.2} us each")?;
    for (how, direct_loads_max, load_threads) in
        [("as configured", 1, 2), ("2 of the pool", 0, 2), ("4 of the pool", 0, 4)]
    {
        let mut config = EmbeddedConfig::new(&path);
        config.direct_loads_max = direct_loads_max;
        config.load_threads = load_threads;
        let bench = Arc::new(Bench::open_as(config)?);
        for callers in [1_u64, 64] {
            let (rate, cpu) = load_rate(&runtime, &bench, callers)?;
            writeln!(
                out,
                "  load, {how} {callers:>2} callers {rate:>9.0} /s   cpu {cpu:.2} us each   {:.2} of one thread, {:.2} of two",
                rate / one,
                rate / two
            )?;
        }
        close(bench, &runtime)?;
    }
    Ok(())
}

/// How long `open` takes with journals as full as they become.
fn starts(folder: &Path) -> Result<()> {
    let runtime = runtime(2)?;
    let path = folder.join("engine-starts");
    std::fs::remove_dir_all(&path).ok();
    let mut out = std::io::stdout();
    writeln!(out, "open:")?;
    let began = Instant::now();
    let mut bench = Bench::open_as(EmbeddedConfig::new(&path))?;
    writeln!(out, "  of a new store                    {:>7.1} ms", ms(began))?;
    for journal_bytes in [60_u64 << 20, 125 << 20] {
        let mut from = 0;
        while bench.store.journal_bytes()? < journal_bytes && from < 40 * ACTORS {
            let actors = (from..from + 2_000).map(|n| bench.submit(n % ACTORS));
            for submitted in actors.collect::<Vec<_>>() {
                assert_eq!(runtime.block_on(submitted), UnitOutcome::Committed);
            }
            from += 2_000;
        }
        let used = bench.store.journal_bytes()? >> 20;
        // Dropped without a close: what follows is a start after a crash.
        let versions = std::mem::take(&mut bench.versions);
        drop(bench);
        bench = loop {
            let began = Instant::now();
            match Bench::open_as(EmbeddedConfig::new(&path)) {
                Ok(bench) => {
                    let took = ms(began);
                    writeln!(out, "  after a crash, {used:>3} MiB of journals {took:>7.1} ms")?;
                    break Bench { versions, ..bench };
                }
                Err(_) => std::thread::yield_now(),
            }
        };
    }
    runtime.block_on(bench.store.close())?;
    let used = bench.store.journal_bytes()? >> 20;
    let began = Instant::now();
    let bench = Bench::open_as(EmbeddedConfig::new(&path))?;
    writeln!(out, "  after a close, {used:>3} MiB of journals {:>7.1} ms", ms(began))?;
    Ok(runtime.block_on(bench.store.close())?)
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn close(bench: Arc<Bench>, runtime: &tokio::runtime::Runtime) -> Result<()> {
    let bench = Arc::into_inner(bench).ok_or("a task is left")?;
    Ok(runtime.block_on(bench.store.close())?)
}

fn load_rate(
    runtime: &tokio::runtime::Runtime,
    bench: &Arc<Bench>,
    callers: u64,
) -> Result<(f64, f64)> {
    let (began, spent) = (Instant::now(), cpu());
    let tasks: Vec<_> = (1..=callers)
        .map(|seed| {
            let bench = Arc::clone(bench);
            runtime.spawn(async move {
                let (mut number, mut loads) = (numbers(seed), 0_u64);
                while began.elapsed() < ROUND {
                    for _ in 0..16 {
                        let actor = actor(number() % ACTORS);
                        let stored = bench.store.load(&actor).await;
                        assert!(stored.is_ok_and(|stored| stored.is_some()));
                    }
                    loads += 16;
                    tokio::task::yield_now().await;
                }
                loads
            })
        })
        .collect();
    let mut total = 0;
    for task in tasks {
        total += runtime.block_on(task)?;
    }
    Ok((total as f64 / began.elapsed().as_secs_f64(), cpu_us_each(spent, total)))
}

/// An open engine and the versions of its actors.
struct Bench {
    store: EmbeddedStore,
    incarnation: Incarnation,
    versions: Vec<AtomicU64>,
    sequence: AtomicU64,
}

impl Bench {
    fn open(folder: &Path, name: &str) -> Result<Self> {
        let folder = folder.join(name);
        std::fs::remove_dir_all(&folder).ok();
        Self::open_as(EmbeddedConfig::new(&folder))
    }

    fn open_as(config: EmbeddedConfig) -> Result<Self> {
        let store = EmbeddedStore::with_config(config);
        let incarnation = runtime(1)?.block_on(store.open())?;
        let versions = (0..ACTORS).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { store, incarnation, versions, sequence: AtomicU64::new(0) })
    }

    fn submit(&self, n: u64) -> tenure_store::conformance::Submitted {
        let expected = self.versions[n as usize].fetch_add(1, Ordering::Relaxed);
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let unit = Unit {
            actor: actor(n),
            expected: Version(expected),
            version: Version(expected + 1),
            tenure: Tenure { view: 1, sequence: 1 },
            token: Token { incarnation: self.incarnation, sequence },
            written_at_ms: 0,
            log: EventLog::default(),
            content: Content::State(Encoded {
                schema: 1,
                codec: 1,
                bytes: vec![expected as u8; BODY_BYTES],
            }),
            rows: Vec::new(),
            entries: Vec::new(),
        };
        submit(&self.store, Arc::new(unit))
    }

    async fn commit(&self, n: u64) {
        assert_eq!(self.submit(n).await, UnitOutcome::Committed);
    }
}

fn runtime(workers: usize) -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(workers).build()?)
}

fn bare(folder: &Path, name: &str) -> Result<(Database, Keyspace)> {
    std::fs::remove_dir_all(folder.join(name)).ok();
    bare_again(folder, name)
}

fn bare_again(folder: &Path, name: &str) -> Result<(Database, Keyspace)> {
    let database =
        Database::builder(folder.join(name)).cache_size(64 << 20).worker_threads(2).open()?;
    let keyspace = database.keyspace("rows", || {
        KeyspaceCreateOptions::default()
            .max_memtable_size(EmbeddedConfig::new("").memtable_bytes_max)
    })?;
    Ok((database, keyspace))
}

fn bare_commit(database: &Database, keyspace: &Keyspace, from: u64, rows: u64) -> Result<()> {
    let mut batch = database.batch().durability(Some(PersistMode::SyncData));
    for n in from..from + rows {
        batch.insert(keyspace, key_text(n % ACTORS), vec![n as u8; ROW_BYTES]);
    }
    Ok(batch.commit()?)
}

fn key_text(n: u64) -> String {
    format!("customer-{n:08}")
}

fn actor(n: u64) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new(&key_text(n)).expect("a good key"),
    }
}

fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Time that all threads of this process spent on a processor. What other processes do changes it
/// far less than it changes rates.
fn cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

fn cpu_us_each(since: Duration, operations: u64) -> f64 {
    (cpu() - since).as_secs_f64() * 1e6 / operations.max(1) as f64
}

/// p50 and p99 in microseconds.
fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |share: usize| {
        let index = (times.len() * share / 100).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    (at(50), at(99))
}
