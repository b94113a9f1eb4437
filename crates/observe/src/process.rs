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

/// The memory that this process may take: the machine's, or less where a control group (version 2)
/// says so. `None` outside Linux.
#[must_use]
pub fn memory_bytes_max() -> Option<u64> {
    let machine = line_of("/proc/meminfo", "MemTotal:").map(|kib| kib * 1024);
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    machine.into_iter().chain(group).min()
}

fn field(name: &str) -> Option<u64> {
    line_of("/proc/self/status", name)
}

fn line_of(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
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
        assert!(memory_bytes_max().unwrap() > resident_bytes().unwrap());
    }
}
