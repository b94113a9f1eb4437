//! Where there are no robust mutexes.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::SentinelError;
use crate::notice::Commitment;

/// There is none on this system.
pub struct Sentinel(std::convert::Infallible);

impl Sentinel {
    /// Always refused here.
    ///
    /// # Errors
    /// [`SentinelError::Unsupported`].
    pub fn new() -> Result<Self, SentinelError> {
        Err(SentinelError::Unsupported)
    }

    /// Cannot be called.
    #[must_use]
    pub const fn commitment(&self) -> Commitment {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn hold(&self) {
        match self.0 {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn start(&self) -> Result<(), SentinelError> {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn tell(&self, _: &[SocketAddr]) {
        match self.0 {}
    }

    /// Cannot be called.
    pub fn end(&self) {
        match self.0 {}
    }

    /// Cannot be called.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self.0 {}
    }
}

/// Never asked here.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    None
}
