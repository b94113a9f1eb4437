use std::time::Duration;

use super::fence::GONE_KEPT_DEFAULT;
use crate::lease::LeaseTerms;

/// How a node takes part in the member table. The same at every member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// The times of leases.
    pub terms: LeaseTerms,
    /// What ends a member before its lease does.
    pub fast_path: FastPath,
    /// How long a member that is gone stays in the table, by the clock of who watches it. 10 min by default.
    pub gone_kept: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let gone_kept = GONE_KEPT_DEFAULT;
        Self { terms: LeaseTerms::default(), fast_path: FastPath::default(), gone_kept }
    }
}

/// What ends a member before its lease does (DESIGN section 7, rule 7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FastPath {
    /// A proof of its death puts it down; a presumption that two members share condemns it.
    Presumed,
    /// A proof of its death puts it down. A presumption is a hint.
    #[default]
    Proven,
    /// Nothing does; proofs are hints, too.
    Off,
}
