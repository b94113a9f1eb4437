use std::sync::atomic::{AtomicI64, Ordering};

/// A number that goes up and down: one atomic, for things that change seldom. What changes with
/// every call is better computed at the scrape, with
/// [`Metrics::register_gauge_fn`](crate::Metrics::register_gauge_fn).
///
/// # Examples
/// ```
/// let open = tenure_observe::Gauge::new();
/// open.add(3);
/// open.add(-1);
/// assert_eq!(open.value(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// A gauge at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds `n`, which may be negative.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
