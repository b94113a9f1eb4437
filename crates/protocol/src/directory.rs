//! The directory: where each actor of a slot is (DESIGN section 7, rule 4).

mod cache;
mod entry;

pub use entry::Wish;

pub(crate) use cache::Locations;
pub(crate) use entry::{Entry, Placing, Standing};
