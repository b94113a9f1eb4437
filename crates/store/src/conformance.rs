//! The suite that every engine passes.
//!
//! An engine implements [`Subject`] in its tests and calls [`run`]. Each case is a function of
//! its own, so that an engine can also run one alone while it is being built. A case panics with
//! a sentence that names the promise which was broken.
//!
//! The suite needs no particular async runtime: it only awaits what the engine gives it.

mod damage;
mod incarnations;
mod keys;
mod subject;
mod submitted;
mod units;

pub use damage::{damaged_rows_are_named, units_that_meet_damage_are_told};
pub use incarnations::{
    close_keeps_everything, closed_stores_refuse, fences_refuse, later_opens_fence_earlier_ones,
    opens_count_incarnations,
};
pub use keys::{strange_keys_are_apart, type_names_are_apart};
pub use subject::Subject;
pub use submitted::{Submitted, submit};
pub use units::{
    bodies_of_every_size_are_kept, conflicts_tell_what_is_stored, many_actors_commit_together,
    resubmitted_units_are_recognised, units_replace_what_was_stored, versions_are_compared,
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
    damaged_rows_are_named(&make()).await;
    units_that_meet_damage_are_told(&make()).await;
}
