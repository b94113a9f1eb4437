//! Calls offered at a rate, or as fast as they are answered, and what became of them second by
//! second.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::http::{Answered, parse};
use crate::seed::Seeded;

/// One of so many calls goes to any of all actors, which are loaded and leave memory again; the
/// others to the few that have work to do.
const TOUCH_EVERY: u64 = 20;
/// How long a client waits for a call.
const DEADLINE_MS: u64 = 2_000;
const TICK: Duration = Duration::from_millis(2);
/// How long a client waits after it found nobody.
const NOBODY_PAUSE: Duration = Duration::from_millis(20);
/// Refusals are told apart by the millisecond up to this many.
const REFUSAL_MS_MAX: usize = 4_000;

/// How calls are offered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// Calls a second; `None` for as many as are answered.
    pub(crate) rate: Option<f64>,
    pub(crate) work: Work,
    pub(crate) seconds: u64,
}

/// What calls ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// How many actors do it, one turn at a time each.
    pub(crate) mills: u64,
    /// How long a turn takes.
    pub(crate) turn_ms: u64,
    /// How many actors there are besides.
    pub(crate) actors: u64,
}

/// What became of the calls that ended in one second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    /// Calls that were begun in it.
    pub(crate) offered: u64,
    /// Work that was done.
    pub(crate) good: u64,
    /// Other actors that answered.
    pub(crate) touched: u64,
    /// Told that the node has too much to do.
    pub(crate) refused: u64,
    /// Ended by their deadline.
    pub(crate) late: u64,
    /// Everything else.
    pub(crate) failed: u64,
}

/// What became of all calls.
#[derive(Debug, Default)]
pub(crate) struct Offered {
    pub(crate) seconds: Vec<Second>,
    /// How many refusals took how many milliseconds.
    refusals: Vec<u64>,
}

struct Counts {
    begun: Instant,
    seconds: Vec<Counters>,
    refusals: Vec<AtomicU64>,
    stop: AtomicBool,
    /// Calls that wait for a connection; closed where none wait.
    arrivals: Option<Semaphore>,
}

#[derive(Default)]
struct Counters {
    offered: AtomicU64,
    good: AtomicU64,
    touched: AtomicU64,
    refused: AtomicU64,
    late: AtomicU64,
    failed: AtomicU64,
}

impl Offer {
    /// Offers calls for its seconds; `each_second` runs at the end of each.
    pub(crate) fn run(
        &self,
        numbers: &mut Seeded,
        mut each_second: impl FnMut(&Second) -> anyhow::Result<()>,
    ) -> anyhow::Result<Offered> {
        let runtime = Runtime::new().context("the clients' threads")?;
        let seconds = self.seconds as usize;
        let counts = Arc::new(Counts {
            begun: Instant::now(),
            seconds: (0..=seconds).map(|_| Counters::default()).collect(),
            refusals: (0..=REFUSAL_MS_MAX).map(|_| AtomicU64::new(0)).collect(),
            stop: AtomicBool::new(false),
            arrivals: self.rate.map(|_| Semaphore::new(0)),
        });
        for _ in 0..self.connections {
            let client = Client {
                offer: *self,
                counts: Arc::clone(&counts),
                numbers: numbers.fork(),
                stream: None,
                buffer: Vec::new(),
            };
            runtime.spawn(client.work());
        }
        if let Some(rate) = self.rate {
            runtime.spawn(arrive(Arc::clone(&counts), rate));
        }
        for second in 0..seconds {
            let end = counts.begun + Duration::from_secs(second as u64 + 1);
            crate::interrupt::pause(end.saturating_duration_since(Instant::now()))?;
            each_second(&counts.seconds[second].read())?;
        }
        counts.stop.store(true, Ordering::Relaxed);
        runtime.shutdown_background();
        Ok(Offered {
            seconds: counts.seconds[..seconds].iter().map(Counters::read).collect(),
            refusals: counts.refusals.iter().map(|it| it.load(Ordering::Relaxed)).collect(),
        })
    }
}

/// Lets calls arrive at a rate. What no connection is free for does not wait: it is not offered.
async fn arrive(counts: Arc<Counts>, rate: f64) {
    let Some(arrivals) = &counts.arrivals else { return };
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last = Instant::now();
    let mut owed = 0.0;
    while !counts.stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let now = Instant::now();
        owed += rate * (now - last).as_secs_f64();
        last = now;
        let count = owed as usize;
        owed -= count as f64;
        arrivals.add_permits(count.saturating_sub(arrivals.available_permits()));
    }
}

struct Client {
    offer: Offer,
    counts: Arc<Counts>,
    numbers: Seeded,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    async fn work(mut self) {
        let counts = Arc::clone(&self.counts);
        while !counts.stop.load(Ordering::Relaxed) {
            if let Some(arrivals) = &counts.arrivals {
                let Ok(arrival) = arrivals.acquire().await else { return };
                arrival.forget();
            }
            counts.now().offered.fetch_add(1, Ordering::Relaxed);
            let begun = Instant::now();
            let touches = self.numbers.below(TOUCH_EVERY) == 0;
            let answered = self.call(touches).await;
            let second = counts.now();
            let counter = match answered {
                Ok(Answered { status: 200, .. }) if touches => &second.touched,
                Ok(Answered { status: 200, .. }) => &second.good,
                Ok(Answered { status: 429 | 503, .. }) => {
                    let ms = (begun.elapsed().as_millis() as usize).min(REFUSAL_MS_MAX);
                    counts.refusals[ms].fetch_add(1, Ordering::Relaxed);
                    &second.refused
                }
                Ok(Answered { status: 504, .. }) => &second.late,
                Ok(_) => &second.failed,
                Err(_) => {
                    second.failed.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(NOBODY_PAUSE).await;
                    continue;
                }
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn call(&mut self, touches: bool) -> io::Result<Answered> {
        let Work { mills, turn_ms, actors } = self.offer.work;
        let (path, body) = if touches {
            let (actor, id) = (self.numbers.below(actors), self.numbers.next() >> 1);
            (format!("/v1/ledger/{actor}/add"), id.to_string())
        } else {
            (format!("/v1/mill/{}/grind", self.numbers.below(mills)), turn_ms.to_string())
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnect-timeout-ms: {DEADLINE_MS}\r\n\
             content-length: {}\r\n\r\n{body}",
            self.offer.address,
            body.len(),
        );
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.offer.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        // A node that refuses a connection answers before it reads.
        let sent = stream.write_all(request.as_bytes()).await;
        self.buffer.clear();
        loop {
            if let Some(answered) = parse(&self.buffer)? {
                if answered.keeps && sent.is_ok() {
                    self.stream = Some(stream);
                }
                return Ok(answered);
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                sent?;
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Counts {
    fn now(&self) -> &Counters {
        let second = self.begun.elapsed().as_secs() as usize;
        &self.seconds[second.min(self.seconds.len() - 1)]
    }
}

impl Counters {
    fn read(&self) -> Second {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Second {
            offered: read(&self.offered),
            good: read(&self.good),
            touched: read(&self.touched),
            refused: read(&self.refused),
            late: read(&self.late),
            failed: read(&self.failed),
        }
    }
}

impl Offered {
    /// The sum of all seconds.
    pub(crate) fn sum(&self) -> Second {
        self.seconds.iter().fold(Second::default(), |sum, it| Second {
            offered: sum.offered + it.offered,
            good: sum.good + it.good,
            touched: sum.touched + it.touched,
            refused: sum.refused + it.refused,
            late: sum.late + it.late,
            failed: sum.failed + it.failed,
        })
    }

    /// The time within which so many of a hundred refusals came, in milliseconds.
    pub(crate) fn refusal_ms(&self, percent: u64) -> u64 {
        let all: u64 = self.refusals.iter().sum();
        let mut left = all * percent / 100;
        let place = self.refusals.iter().position(|&count| {
            let is_here = count > left;
            left = left.saturating_sub(count);
            is_here
        });
        place.unwrap_or(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Offered;

    #[test]
    fn the_time_of_most_refusals_is_found() {
        let offered = Offered { seconds: Vec::new(), refusals: vec![50, 49, 0, 1] };
        assert_eq!([49, 50, 98, 99].map(|percent| offered.refusal_ms(percent)), [0, 1, 1, 3]);
        assert_eq!(Offered::default().refusal_ms(99), 0);
    }
}
