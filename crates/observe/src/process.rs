use crate::{MetricError, Metrics, names};

/// Registers what the operating system says of this process: resident memory, open files and
/// threads. Where it says nothing (outside Linux) the values are NaN.
///
/// # Errors
/// [`MetricError`] when they are registered already.
pub fn register_process(metrics: &Metrics) -> Result<(), MetricError> {
    metrics.register_gauge_fn(names::PROCESS_RESIDENT_BYTES, &[], || known(resident_bytes()))?;
    metrics.register_gauge_fn(names::PROCESS_THREADS, &[], || known(field("Threads:")))?;
    metrics.register_gauge_fn(names::PROCESS_OPEN_FDS, &[], || {
        // The listing itself holds one of them open.
        let files = std::fs::read_dir("/proc/self/fd").map(|all| all.count() as u64 - 1);
        known(files.ok())
    })
}

/// The resident memory of this process in bytes, or `None` outside Linux.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    field("VmRSS:").map(|kib| kib * 1024)
}

fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn known(value: Option<u64>) -> f64 {
    value.map_or(f64::NAN, |value| value as f64)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_all_of_it() {
        let metrics = Metrics::new();
        register_process(&metrics).unwrap();
        let page = metrics.render();
        assert!(!page.contains("NaN"), "{page}");
        assert!(resident_bytes().unwrap() > 1 << 16);
        assert!(field("Threads:").unwrap() >= 1);
    }
}
