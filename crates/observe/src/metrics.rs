use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::names::Description;
use crate::{BUCKETS, Counter, Gauge, Histogram, bucket_bound_seconds};

/// All metrics of a node. Whoever counts registers once and keeps the answer.
///
/// # Examples
/// ```
/// use tenure_observe::{Metrics, names};
/// let metrics = Metrics::new();
/// let calls = metrics.register_counter(names::CALLS, &[("type", "cart")])?;
/// calls.increment();
/// assert!(metrics.render().contains("tenure_calls_total{type=\"cart\"} 1\n"));
/// # Ok::<(), tenure_observe::MetricError>(())
/// ```
#[derive(Debug)]
pub struct Metrics {
    families: Families,
    registry: Registry,
}

/// Why a metric was not registered. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The same name with the same labels is registered already.
    #[error("metric {name}{labels} is registered already; keep the first registration's answer")]
    Duplicate {
        /// The metric's name.
        name: &'static str,
        /// Its labels, as they are written on the metrics page.
        labels: String,
    },
    /// The name is registered with another kind, help or set of label names.
    #[error("metric {name} is registered already with another kind, help or set of labels")]
    Different {
        /// The metric's name.
        name: &'static str,
    },
    /// The name breaks the rule.
    #[error(
        "metric name {name:?} is not lower-case letters, digits and '_' starting with a letter, \
         with `_total` at the end of counters and only there"
    )]
    Name {
        /// The metric's name.
        name: &'static str,
    },
}

type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Debug, Default)]
struct Families(Arc<Mutex<BTreeMap<&'static str, Family>>>);

#[derive(Clone, Debug)]
struct Family {
    help: &'static str,
    kind: Kind,
    series: BTreeMap<Labels, Source>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone)]
enum Source {
    Counter(Arc<Counter>),
    CounterFn(Arc<dyn Fn() -> u64 + Send + Sync>),
    Gauge(Arc<Gauge>),
    GaugeFn(Arc<dyn Fn() -> f64 + Send + Sync>),
    Histogram(Arc<Histogram>),
}

impl Metrics {
    /// A registry without metrics.
    #[must_use]
    pub fn new() -> Self {
        let families = Families::default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(families.clone()));
        Self { families, registry }
    }

    /// Registers a counter; its name ends in `_total`.
    ///
    /// # Errors
    /// [`MetricError`] when name and labels are taken or break a rule.
    pub fn register_counter(
        &self,
        what: Description,
        labels: &[(&'static str, &str)],
    ) -> Result<Arc<Counter>, MetricError> {
        let counter = Arc::new(Counter::new());
        self.register(what, labels, Source::Counter(Arc::clone(&counter)))?;
        Ok(counter)
    }

    /// Registers a counter that is kept elsewhere and read by `value` at every scrape.
    ///
    /// # Errors
    /// [`MetricError`] when name and labels are taken or break a rule.
    pub fn register_counter_fn(
        &self,
        what: Description,
        labels: &[(&'static str, &str)],
        value: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), MetricError> {
        self.register(what, labels, Source::CounterFn(Arc::new(value)))
    }

    /// Registers a gauge.
    ///
    /// # Errors
    /// [`MetricError`] when name and labels are taken or break a rule.
    pub fn register_gauge(
        &self,
        what: Description,
        labels: &[(&'static str, &str)],
    ) -> Result<Arc<Gauge>, MetricError> {
        let gauge = Arc::new(Gauge::new());
        self.register(what, labels, Source::Gauge(Arc::clone(&gauge)))?;
        Ok(gauge)
    }

    /// Registers a gauge that `value` computes at every scrape, on the scraping thread. A value
    /// that is not known now is `f64::NAN`.
    ///
    /// # Errors
    /// [`MetricError`] when name and labels are taken or break a rule.
    pub fn register_gauge_fn(
        &self,
        what: Description,
        labels: &[(&'static str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), MetricError> {
        self.register(what, labels, Source::GaugeFn(Arc::new(value)))
    }

    /// Registers a histogram; its name ends in `_seconds`.
    ///
    /// # Errors
    /// [`MetricError`] when name and labels are taken or break a rule.
    pub fn register_histogram(
        &self,
        what: Description,
        labels: &[(&'static str, &str)],
    ) -> Result<Arc<Histogram>, MetricError> {
        let histogram = Arc::new(Histogram::new());
        self.register(what, labels, Source::Histogram(Arc::clone(&histogram)))?;
        Ok(histogram)
    }

    /// All metrics in the OpenMetrics text format, which Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = String::with_capacity(16 * 1024);
        // Writing to a `String` cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }

    fn register(
        &self,
        what: Description,
        labels: &[(&'static str, &str)],
        source: Source,
    ) -> Result<(), MetricError> {
        let name = what.name;
        let kind = source.kind();
        if !is_name(name) || name.ends_with("_total") != (kind == Kind::Counter) {
            return Err(MetricError::Name { name });
        }
        let labels: Labels = labels.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let mut families = self.families.0.lock();
        if let Some(family) = families.get(name) {
            let first = family.series.keys().next();
            let same_labels = first
                .is_none_or(|first| first.iter().map(|(k, _)| k).eq(labels.iter().map(|(k, _)| k)));
            if family.kind != kind || family.help != what.help || !same_labels {
                return Err(MetricError::Different { name });
            }
            if family.series.contains_key(&labels) {
                let labels = show(&labels);
                return Err(MetricError::Duplicate { name, labels });
            }
        }
        let family = families.entry(name).or_insert_with(|| Family {
            help: what.help,
            kind,
            series: BTreeMap::new(),
        });
        family.series.insert(labels, source);
        Ok(())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn show(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Closures of gauges run without the lock, so they may take their own, and be slow.
        let families = self.0.lock().clone();
        for (name, family) in families {
            // The encoder adds the suffix of counters itself.
            let base = name.strip_suffix("_total").unwrap_or(name);
            let kind = family.kind.metric_type();
            let mut metric = encoder.encode_descriptor(base, family.help, None, kind)?;
            for (labels, source) in &family.series {
                if labels.is_empty() {
                    source.encode(&mut metric)?;
                } else {
                    source.encode(&mut metric.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

impl Kind {
    fn metric_type(self) -> MetricType {
        match self {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        }
    }
}

impl Source {
    fn kind(&self) -> Kind {
        match self {
            Source::Counter(_) | Source::CounterFn(_) => Kind::Counter,
            Source::Gauge(_) | Source::GaugeFn(_) => Kind::Gauge,
            Source::Histogram(_) => Kind::Histogram,
        }
    }

    fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Source::Counter(counter) => {
                encoder.encode_counter::<NoLabelSet, _, u64>(&counter.value(), None)
            }
            Source::CounterFn(value) => {
                encoder.encode_counter::<NoLabelSet, _, u64>(&value(), None)
            }
            Source::Gauge(gauge) => encoder.encode_gauge(&gauge.value()),
            Source::GaugeFn(value) => encoder.encode_gauge(&value()),
            Source::Histogram(histogram) => {
                let snapshot = histogram.snapshot();
                let mut buckets = [(0.0, 0); BUCKETS];
                for (bucket, count) in snapshot.counts.iter().enumerate() {
                    buckets[bucket] = (bucket_bound_seconds(bucket), *count);
                }
                let count = snapshot.counts.iter().sum();
                encoder.encode_histogram::<NoLabelSet>(snapshot.sum_seconds, count, &buckets, None)
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::names;

    #[test]
    fn the_page_is_open_metrics_text() {
        let metrics = Metrics::new();
        let calls = metrics.register_counter(names::CALLS, &[("type", "a\"b\\c\nd")]).unwrap();
        calls.add(7);
        metrics.register_gauge(names::MAILBOX_CALLS, &[]).unwrap().set(-3);
        metrics.register_gauge_fn(names::STORE_AVAILABLE, &[], || 1.0).unwrap();
        let commits = metrics.register_histogram(names::COMMIT_SECONDS, &[]).unwrap();
        commits.observe(Duration::from_micros(15));
        let page = metrics.render();
        for line in [
            "# TYPE tenure_calls counter",
            r#"tenure_calls_total{type="a\"b\\c\nd"} 7"#,
            "tenure_mailbox_calls -3",
            "tenure_store_available 1.0",
            "tenure_commit_seconds_count 1",
            "tenure_commit_seconds_bucket{le=\"0.00001\"} 0",
            "tenure_commit_seconds_bucket{le=\"0.00002\"} 1",
            "tenure_commit_seconds_bucket{le=\"+Inf\"} 1",
            "# EOF",
        ] {
            assert!(page.lines().any(|l| l == line), "{line} is missing in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let metrics = Metrics::new();
        let (name, label) = (names::CALLS.name, [("type", "cart")]);
        metrics.register_counter(names::CALLS, &label).unwrap();
        metrics.register_counter(names::CALLS, &[("type", "user")]).unwrap();
        let labels = "{type=\"cart\"}".to_owned();
        for (result, expected) in [
            (
                metrics.register_counter(names::CALLS, &label).map(drop),
                MetricError::Duplicate { name, labels },
            ),
            (
                metrics.register_counter(names::CALLS, &[]).map(drop),
                MetricError::Different { name },
            ),
            (metrics.register_gauge(names::CALLS, &label).map(drop), MetricError::Name { name }),
        ] {
            assert_eq!(result, Err(expected));
        }
    }

    #[test]
    fn every_name_follows_the_rule() {
        for description in names::ALL {
            assert!(is_name(description.name), "{}", description.name);
            assert!(!description.help.ends_with('.'), "{}", description.name);
        }
    }
}
