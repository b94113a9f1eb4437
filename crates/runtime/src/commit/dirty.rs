use tenure_store::{Append, RowChange};
use tenure_types::{Instant, Version};

/// What an activation has that was acknowledged and not encoded yet.
pub(crate) struct Dirty {
    /// When the oldest such turn ended.
    pub(crate) since: Instant,
    /// The version before it.
    pub(crate) base: Version,
    /// What its turns leave beside the head.
    pub(crate) beside: Beside,
    /// Its entry in the list of what is unsaved.
    pub(crate) entry: u64,
}

/// What turns leave for their unit beside the head.
#[derive(Default)]
pub(crate) struct Beside {
    /// Changes of rows.
    pub(crate) rows: Vec<RowChange>,
    /// Entries of feeds.
    pub(crate) entries: Vec<Append>,
}

impl Beside {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.entries.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() + self.entries.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.data.len()).sum();
        self.rows.iter().map(RowChange::bytes).sum::<usize>() + entries
    }

    pub(crate) fn extend(&mut self, later: Self) {
        self.rows.extend(later.rows);
        self.entries.extend(later.entries);
    }
}
