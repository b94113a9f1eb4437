use crate::UnitOutcome;

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the store open. Nothing was changed.
    #[error("{store} is open in another process ({holder}); stop that one, or use another folder")]
    Locked {
        /// Which store.
        store: Box<str>,
        /// What is known of the other process.
        holder: Box<str>,
    },
    /// Stored bytes were damaged. They were not used, and nothing was changed.
    #[error("{what} is damaged: {detail}")]
    Corrupt {
        /// Which record, table or log.
        what: Box<str>,
        /// How that was found, and what to do.
        detail: Box<str>,
    },
    /// The stored format is newer than this program. Nothing was changed.
    #[error("{what} was written by a newer version of the program: {detail}")]
    Newer {
        /// Which record or store.
        what: Box<str>,
        /// The version found and the one understood.
        detail: Box<str>,
    },
    /// This incarnation was fenced, or the engine is between a failure and its next `open`.
    #[error("the store is not available: {detail}")]
    Unavailable {
        /// Why.
        detail: Box<str>,
    },
    /// The operating system or the server failed.
    #[error("{doing}: {detail}")]
    Io {
        /// What was being done, to which file or server.
        doing: Box<str>,
        /// The failure.
        detail: Box<str>,
    },
}

impl StoreError {
    /// What a unit is answered when this error kept the engine from reading what is stored of its
    /// actor: [`UnitOutcome::Corrupt`] when reading again cannot help, else
    /// [`UnitOutcome::Unknown`].
    #[must_use]
    pub fn unit_outcome(&self) -> UnitOutcome {
        let reason = self.to_string().into();
        match self {
            StoreError::Corrupt { .. } | StoreError::Newer { .. } => {
                UnitOutcome::Corrupt { reason }
            }
            StoreError::Locked { .. } | StoreError::Unavailable { .. } | StoreError::Io { .. } => {
                UnitOutcome::Unknown { reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reading_again_cannot_help_is_not_answered_unknown() {
        let text = || Box::<str>::from("a test");
        for (error, is_final) in [
            (StoreError::Corrupt { what: text(), detail: text() }, true),
            (StoreError::Newer { what: text(), detail: text() }, true),
            (StoreError::Locked { store: text(), holder: text() }, false),
            (StoreError::Unavailable { detail: text() }, false),
            (StoreError::Io { doing: text(), detail: text() }, false),
        ] {
            let reason = error.to_string().into();
            let expected = match is_final {
                true => UnitOutcome::Corrupt { reason },
                false => UnitOutcome::Unknown { reason },
            };
            assert_eq!(error.unit_outcome(), expected);
        }
    }
}
