//! Tests of the whole engine.

mod conformance;
mod support;
