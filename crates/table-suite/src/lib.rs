//! The suite that every member table passes, for tests alone.
//!
//! A table implements [`Subject`] in its tests, and has a test for each case: they are functions of their own. A case panics
//! with what was asked and what was answered.

mod actions;
mod cases;
mod subject;

pub use actions::join;
pub use cases::{
    changes_of_other_rows_at_the_same_time_are_views_of_their_own,
    every_answer_is_that_of_the_specification, leases_are_renewed_or_ended_and_never_both,
    members_have_the_same_terms, tables_before_a_view_that_was_seen_refuse,
    tables_of_other_clusters_are_refused, who_joins_at_the_same_time_gets_a_view_of_its_own,
};
pub use subject::{MemberTable, Subject, asked, wait};
