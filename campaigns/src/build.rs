//! Two builds of the campaigns' server that run side by side: the newer one has a field more in what it stores, and
//! checks what it finds in it.

use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use serde::{Deserialize, Deserializer};

/// The variable that tells the campaign's server which build it is.
pub const BUILD_VARIABLE: &str = "CAMPAIGN_BUILD";

/// Set once, before anything is stored.
static IS_NEWER: AtomicBool = AtomicBool::new(false);

/// A build of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Build {
    /// It has no such field: it skips the field where it reads one, and stores none.
    #[default]
    Older,
    /// It has the field; what an older one stored has its default.
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

    /// The word that names it in [`BUILD_VARIABLE`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Newer => "newer",
        }
    }

    /// Makes this process one of this build.
    pub fn begin(self) {
        IS_NEWER.store(self == Self::Newer, Ordering::Relaxed);
    }

    /// The build that this process is of.
    #[must_use]
    pub fn now() -> Self {
        if IS_NEWER.load(Ordering::Relaxed) { Self::Newer } else { Self::Older }
    }
}

/// Whether the field is not written.
pub(crate) fn is_left_out(_: &u64) -> bool {
    Build::now() == Build::Older
}

/// Reads the field, which the older build skips.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    Ok(if Build::now() == Build::Newer { number } else { 0 })
}
