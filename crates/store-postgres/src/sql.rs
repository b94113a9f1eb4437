//! The statements. What commits is put together from parts, so that a batch without rows or entries
//! pays for none.

pub(crate) const SCHEMA: &str = include_str!("sql/schema.sql");
pub(crate) const MEMBERS: &str = include_str!("sql/members.sql");
pub(crate) const MOMENTS: &str = include_str!("sql/moments.sql");
pub(crate) const READABLE: &str = include_str!("sql/readable.sql");
pub(crate) const LOAD: &str = include_str!("sql/load.sql");
pub(crate) const EVENTS: &str = include_str!("sql/events.sql");
pub(crate) const DUE: &str = include_str!("sql/due.sql");
pub(crate) const TYPES: &str = include_str!("sql/types.sql");
pub(crate) const HEADS: &str = include_str!("sql/heads.sql");
pub(crate) const FEED: &str = include_str!("sql/feed.sql");
pub(crate) const FEEDS: &str = include_str!("sql/feeds.sql");
pub(crate) const FEED_ENDS: &str = include_str!("sql/feed_ends.sql");
pub(crate) const TRIM: &str = include_str!("sql/trim.sql");
pub(crate) const WALK_ACTORS: &str = include_str!("sql/walk_actors.sql");
pub(crate) const WALK_JOURNAL: &str = include_str!("sql/walk_journal.sql");
pub(crate) const WALK_ROWS: &str = include_str!("sql/walk_rows.sql");

const COMMIT: &str = include_str!("sql/commit.sql");
const COMMIT_ROWS: &str = include_str!("sql/commit_rows.sql");
const COMMIT_ENTRIES: &str = include_str!("sql/commit_entries.sql");
const COMMIT_END: &str = include_str!("sql/commit_end.sql");

/// What a batch of heads alone, one with rows and one with entries too are committed with.
pub(crate) fn commits() -> [String; 3] {
    [
        [COMMIT, COMMIT_END].concat(),
        [COMMIT, COMMIT_ROWS, COMMIT_END].concat(),
        [COMMIT, COMMIT_ROWS, COMMIT_ENTRIES, COMMIT_END].concat(),
    ]
}

/// The timeline on which the server writes: another one after each promotion of a replica.
const TIMELINE: &str =
    "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint";

/// What a member table is read with, renewed in, and changed by.
pub(crate) fn members() -> [String; 3] {
    [
        include_str!("sql/members_read.sql"),
        include_str!("sql/members_beat.sql"),
        include_str!("sql/members_change.sql"),
    ]
    .map(|sql| sql.replace("TIMELINE", TIMELINE))
}
