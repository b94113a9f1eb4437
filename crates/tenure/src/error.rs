use std::fmt;

use crate::config::ConfigError;

/// Why a program built on Tenure could not start or stop as it should.
///
/// `Debug` and `Display` both give the whole chain of causes in words, so that `main` may simply
/// return it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong. Nothing was started.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The node could not start. Nothing is left running.
    #[error("the node did not start: {0}")]
    Start(Box<str>),
    /// The node could not stop in good order. What was acknowledged is durable all the same.
    #[error("the node did not stop in good order: {0}")]
    Stop(Box<str>),
    /// `check` found that this program does not read what the one before it stored, or does not
    /// understand its callers. What it found was printed.
    #[error("{0}")]
    Incompatible(Box<str>),
    /// The command line asks for what cannot be done. Nothing was started.
    #[error("{0}")]
    Usage(Box<str>),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// The text of an error and of all its causes.
    pub(crate) fn chain(error: &dyn std::error::Error) -> Box<str> {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text.into()
    }
}

/// The result of starting and running a program built on Tenure.
pub type Result<T> = std::result::Result<T, Error>;
