//! What a running node shows of itself: spans, logs and metrics.

mod collector;
mod logs;
mod metrics;
mod node;
mod program;
mod traces;
