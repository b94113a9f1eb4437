//! Wishes to be woken: one wheel for a node's call deadlines.

mod driver;
mod wheel;

pub(crate) use driver::Timers;
