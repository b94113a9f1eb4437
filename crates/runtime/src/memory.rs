//! The memory that activations take, and who leaves when it is too much.
//!
//! Accounted is what is known without effort: the header, the key, the state's own size and the
//! length of its last encoding. What that leaves out shows in the process's resident size; the
//! ratio of the two at their peaks corrects the account.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Below this resident size its ratio to the account says little.
const RESIDENT_BYTES_MIN: u64 = 64 << 20;
/// A resident size of more than so many times the account is taken for something else's.
const RATIO_MAX: u64 = 4;

/// Reads the process's resident bytes; `None` where nobody knows.
pub type ResidentBytes = fn() -> Option<u64>;

/// The account of one node.
#[derive(Default)]
pub(crate) struct Memory {
    accounted: AtomicI64,
    peak_accounted: AtomicU64,
    peak_resident: AtomicU64,
    /// Resident bytes before there were activations.
    base: AtomicU64,
}

impl Memory {
    /// Adds to the account; negative to take from it.
    pub(crate) fn add(&self, bytes: i64) {
        self.accounted.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of all activations, as far as they are known.
    pub(crate) fn accounted(&self) -> u64 {
        u64::try_from(self.accounted.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Bytes that the activations likely take.
    pub(crate) fn used(&self) -> u64 {
        let accounted = self.accounted();
        let (resident, peak) = (
            self.peak_resident.load(Ordering::Relaxed),
            self.peak_accounted.load(Ordering::Relaxed).max(1),
        );
        if resident < RESIDENT_BYTES_MIN {
            return accounted;
        }
        // Twelve binary places.
        let ratio = ((resident << 12) / peak).clamp(1 << 12, RATIO_MAX << 12);
        accounted.saturating_mul(ratio) >> 12
    }

    /// Takes the resident size into account.
    pub(crate) fn observe(&self, resident: Option<u64>) {
        let Some(resident) = resident else { return };
        let accounted = self.accounted();
        let base = match self.base.load(Ordering::Relaxed) {
            0 => {
                self.base.store(resident, Ordering::Relaxed);
                resident
            }
            base => base,
        };
        // Both at their peak: freed memory stays resident for a while.
        if accounted > self.peak_accounted.fetch_max(accounted, Ordering::Relaxed) {
            let resident = resident.saturating_sub(base);
            self.peak_resident.store(resident, Ordering::Relaxed);
        }
    }
}
