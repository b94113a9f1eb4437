use tenure_store::RowChange;
use tenure_types::{Instant, Version};

/// What an activation has that was acknowledged and not encoded yet.
pub(crate) struct Dirty {
    /// When the oldest such turn ended.
    pub(crate) since: Instant,
    /// The version before it.
    pub(crate) base: Version,
    /// What its turns leave beside the head.
    pub(crate) rows: Vec<RowChange>,
    /// Its entry in the list of what is unsaved.
    pub(crate) entry: u64,
}
