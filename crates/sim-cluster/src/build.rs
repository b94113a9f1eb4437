//! Two builds of the program that run side by side: the newer one has a field more in what it stores.

use std::cell::Cell;

use tenure::__private::serde::{Deserialize, Deserializer};

thread_local! {
    static BUILD: Cell<Build> = const { Cell::new(Build::Older) };
}

/// A build of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Build {
    /// The one with which every node begins.
    #[default]
    Older,
    /// The one that stores a field more.
    Newer,
}

impl Build {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Older => Self::Newer,
            Self::Newer => Self::Older,
        }
    }

    /// Runs a part of a process that runs this build.
    pub fn run<T>(self, part: impl FnOnce() -> T) -> T {
        let before = BUILD.replace(self);
        let result = part();
        BUILD.set(before);
        result
    }

    /// The build whose part runs now.
    #[must_use]
    pub fn now() -> Self {
        BUILD.get()
    }
}

/// Whether the field is not written: the older build has no such field.
pub(crate) fn is_left_out(_: &u64) -> bool {
    Build::now() == Build::Older
}

/// Reads the field, which the older build skips.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    Ok(if Build::now() == Build::Newer { number } else { 0 })
}
