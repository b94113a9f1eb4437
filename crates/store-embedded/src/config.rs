use std::path::PathBuf;

/// How an [`crate::EmbeddedStore`] uses its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddedConfig {
    /// The folder that holds everything. Made when it does not exist.
    pub path: PathBuf,
    /// Memory for blocks read from tables, in bytes.
    pub cache_bytes: u64,
    /// Memory for rows that are in the journal and in no table yet, in bytes. When it is full a
    /// table is written. Twice this much may be in use while that happens.
    pub memtable_bytes_max: u64,
    /// How long all journal files may become, in bytes, before tables are written to get rid of
    /// the oldest. At least 64 MiB. A start reads them all.
    pub journal_bytes_max: u64,
    /// Threads that write and merge tables. At least 2, because writes wait for ever when a merge
    /// holds the only one.
    pub table_threads: usize,
    /// Threads that read for [`tenure_store::Store::load`] what a caller's thread should not wait
    /// for.
    pub load_threads: usize,
    /// How many threads of callers may read at a time, while most reads find their row in memory.
    /// Zero sends every load to the pool. By default half of the processors: a disk that stalls
    /// must leave threads to renew leases with.
    pub direct_loads_max: usize,
    #[cfg(test)]
    pub(crate) faults: crate::failure::injected::FaultSwitch,
}

impl EmbeddedConfig {
    /// The defaults for a store in `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            path: path.into(),
            cache_bytes: 64 << 20,
            memtable_bytes_max: 32 << 20,
            journal_bytes_max: 256 << 20,
            table_threads: 2,
            load_threads: 4,
            direct_loads_max: (processors / 2).max(1),
            #[cfg(test)]
            faults: Default::default(),
        }
    }
}
