//! Makes the calls of a plan, and repeats what may be repeated.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use crate::client::{Client, Failure, Site};
use crate::plan::{Step, steps};
use crate::table::Table;

const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Why a load or a reading of totals ended before its end. What was answered is recorded; the same
/// load may be run again and goes on where it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("{path} was refused: {why}")]
    Refused { path: String, why: String },
    #[error("{path} was tried for {seconds} s ({why}); start the fleet and run this again")]
    GaveUp { path: String, seconds: u64, why: String },
    #[error("{path} was answered with {reply}, which is not understood")]
    Strange { path: String, reply: String },
    #[error("a task of this program failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What a load came to.
pub(crate) struct Report {
    counts: Arc<Counts>,
    took: Duration,
}

#[derive(Default)]
struct Counts {
    /// Flights that an actor counts since this load.
    new: AtomicU64,
    /// Flights that an actor knew.
    repeated: AtomicU64,
    /// Calls that were made again because they were certainly not executed.
    not_executed: AtomicU64,
    /// Calls that were made again although nobody can say whether they were executed.
    unknown: AtomicU64,
}

/// One connection's work.
struct Worker {
    client: Client,
    bodies: Arc<[Bytes]>,
    counts: Arc<Counts>,
    progress: ProgressBar,
    patience: Duration,
}

/// Tells the fleet of every flight of `table`.
pub(crate) async fn load(
    site: Site,
    table: Arc<Table>,
    connections: usize,
    patience: Duration,
) -> Result<Report, LoadError> {
    let plan = steps(&table, connections);
    let encode = |flight| Bytes::from(serde_json::to_vec(flight).expect("plain texts and numbers"));
    let bodies: Arc<[Bytes]> = table.flights.iter().map(encode).collect();
    let counts = Arc::new(Counts::default());
    let progress = progress_bar(plan.iter().map(Vec::len).sum());
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for steps in plan {
        let worker = Worker {
            client: Client::new(site.clone()),
            bodies: Arc::clone(&bodies),
            counts: Arc::clone(&counts),
            progress: progress.clone(),
            patience,
        };
        workers.spawn(worker.work(steps));
    }
    // The first error ends the others where they are.
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    progress.finish_and_clear();
    Ok(Report { counts, took: begun.elapsed() })
}

impl Worker {
    async fn work(mut self, steps: Vec<Step>) -> Result<(), LoadError> {
        for step in steps {
            let path = step.duty.target.path(step.duty.method);
            let body = self.bodies[step.flight].clone();
            let counts = &self.counts;
            let count = |failure: &Failure| {
                let count = match failure {
                    Failure::NotExecuted { .. } => &counts.not_executed,
                    _ => &counts.unknown,
                };
                count.fetch_add(1, Ordering::Relaxed);
            };
            let call = (Method::POST, path.as_str(), body);
            let reply = insist(&mut self.client, call, self.patience, count).await?;
            match &*reply {
                b"\"new\"" => self.counts.new.fetch_add(1, Ordering::Relaxed),
                b"\"repeated\"" => self.counts.repeated.fetch_add(1, Ordering::Relaxed),
                other => {
                    let reply = String::from_utf8_lossy(other).into_owned();
                    return Err(LoadError::Strange { path, reply });
                }
            };
            self.progress.inc(1);
        }
        Ok(())
    }
}

/// Makes one idempotent call until it is answered, telling `failed` of each failure before.
///
/// A call that was not executed may always be made again. One whose outcome is unknown may be,
/// here, because reading changes nothing and an actor records a row once; the order of rows is
/// kept since the connection's next call waits for this one. Should the lost call still be under
/// way and be executed later, its row was passed by then.
pub(crate) async fn insist(
    client: &mut Client,
    (method, path, body): (Method, &str, Bytes),
    patience: Duration,
    failed: impl Fn(&Failure),
) -> Result<Bytes, LoadError> {
    let begun = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        let failure = match client.call(method.clone(), path, body.clone()).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        let (why, wait) = match &failure {
            Failure::NotExecuted { why, retry_after } => (why, retry_after.unwrap_or(pause)),
            Failure::Unknown { why } => (why, pause),
            Failure::Refused { why } => {
                return Err(LoadError::Refused { path: path.to_owned(), why: why.clone() });
            }
        };
        if begun.elapsed() + wait > patience {
            let seconds = patience.as_secs();
            return Err(LoadError::GaveUp { path: path.to_owned(), seconds, why: why.clone() });
        }
        failed(&failure);
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (new, repeated) = (read(&self.counts.new), read(&self.counts.repeated));
        let seconds = self.took.as_secs_f64();
        write!(
            f,
            "{} calls answered, {new} new, {repeated} repeated; made again: {} not executed, {} of \
             unknown outcome; {seconds:.1} s, {:.0} calls/s",
            new + repeated,
            read(&self.counts.not_executed),
            read(&self.counts.unknown),
            (new + repeated) as f64 / seconds,
        )
    }
}

fn progress_bar(calls: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{elapsed_precise} {wide_bar} {human_pos}/{human_len} calls, {per_sec}, {eta} left",
    );
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(calls as u64).with_style(style)
}
