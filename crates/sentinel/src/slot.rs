//! A mutex in shared memory that its holder's death lets go.

#![expect(unsafe_code, reason = "robust mutexes between processes have no safe interface")]

use std::cell::UnsafeCell;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

/// Nobody has it, or its holder gave it back.
const FREE: u32 = 0;
/// Some thread has it, or had it when it died.
const HELD: u32 = 1;
/// Its holder was seen to have died. It is nobody's for ever.
const DEAD: u32 = 2;

/// The place of one thread. It lies in memory that two processes share, and never moves.
#[repr(C)]
pub(crate) struct Slot {
    state: AtomicU32,
    mutex: UnsafeCell<libc::pthread_mutex_t>,
}

/// What became of the thread of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It gave the slot back, or there was none.
    Free,
    /// It died with it.
    Dead,
    /// Nobody can say any more.
    Unknown,
}

// SAFETY: the mutex is used only through the functions of `pthread_mutex_t`, which any thread of any process may call
// at any time on one that was initialised as shared.
unsafe impl Sync for Slot {}

impl Slot {
    /// Makes the mutex one that processes share and that outlives its holder.
    ///
    /// # Safety
    /// The slot is zeroed memory that nobody else uses yet, and stays where it is as long as anybody uses it.
    pub(crate) unsafe fn initialise(&self) -> io::Result<()> {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: `attributes` points to memory of its type, which `init` makes valid before anything else uses it;
        // the mutex is nobody else's, as the caller promises.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes))?;
            let made =
                check(libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))
                    .and_then(|()| {
                        check(libc::pthread_mutexattr_setrobust(
                            attributes,
                            libc::PTHREAD_MUTEX_ROBUST,
                        ))
                    })
                    .and_then(|()| check(libc::pthread_mutex_init(self.mutex.get(), attributes)));
            libc::pthread_mutexattr_destroy(attributes);
            made
        }
    }

    /// Takes the slot for the current thread, if nobody has it.
    pub(crate) fn try_hold(&self) -> bool {
        if self.state.load(Ordering::Acquire) != FREE {
            return false;
        }
        // SAFETY: it was initialised before anybody could get a reference to it.
        let locked = unsafe { libc::pthread_mutex_trylock(self.mutex.get()) };
        if !self.is_locked(locked) {
            return false;
        }
        self.state.store(HELD, Ordering::Release);
        true
    }

    /// Gives back what the current thread holds.
    pub(crate) fn give_back(&self) {
        self.state.store(FREE, Ordering::Release);
        self.unlock();
    }

    /// Waits until its thread, if it has one, gives it back or dies.
    pub(crate) fn wait(&self) -> Fate {
        loop {
            match self.state.load(Ordering::Acquire) {
                FREE => return Fate::Free,
                DEAD => return Fate::Dead,
                _ => {}
            }
            // SAFETY: as above.
            let locked = unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
            if !self.is_locked(locked) {
                return Fate::Unknown;
            }
            // Only who has the mutex changes the state, and who gives it back says so first.
            if locked == libc::EOWNERDEAD && self.state.load(Ordering::Acquire) == HELD {
                self.state.store(DEAD, Ordering::Release);
            }
            self.unlock();
        }
    }

    #[cfg(test)]
    pub(crate) fn was_seen_dead(&self) -> bool {
        self.state.load(Ordering::Acquire) == DEAD
    }

    /// Whether the current thread has the mutex after a try that ended so. What a dead holder left is set right.
    fn is_locked(&self, result: libc::c_int) -> bool {
        if result == libc::EOWNERDEAD {
            // SAFETY: the current thread has the mutex.
            return unsafe { libc::pthread_mutex_consistent(self.mutex.get()) } == 0;
        }
        result == 0
    }

    fn unlock(&self) {
        // SAFETY: the current thread has the mutex: called after `is_locked` and by who holds the slot.
        unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
    }
}

fn check(code: libc::c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}
