//! Participants in a closed loop: each submits, and submits again when it has the next prompt.
//!
//! One thread on the last core drives all connections, the same for every subject.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::task::{JoinSet, LocalSet};

use crate::check;
use crate::client::Connection;
use crate::films::FILMS;
use crate::process::processor_seconds;
use crate::subject::{Running, Subject};

const WARM_UP: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(100);
/// How many pairs a participant compares before the next one comes.
const PAIRS: i64 = 10;
/// How many connections fill the pool.
const AUTHORS: usize = 16;
/// By so many samples nearly every film was seen: one in 400 is not.
const SAMPLES: usize = 300;
const SEEN_MIN: usize = FILMS * 95 / 100;
const MICROS_MAX: u64 = 60_000_000;

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Submissions a second.
    pub(crate) rate: f64,
    /// From a submission to the next prompt, in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time of service and store for each submission, in microseconds.
    pub(crate) cpu_us: f64,
    /// What the store wrote for each submission.
    pub(crate) writes: f64,
    /// How busy the one thread of the load was: at 1 it would be what is measured.
    pub(crate) load_busy: f64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, p50_ms, p99_ms, cpu_us, writes, load_busy } = self;
        let load = load_busy * 100.0;
        write!(
            f,
            "{rate:.0} /s, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, {cpu_us:.1} us each, \
             {writes:.2} writes each, load {load:.0} %"
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    WarmingUp,
    Measuring,
    Over,
}

struct Shared {
    phase: Cell<Phase>,
    all: Cell<u64>,
    micros: RefCell<Histogram<u64>>,
}

/// What a participant looks at.
#[derive(Deserialize)]
struct Told {
    prompt: Option<Number>,
    compared: i64,
}

#[derive(Deserialize)]
struct Number {
    number: i32,
}

/// Checks a subject, fills its pool, and measures it.
///
/// # Errors
/// The subject does not do what it must.
pub(crate) fn measure(
    running: &mut Running,
    subject: Subject,
    connections: usize,
    measured: Duration,
    films: &[String],
) -> anyhow::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let processes = running.processes();
    let mut count = 0;
    let result = local.block_on(&runtime, async {
        count += check::check(running.at, subject).await.context("it is not right")?;
        count += fill(running.at, subject, films).await.context("its pool is not filled")?;
        let shared = Rc::new(Shared {
            phase: Cell::new(Phase::WarmingUp),
            all: Cell::new(0),
            micros: RefCell::new(Histogram::new_with_max(MICROS_MAX, 3)?),
        });
        let all_films: Rc<[String]> = films.into();
        let mut players = JoinSet::new();
        for index in 0..connections {
            let connection = Connection::open(running.at, subject).await?;
            let player = play(connection, index, Rc::clone(&all_films), Rc::clone(&shared));
            players.spawn_local(player);
        }
        tokio::time::sleep(WARM_UP).await;
        let busy = || processor_seconds(&processes);
        let (began, busy_before, own_before) = (Instant::now(), busy()?, own_seconds());
        shared.phase.set(Phase::Measuring);
        tokio::time::sleep(measured).await;
        shared.phase.set(Phase::Over);
        let seconds = began.elapsed().as_secs_f64();
        let (busy, own) = (busy()? - busy_before, own_seconds() - own_before);
        while let Some(ended) = players.join_next().await {
            ended??;
        }
        count += shared.all.get();
        let micros = shared.micros.borrow();
        let done = micros.len() as f64;
        ensure!(done > 0.0, "nothing was answered in time");
        let ms = |part: f64| micros.value_at_quantile(part) as f64 / 1e3;
        Ok(Measured {
            rate: done / seconds,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            cpu_us: busy * 1e6 / done,
            writes: 0.0,
            load_busy: own / seconds,
        })
    });
    let mut result = result?;
    result.writes = running.written()? / count as f64;
    Ok(result)
}

/// Answers with every film, and waits until samples show that all have come in.
async fn fill(at: SocketAddr, subject: Subject, films: &[String]) -> anyhow::Result<u64> {
    check::open(at, "films").await?;
    let each = films.len().div_ceil(AUTHORS);
    let authors = films.chunks(each).enumerate().map(async |(author, films)| {
        let mut connection = Connection::open(at, subject).await?;
        let mut count = 0;
        for (nth, film) in films.iter().enumerate() {
            let key = format!("films.author{author}x{nth}");
            check::answer(&mut connection, &key, film, &mut count).await?;
        }
        anyhow::Ok(count)
    });
    let counts: anyhow::Result<Vec<u64>> = join_all(authors).await.into_iter().collect();
    let mut count: u64 = counts?.iter().sum();
    let mut connection = Connection::open(at, subject).await?;
    let begun = Instant::now();
    for attempt in 0.. {
        let mut seen = BTreeSet::new();
        for sample in 0..SAMPLES {
            let key = format!("films.reader{attempt}x{}", sample / 10);
            let told = check::answer(&mut connection, &key, &films[0], &mut count).await?;
            seen.extend(told.others);
        }
        if seen.len() >= SEEN_MIN {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "only {} of {FILMS} came in", seen.len());
        tokio::time::sleep(PERIOD).await;
    }
    Ok(count)
}

/// Plays one participant after the other until the time is over.
async fn play(
    mut connection: Connection,
    index: usize,
    films: Rc<[String]>,
    shared: Rc<Shared>,
) -> anyhow::Result<()> {
    for turn in 0_usize.. {
        let key = format!("films.p{index}x{turn}");
        let film = &films[(index * 31 + turn * 7) % films.len()];
        let mut body = format!(r#"{{"answer":{{"text":"{film}"}}}}"#);
        for compared in 0..=PAIRS {
            if shared.phase.get() == Phase::Over {
                return Ok(());
            }
            let is_measured = shared.phase.get() == Phase::Measuring;
            let began = Instant::now();
            let told: Told = connection.submit(&key, &body).await?.read()?;
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(MICROS_MAX);
            shared.all.set(shared.all.get() + 1);
            if is_measured && shared.phase.get() == Phase::Measuring {
                shared.micros.borrow_mut().saturating_record(micros);
            }
            ensure!(told.compared == compared, "{key}: an own choice is not seen");
            let number = told.prompt.with_context(|| format!("{key}: no prompt"))?.number;
            let side =
                if (index + turn + number as usize).is_multiple_of(3) { "left" } else { "right" };
            body.clear();
            std::fmt::Write::write_fmt(
                &mut body,
                format_args!(r#"{{"choice":{{"number":{number},"chosen":"{side}"}}}}"#),
            )?;
        }
    }
    Ok(())
}

fn own_seconds() -> f64 {
    let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    usage.tv_sec as f64 + usage.tv_nsec as f64 / 1e9
}
