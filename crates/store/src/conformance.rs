//! The suite that every engine passes.
//!
//! An engine implements [`Subject`] in its tests and calls [`run`]. Each case is a function of
//! its own, so that an engine can also run one alone while it is being built. A case panics with
//! a sentence that names the promise which was broken.
//!
//! The suite needs no particular async runtime: it only awaits what the engine gives it.

mod damage;
mod deletion;
mod due;
mod feeds;
mod incarnations;
mod journal;
mod keys;
mod listing;
mod model;
mod rows;
mod several;
mod subject;
mod units;
mod walk;

pub use crate::submitted::{Submitted, submit};
pub use damage::{
    damaged_rows_are_named, damaged_rows_beside_are_named, units_that_meet_damage_are_told,
};
pub use deletion::{
    deleted_actors_leave_only_their_head, lives_follow_one_another,
    only_deleted_actors_are_forgotten,
};
pub use due::{due_times_are_replaced, what_is_due_is_listed_in_pages};
pub use feeds::{
    damaged_entries_are_named, entries_follow_their_unit, feeds_are_bounded,
    feeds_are_read_in_pages, foreign_cursors_are_refused, pages_of_feeds_are_bounded,
    stripes_follow_incarnations, trims_are_bounded, trims_remove_the_oldest_and_are_told,
};
pub use incarnations::{
    close_keeps_everything, closed_stores_refuse, fences_refuse, later_opens_fence_earlier_ones,
    opens_count_incarnations,
};
pub use journal::{
    events_are_read_in_pages, gaps_in_journals_are_named, pages_of_events_are_bounded,
};
pub use keys::{strange_keys_are_apart, type_names_are_apart};
pub use listing::{
    damaged_heads_are_listed_with_their_error, heads_are_listed_in_pages,
    pages_of_heads_are_bounded, reading_hands_out_no_incarnation,
};
pub use model::{follow_the_model, random_units_follow_the_model};
pub use rows::{
    invalid_units_are_refused, later_changes_of_a_row_count, loads_give_what_the_content_needs,
    loads_see_whole_units, rows_follow_their_unit, rows_of_every_name_are_apart,
    rows_of_refused_units_are_absent,
};
pub use several::{
    entries_of_several_are_merged, fences_end_one_incarnation, incarnations_are_handed_out_to_join,
    incarnations_commit_beside_each_other, run_several, several_are_trimmed_as_one,
    stripes_are_opened_beside_each_other,
};
pub use subject::Subject;
pub use units::{
    bodies_of_every_size_are_kept, conflicts_tell_what_is_stored, many_actors_commit_together,
    resubmitted_units_are_recognised, units_replace_what_was_stored, versions_are_compared,
};
pub use walk::{
    pages_of_walks_are_bounded, walks_are_refused, walks_come_by_everything_in_order,
    walks_name_what_is_damaged,
};

/// Runs every case, each on a new subject.
///
/// # Panics
/// If the engine breaks a promise.
pub async fn run<S: Subject>(make: impl Fn() -> S) {
    opens_count_incarnations(&make()).await;
    later_opens_fence_earlier_ones(&make()).await;
    fences_refuse(&make()).await;
    close_keeps_everything(&make()).await;
    closed_stores_refuse(&make()).await;
    units_replace_what_was_stored(&make()).await;
    versions_are_compared(&make()).await;
    conflicts_tell_what_is_stored(&make()).await;
    resubmitted_units_are_recognised(&make()).await;
    bodies_of_every_size_are_kept(&make()).await;
    many_actors_commit_together(&make()).await;
    strange_keys_are_apart(&make()).await;
    type_names_are_apart(&make()).await;
    rows_follow_their_unit(&make()).await;
    rows_of_refused_units_are_absent(&make()).await;
    later_changes_of_a_row_count(&make()).await;
    loads_give_what_the_content_needs(&make()).await;
    loads_see_whole_units(&make()).await;
    rows_of_every_name_are_apart(&make()).await;
    invalid_units_are_refused(&make()).await;
    gaps_in_journals_are_named(&make()).await;
    events_are_read_in_pages(&make()).await;
    pages_of_events_are_bounded(&make()).await;
    what_is_due_is_listed_in_pages(&make()).await;
    due_times_are_replaced(&make()).await;
    deleted_actors_leave_only_their_head(&make()).await;
    lives_follow_one_another(&make()).await;
    only_deleted_actors_are_forgotten(&make()).await;
    heads_are_listed_in_pages(&make()).await;
    pages_of_heads_are_bounded(&make()).await;
    reading_hands_out_no_incarnation(&make()).await;
    damaged_heads_are_listed_with_their_error(&make()).await;
    damaged_rows_are_named(&make()).await;
    damaged_rows_beside_are_named(&make()).await;
    units_that_meet_damage_are_told(&make()).await;
    entries_follow_their_unit(&make()).await;
    feeds_are_read_in_pages(&make()).await;
    pages_of_feeds_are_bounded(&make()).await;
    feeds_are_bounded(&make()).await;
    stripes_follow_incarnations(&make()).await;
    trims_remove_the_oldest_and_are_told(&make()).await;
    trims_are_bounded(&make()).await;
    foreign_cursors_are_refused(&make(), &make()).await;
    damaged_entries_are_named(&make()).await;
    if make().can_be_walked() {
        walks_come_by_everything_in_order(&make()).await;
        pages_of_walks_are_bounded(&make()).await;
        walks_name_what_is_damaged(&make).await;
    } else {
        walks_are_refused(&make()).await;
    }
    random_units_follow_the_model(&make).await;
}
