//! How far something is that takes its time.

use std::time::{Duration, Instant};

use crate::screen::Screen;

const PROGRESS_PERIOD: Duration = Duration::from_millis(200);

/// Counts bytes that pass and shows them where somebody looks on.
pub(crate) struct Meter<'a> {
    screen: &'a Screen,
    bytes: u64,
    shown: Instant,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(screen: &'a Screen) -> Self {
        Self { screen, bytes: 0, shown: Instant::now() }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.shown.elapsed() >= PROGRESS_PERIOD {
            self.shown = Instant::now();
            self.screen.progress(&size(self.bytes));
        }
    }
}

/// A number of bytes for a person.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    let mut number = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while number >= 1_024.0 && unit + 1 < UNITS.len() {
        number /= 1_024.0;
        unit += 1;
    }
    format!("{number:.1} {}", UNITS[unit])
}
