//! The locks, atomics and thread locals that decide who runs a turn.
//!
//! With `--cfg shuttle` they are those of the model checker, which runs threads in any order it
//! likes and may stop one before each use; the package `tenure-shuttle` compiles these very sources so.
//! Counters that decide nothing stay with the standard library: each would be one more place to
//! stop at.

#[cfg(not(shuttle))]
mod chosen {
    pub(crate) use parking_lot::Mutex;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    pub(crate) use std::thread_local;
}

#[cfg(shuttle)]
mod chosen {
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    pub(crate) use shuttle::thread_local;

    /// The checker's lock in the shape of the real one, which knows no poison.
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Self::new(T::default())
        }
    }
}

pub(crate) use chosen::*;
