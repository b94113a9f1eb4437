//! What this process holds in memory. The peers' program includes this file too.

use std::time::Duration;

/// Resident bytes, once the allocator has given back what it keeps for a moment.
pub(crate) fn resident_bytes() -> u64 {
    std::thread::sleep(Duration::from_millis(300));
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells what is resident");
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    pages.expect("the second number is the resident pages") * 4096
}

/// What each of `count` entities added, in bytes.
pub(crate) fn bytes_each(before: u64, count: usize) -> f64 {
    resident_bytes().saturating_sub(before) as f64 / count as f64
}
