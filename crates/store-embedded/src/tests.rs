//! Tests of the whole engine.

mod conformance;
mod damage;
mod support;
