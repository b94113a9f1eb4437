use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Error, Result};

/// The signals that ask the program to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over; they no longer end the program by themselves.
    pub(super) fn new() -> Result<Self> {
        let take = |kind, name| {
            signal(kind).map_err(|error| {
                Error::Start(format!("{name} cannot be listened for: {error}").into())
            })
        };
        Ok(Self {
            terminate: take(SignalKind::terminate(), "SIGTERM")?,
            interrupt: take(SignalKind::interrupt(), "SIGINT")?,
        })
    }

    /// Waits for the next one; gives its name.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
