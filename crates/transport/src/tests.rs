//! What every kind of network and security must keep: one suite, run on each.

mod cases;
mod certificates;
mod endings;
mod harness;
mod hostile;
mod refusals;
mod relay;
mod silence;
mod suite;
