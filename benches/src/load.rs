//! Callers in a closed loop: each makes its next call when it has the answer to the last.
//!
//! It knows no runtime, so that every system under test is driven by the same code; the peers'
//! program includes this file too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// A caller's loop, to be spawned on whatever runtime the system under test needs.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long a case warms up and is measured.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

impl Span {
    pub(crate) fn new(quick: bool) -> Self {
        let ms = Duration::from_millis;
        if quick {
            Self { warm_up: ms(100), measured: ms(400) }
        } else {
            Self { warm_up: ms(500), measured: ms(1_500) }
        }
    }
}

/// What all callers did while they were measured.
pub(crate) struct Done {
    pub(crate) calls: u64,
    pub(crate) seconds: f64,
    /// What all threads of the process spent on processors meanwhile, the kernel's part included.
    pub(crate) busy_seconds: f64,
    /// In nanoseconds; empty unless callers noted them.
    pub(crate) latencies: Vec<u64>,
}

impl Done {
    pub(crate) fn rate(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    /// Processor time of one call, in nanoseconds: steadier than the rate on a busy machine.
    pub(crate) fn busy_nanos(&self) -> f64 {
        self.busy_seconds * 1e9 / self.calls as f64
    }
}

/// One caller's view of the run.
pub(crate) struct Caller {
    phase: Arc<AtomicU8>,
    seen: u8,
    calls: u64,
    random: u64,
    latencies: Vec<u64>,
    done: SyncSender<(u64, Vec<u64>)>,
    pub(crate) index: usize,
}

impl Caller {
    /// Whether to make one more call; counts it.
    #[inline]
    pub(crate) fn goes_on(&mut self) -> bool {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase != self.seen {
            // A caller that never saw the measured time did nothing in it.
            if phase == MEASURING || self.seen == WARMING {
                self.calls = 0;
                self.latencies.clear();
            }
            self.seen = phase;
            if phase == OVER {
                return false;
            }
        }
        self.calls += 1;
        true
    }

    /// A uniformly distributed number below `n` (a linear congruential generator).
    #[inline]
    pub(crate) fn pick(&mut self, n: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % n
    }

    /// Whether a loop that never waits should let other tasks run: as often as tokio's share of a
    /// task ends.
    #[inline]
    pub(crate) fn is_share_used(&self) -> bool {
        self.calls.is_multiple_of(128)
    }

    /// Notes how long a call took.
    #[inline]
    pub(crate) fn note(&mut self, since: Instant) {
        self.latencies.push(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// Ends the caller.
    pub(crate) fn end(mut self) {
        let latencies = std::mem::take(&mut self.latencies);
        self.done.send((self.calls, latencies)).expect("the run waits for its callers");
    }
}

/// Runs `callers` loops and says what they did. The calling thread sleeps meanwhile: it must not be
/// one that the callers need.
pub(crate) fn run(
    callers: usize,
    span: Span,
    mut spawn: impl FnMut(usize, Task),
    make: impl Fn(Caller) -> Task,
) -> Done {
    let phase = Arc::new(AtomicU8::new(WARMING));
    let (done, ended) = sync_channel(callers);
    for index in 0..callers {
        let caller = Caller {
            phase: Arc::clone(&phase),
            seen: WARMING,
            calls: 0,
            random: (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            latencies: Vec::new(),
            done: done.clone(),
            index,
        };
        spawn(index, make(caller));
    }
    std::thread::sleep(span.warm_up);
    phase.store(MEASURING, Ordering::Relaxed);
    let (began, busy_before) = (Instant::now(), busy_seconds());
    std::thread::sleep(span.measured);
    phase.store(OVER, Ordering::Relaxed);
    let seconds = began.elapsed().as_secs_f64();
    let busy_seconds = busy_seconds() - busy_before;
    let (mut calls, mut latencies) = (0, Vec::new());
    for _ in 0..callers {
        let (theirs, mut noted) = ended.recv().expect("a caller ends with the run");
        calls += theirs;
        latencies.append(&mut noted);
    }
    Done { calls, seconds, busy_seconds, latencies }
}

/// What this process has spent on processors so far, as Linux counts it.
fn busy_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name, in brackets, may hold spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    ticks.filter_map(|text| text.parse::<f64>().ok()).sum::<f64>() / TICKS_A_SECOND
}
