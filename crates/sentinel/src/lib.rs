//! Tells others that a process is dead, at once and for certain: the *sentinel* of a node.
//!
//! Sockets close when a killed process's memory has been freed, which takes about a tenth of a second for each GiB, and
//! a closed socket proves nothing. A sentinel is a child process without data that waits on mutexes in shared memory, one
//! for each thread of its parent that can release anything. The kernel lets go of a *robust* mutex when the thread
//! that held it dies (`pthread_mutexattr_setrobust(3)`, Linux `Documentation/locking/robust-futexes`), 0.2 ms after a kill whatever
//! the memory. When the last one is let go nothing of the parent can be released any more, and the sentinel tells the peers.
//!
//! What it tells them is a [`Notice`]: a secret that nobody else had. Peers know its hash, the [`Commitment`], which the node
//! gave them over authenticated lanes while it lived. So a notice needs no key and no connection, can be sent again and
//! again, and cannot be made up. A notice that was overheard says what is true.
//!
//! A sentinel's silence proves nothing: it may have been killed, too, or stopped. One that dies is started again.
//!
//! # Use
//! The sentinel is the same program, started again: [`run_if_asked`] must be the first thing in its `main`.
//!
//! Linux alone; elsewhere [`Sentinel::start`] is refused with [`SentinelError::Unsupported`].

mod notice;

#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod parent;
#[cfg(target_os = "linux")]
mod slot;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

pub use notice::{Commitment, NOTICE_BYTES, Notice};

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Sentinel, run_if_asked};
#[cfg(target_os = "linux")]
pub use {child::run_if_asked, parent::Sentinel};

/// The most peers that a sentinel tells: each of them tells the rest.
pub const PEERS_MAX: usize = 64;
/// The most threads that a sentinel can wait for. A process with more has none that proves anything.
pub const THREADS_MAX: usize = 1_024;

/// Why there is no sentinel.
#[derive(Debug, thiserror::Error)]
pub enum SentinelError {
    /// The system has no robust mutexes.
    #[error("a sentinel needs Linux; here the others presume a death, or wait for the lease")]
    Unsupported,
    /// This process was started as a sentinel, and is about to be something else.
    #[error(
        "this process was started as a sentinel; call `tenure::app()` or `tenure::run_if_sentinel()` first in `main`"
    )]
    IsSentinel,
    /// The system refused something.
    #[error("the sentinel did not start: {what}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}
