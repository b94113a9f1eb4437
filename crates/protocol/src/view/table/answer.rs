use std::sync::Arc;

use tenure_types::{Incarnation, ViewNumber};

use super::{MemberState, ROWS_MAX, View};

/// The answer to one [`TableRequest`](super::TableRequest).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableAnswer {
    /// Which line of history answered. A change restarts every observation.
    pub timeline: u64,
    /// The number of the view after the request.
    pub number: ViewNumber,
    /// What became of it.
    pub outcome: Result<TableOutcome, TableError>,
}

/// What a request did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TableOutcome {
    /// A poll read this.
    Read {
        /// The view, if it is newer than the one the reader has.
        view: Option<View>,
        /// The watched rows that are there, in the order they were asked for.
        rows: Vec<RowRead>,
    },
    /// The lease is renewed; the row stands at this beat.
    Beaten {
        /// One more than before.
        beat: u64,
    },
    /// There is a row of this join.
    Joined {
        /// The incarnation of the new member.
        incarnation: Incarnation,
        /// Whether this request made it, rather than an earlier one of the same token.
        is_new: bool,
    },
    /// The row or rows stand where the request wants them, whether it moved them or not.
    Done,
}

/// How one row stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowRead {
    /// Whose.
    pub incarnation: Incarnation,
    /// Where it stands.
    pub state: MemberState,
    /// Counts its renewals.
    pub beat: u64,
}

/// Why the table left everything as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The row stands elsewhere than the request says.
    #[error("the row is {state} at beat {beat}; read it again")]
    Refused {
        /// Where it stands.
        state: MemberState,
        /// Its beat.
        beat: u64,
    },
    /// There is no such row: it was forgotten, or the table is another one.
    #[error("the member table has no such row; join as a new incarnation")]
    Absent,
    /// The table is an older copy of itself: it stands before a view that somebody saw.
    #[error(
        "the member table stands at view {number}, and view {seen} was seen: it was restored from an older \
         copy; stop all nodes for a lease, raise it with `restore`, and start them"
    )]
    Behind {
        /// Where it stands.
        number: ViewNumber,
        /// What was seen.
        seen: ViewNumber,
    },
    /// What answers is not what answered before: its server was restored from an older copy, or replaced. Nothing that
    /// it says is believed any more.
    #[error(
        "the member table was restored from an older copy, or moved ({what}); stop all nodes for a lease, remove \
         the table, and start them"
    )]
    Replaced {
        /// Which table, and by what that is known.
        what: Arc<str>,
    },
    /// There is no room for another member.
    #[error(
        "the member table has {ROWS_MAX} rows; members that are gone leave it once they are fenced"
    )]
    Full,
}
