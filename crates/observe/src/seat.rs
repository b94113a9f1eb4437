//! Which cell of a counter the current thread writes to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// The most cells that one metric has.
const SEATS_MAX: usize = 256;

/// The cell that every thread without a seat of its own writes to, with atomic additions.
pub(crate) const SHARED: usize = 0;

/// How many cells a metric has: the shared one, and one each for the first threads that count.
pub(crate) fn seats() -> usize {
    static SEATS: OnceLock<usize> = OnceLock::new();
    *SEATS.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores * 2 + 1).clamp(8, SEATS_MAX)
    })
}

/// The current thread's cell: its own until the thread ends, or [`SHARED`].
#[inline]
pub(crate) fn current() -> usize {
    SEAT.try_with(|seat| seat.0).unwrap_or(SHARED)
}

/// Adds to a cell. `seat` is what [`current`] answered on this thread.
#[inline]
pub(crate) fn add(cell: &AtomicU64, seat: usize, n: u64) {
    if seat == SHARED {
        cell.fetch_add(n, Ordering::Relaxed);
    } else {
        // Invariant: a seat has one thread at a time, so no addition comes between the load and
        // the store. A locked instruction would cost five times as much.
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }
}

struct Seat(usize);

/// The seats that no thread has. The lock orders the last write of a thread that ended before the
/// first one of the thread that takes its seat.
static FREE: OnceLock<Mutex<Vec<usize>>> = OnceLock::new();

thread_local! {
    static SEAT: Seat = Seat::take();
}

impl Seat {
    fn take() -> Self {
        let free = FREE.get_or_init(|| Mutex::new((SHARED + 1..seats()).rev().collect()));
        Self(free.lock().pop().unwrap_or(SHARED))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.0 != SHARED
            && let Some(free) = FREE.get()
        {
            free.lock().push(self.0);
        }
    }
}
