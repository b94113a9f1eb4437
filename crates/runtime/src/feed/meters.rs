use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_observe::{Counter, Gauge, MetricError, Metrics, names};
use tenure_store::FeedInfo;
use tenure_types::{Clock, FeedName};

use crate::sync::Mutex;

/// The most feeds that have metrics of their own: the first ones.
const METERED_FEEDS_MAX: usize = 64;

/// What is counted of feeds.
pub(crate) struct FeedMeters {
    pub(crate) entries: Arc<Counter>,
    metrics: Arc<Metrics>,
    by_name: Mutex<BTreeMap<FeedName, FeedMeter>>,
}

struct FeedMeter {
    bytes: Arc<Gauge>,
    /// The time of the oldest entry; `u64::MAX` where there is none.
    oldest_ms: Arc<AtomicU64>,
}

impl FeedMeters {
    pub(crate) fn register(metrics: Arc<Metrics>) -> Result<Self, MetricError> {
        let entries = metrics.register_counter(names::FEED_ENTRIES, &[])?;
        Ok(Self { entries, metrics, by_name: Mutex::default() })
    }

    pub(super) fn note(&self, info: &FeedInfo, clock: &Arc<dyn Clock>) {
        let mut by_name = self.by_name.lock();
        if !by_name.contains_key(&info.name) {
            if by_name.len() >= METERED_FEEDS_MAX {
                return;
            }
            match FeedMeter::register(&self.metrics, &info.name, clock) {
                Ok(meter) => _ = by_name.insert(info.name.clone(), meter),
                Err(error) => {
                    tracing::warn!(feed = %info.name, %error, "a feed has no metrics");
                    return;
                }
            }
        }
        if let Some(meter) = by_name.get(&info.name) {
            meter.bytes.set(i64::try_from(info.bytes).unwrap_or(i64::MAX));
            meter.oldest_ms.store(info.oldest_ms.unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

impl FeedMeter {
    fn register(
        metrics: &Metrics,
        name: &FeedName,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, MetricError> {
        let labels = &[(names::LABEL_FEED, name.as_str())];
        let bytes = metrics.register_gauge(names::FEED_BYTES, labels)?;
        let oldest_ms = Arc::new(AtomicU64::new(u64::MAX));
        let (seen, clock) = (Arc::clone(&oldest_ms), Arc::clone(clock));
        metrics.register_gauge_fn(names::FEED_OLDEST_AGE_SECONDS, labels, move || {
            let age_ms = clock.unix_ms().saturating_sub(seen.load(Ordering::Relaxed));
            age_ms as f64 / 1_000.0
        })?;
        Ok(Self { bytes, oldest_ms })
    }
}
