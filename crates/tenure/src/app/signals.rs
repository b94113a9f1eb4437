use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Error, Result};

/// The signals that ask the program to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Taken over only where there is something to read again: it ends other programs.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes the signals over; they no longer end the program by themselves. SIGHUP is one of them
    /// with `has_files`, which it asks to read again.
    pub(super) fn new(has_files: bool) -> Result<Self> {
        let take = |kind, name| {
            signal(kind).map_err(|error| {
                Error::Start(format!("{name} cannot be listened for: {error}").into())
            })
        };
        let hangup = has_files.then(|| take(SignalKind::hangup(), "SIGHUP")).transpose()?;
        Ok(Self {
            hangup,
            terminate: take(SignalKind::terminate(), "SIGTERM")?,
            interrupt: take(SignalKind::interrupt(), "SIGINT")?,
        })
    }

    /// Waits to be told to stop, and calls `reload` whenever told to read files again.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn wait_reloading(&mut self, reload: impl Fn()) -> &'static str {
        loop {
            let Some(hangup) = &mut self.hangup else { return self.wait().await };
            tokio::select! {
                biased;
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = hangup.recv() => reload(),
            }
        }
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
