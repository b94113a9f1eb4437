//! Tests of the whole engine.

mod backup;
mod conformance;
mod crash;
mod damage;
mod failure;
mod full_disk;
mod history;
mod import;
mod journals;
mod leftovers;
mod lifecycle;
mod power_cut;
mod reading;
mod sharing;
mod support;
