//! What the simulation itself takes of the machine.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long this process has been running on a core, however busy the machine is.
pub(crate) fn core_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What it has in memory, in MiB; zero where the system does not say.
pub(crate) fn resident_mib() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    (pages.unwrap_or(0) * rustix::param::page_size() as u64) >> 20
}
