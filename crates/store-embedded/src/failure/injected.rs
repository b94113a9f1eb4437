//! Faults that tests of the engine ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What goes wrong with the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injected {
    /// It is not written.
    Write = 1,
    /// It is written and not synced.
    Sync = 2,
    /// A thread panics while it is written.
    Panic = 3,
    /// Not the next batch: the next time that everything shall be put into tables.
    Flush = 4,
}

/// Shared by a test and the engine. Equal to every other, as configurations are compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultSwitch(Arc<AtomicU8>);

impl FaultSwitch {
    pub(crate) fn set(&self, fault: Injected) {
        self.0.store(fault as u8, Ordering::Relaxed);
    }

    /// Whether `fault` was asked for; it is done then.
    pub(crate) fn take(&self, fault: Injected) -> bool {
        let taken = self.0.compare_exchange(fault as u8, 0, Ordering::Relaxed, Ordering::Relaxed);
        taken.is_ok()
    }
}

impl PartialEq for FaultSwitch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for FaultSwitch {}
