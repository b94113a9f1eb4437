//! What an error of the server or of the connection means.

use std::error::Error as _;

use tenure_store::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

/// What became of a statement that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection ended, or nothing came in time: whether it was done is not known.
    Lost(String),
    /// The server refused it: nothing of it was done.
    Refused { code: String, reason: String },
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Self {
        match error.as_db_error() {
            // With FATAL and PANIC the connection goes too, and a commit may have been under way.
            Some(found) if !is_fatal(found.parsed_severity()) => {
                let code = found.code().code().to_owned();
                Failure::Refused { code, reason: text(error) }
            }
            _ => Failure::Lost(text(error)),
        }
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Failure::Lost(reason) | Failure::Refused { reason, .. } => reason,
        }
    }

    /// Whether it is what the statement carries that the server does not take: its other units may
    /// be taken without it.
    pub(crate) fn is_of_data(&self) -> bool {
        matches!(self, Failure::Refused { code, .. }
            if ["22", "54"].iter().any(|class| code.starts_with(class)))
    }

    /// Whether the server found its own bytes damaged, or rows beside each other that Tenure never
    /// writes (class 23): somebody changed the tables by hand.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Failure::Refused { code, .. }
            if code.starts_with("XX00") || code.starts_with("23"))
    }

    /// Whether another connection may do better: this server takes no writes any more, or the
    /// connection is gone.
    pub(crate) fn ends_connection(&self) -> bool {
        match self {
            Failure::Lost(_) => true,
            Failure::Refused { code, .. } => {
                ["25", "26", "57P"].iter().any(|class| code.starts_with(class))
            }
        }
    }
}

fn is_fatal(severity: Option<Severity>) -> bool {
    matches!(severity, Some(Severity::Fatal | Severity::Panic))
}

/// What the server said, with its hint; else what broke.
pub(crate) fn text(error: &Error) -> String {
    let Some(found) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            if !text.contains(&cause.to_string()) {
                text = format!("{text}: {cause}");
            }
            source = cause.source();
        }
        return text;
    };
    let mut text = format!("{} ({})", found.message(), found.code().code());
    for more in [found.detail(), found.hint()].into_iter().flatten() {
        text = format!("{text}; {more}");
    }
    text
}

/// An error while `doing`.
pub(crate) fn io(doing: &str, error: &Error) -> StoreError {
    StoreError::Io { doing: doing.into(), detail: text(error).into() }
}

/// Why a server lets no connection in, with what to do.
pub(crate) fn why_not(error: &Error) -> String {
    let hint = match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => "check the user and the password",
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check the user, and what pg_hba.conf lets in"
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            "make the database first (createdb), or name another one"
        }
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
            "raise max_connections, or give nodes fewer lanes and loaders"
        }
        Some(code) if *code == SqlState::CANNOT_CONNECT_NOW => "the server is starting or stopping",
        Some(_) => "see the server's log",
        None if error.to_string().contains("TLS") => {
            "check the certificate and sslrootcert, or say sslmode=disable where the network is trusted"
        }
        None => "check that the server runs and can be reached",
    };
    format!("{}; {hint}", text(error))
}

pub(crate) fn unavailable(detail: &str) -> StoreError {
    StoreError::Unavailable { detail: detail.into() }
}
