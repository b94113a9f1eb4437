//! Tests of the whole engine.

mod conformance;
mod crash;
mod damage;
mod failure;
mod full_disk;
mod journals;
mod lifecycle;
mod power_cut;
mod support;
