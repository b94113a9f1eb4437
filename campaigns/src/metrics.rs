//! A server's metrics page, read once or again and again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use crate::http::Connection;

const PERIOD: Duration = Duration::from_millis(20);

/// A metrics page in the text format of OpenMetrics.
#[derive(Clone, Debug)]
pub struct Page(String);

impl Page {
    /// Reads the page over `connection`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn read(connection: &mut Connection) -> anyhow::Result<Self> {
        let page = connection.call("GET", "/metrics", "");
        page.map(Self).map_err(|failure| anyhow!("the metrics page is not there: {failure:?}"))
    }

    /// The page of a node in this process.
    #[must_use]
    pub fn of(node: &tenure::Node) -> Self {
        Self(node.metrics().render())
    }

    /// The sum of all values of a metric, `None` if it is not there.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<f64> {
        let values = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let rest = match rest.strip_prefix('{') {
                Some(labelled) => labelled.split_once("} ")?.1,
                None => rest.strip_prefix(' ')?,
            };
            rest.split(' ').next()?.parse::<f64>().ok()
        });
        values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    }

    /// The upper bound in seconds of the last bucket of a histogram that holds anything.
    #[must_use]
    pub fn longest(&self, name: &str) -> Option<f64> {
        let begin = format!("{name}_bucket{{le=\"");
        let mut before = 0;
        let mut longest = None;
        for line in self.0.lines() {
            let Some((bound, count)) =
                line.strip_prefix(&begin).and_then(|rest| rest.split_once("\"} "))
            else {
                continue;
            };
            let Ok(count) = count.trim().parse::<u64>() else { continue };
            if count > before {
                longest = Some(bound.parse().unwrap_or(f64::INFINITY));
            }
            before = count;
        }
        longest
    }
}

/// Reads a metric of a running server until told to stop, or until the server is gone.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Watched>,
}

/// One reading of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// When it was asked for: the server read it later.
    pub(crate) asked: Instant,
    pub(crate) value: f64,
}

/// What was seen of a server.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    pub(crate) looks: Vec<Look>,
    pub(crate) last: Option<Page>,
}

impl Watch {
    /// Reads `metric` from now on.
    pub(crate) fn start(admin: SocketAddr, metric: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut connection, mut watched) = (Connection::new(admin), Watched::default());
            while !told.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let Ok(page) = Page::read(&mut connection) else { break };
                if let Some(value) = page.sum(metric) {
                    watched.looks.push(Look { asked, value });
                }
                watched.last = Some(page);
                std::thread::sleep(PERIOD);
            }
            watched
        });
        Self { stop, thread }
    }

    pub(crate) fn end(self) -> anyhow::Result<Watched> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the watch panicked")
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_is_read() {
        let text = "# TYPE calls counter\ncalls_total{type=\"a b\"} 3\ncalls_total{type=\"c\"} 4\n\
                    age 0.25\nage_more 9\n\
                    took_bucket{le=\"0.1\"} 0\ntook_bucket{le=\"0.2\"} 5\ntook_bucket{le=\"0.4\"} 6\n\
                    took_bucket{le=\"+Inf\"} 6\n";
        let page = Page(text.to_owned());
        assert_eq!((page.sum("calls_total"), page.sum("age")), (Some(7.0), Some(0.25)));
        assert_eq!((page.sum("none"), page.longest("took")), (None, Some(0.4)));
    }
}
