use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use tenure_observe::{Counter, Histogram, MetricError, Metrics, names};

/// What the gateway counts.
pub(super) struct Counters {
    /// By the first digit of the status, from 2.
    by_class: [Arc<Counter>; 4],
    took: Arc<Histogram>,
    in_flight: Arc<AtomicUsize>,
    pub(super) connections_refused: Arc<Counter>,
}

/// One request that is being answered; counted until it is dropped.
pub(super) struct InFlight<'a>(&'a AtomicUsize);

impl Counters {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricError> {
        let class = |class| {
            metrics.register_counter(names::HTTP_REQUESTS, &[(names::LABEL_STATUS_CLASS, class)])
        };
        let in_flight = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&in_flight);
        metrics.register_gauge_fn(names::HTTP_REQUESTS_IN_FLIGHT, &[], move || {
            seen.load(Ordering::Relaxed) as f64
        })?;
        Ok(Self {
            by_class: [class("2xx")?, class("3xx")?, class("4xx")?, class("5xx")?],
            took: metrics.register_histogram(names::HTTP_REQUEST_SECONDS, &[])?,
            in_flight,
            connections_refused: metrics.register_counter(names::HTTP_CONNECTIONS_REFUSED, &[])?,
        })
    }

    /// Counts a request in, unless there are `max` already.
    pub(super) fn admit(&self, max: usize) -> Option<InFlight<'_>> {
        let in_flight = InFlight(&self.in_flight);
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        (before < max).then_some(in_flight)
    }

    /// Counts an answered request.
    pub(super) fn answered(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.by_class[class].increment();
        self.took.observe(took);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_bounded_and_counted_out_again() {
        let counters = Counters::register(&Metrics::new()).unwrap();
        let (first, second) = (counters.admit(2), counters.admit(2));
        assert!(first.is_some() && second.is_some());
        assert!(counters.admit(2).is_none());
        drop(first);
        assert!(counters.admit(2).is_some());
        drop(second);
        assert_eq!(counters.in_flight.load(Ordering::Relaxed), 0);
    }
}
