//! Measures other actor libraries: the cases of `cargo xtask bench local` that have their names.
//!
//! Callers hold direct handles; none of these libraries looks an actor up by key for each call.

mod actix;
mod coerce;
mod kameo;
mod ractor;

// The same driver and the same answers as the main program has.
#[path = "../../src/load.rs"]
#[allow(dead_code, reason = "latencies are measured by the main program alone")]
mod load;
#[path = "../../src/memory.rs"]
mod memory;
#[path = "../../src/report.rs"]
#[allow(dead_code, reason = "latencies are measured by the main program alone")]
mod report;

use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use load::{Span, Task};
use memory::{bytes_each, resident_bytes};
use report::{BYTES_EACH, RATE, Report};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The state of every actor.
pub(crate) struct State {
    bytes: [u8; 100],
}

impl State {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; 100] }
    }

    /// Adds to the number at the state's beginning.
    pub(crate) fn add(&mut self, by: i64) -> i64 {
        let (number, _) = self.bytes.split_first_chunk_mut::<8>().expect("100 bytes");
        let value = i64::from_le_bytes(*number) + by;
        *number = value.to_le_bytes();
        value
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let ["case", name, ..] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("usage: tenure-bench-peers case NAME [--quick]");
    };
    let words: Vec<&str> = name.split('/').collect();
    let number = |at: usize| words[at].parse::<usize>().expect("a number");
    let span = Span::new(quick);
    let report = match words[..] {
        ["kameo", "ask", ..] => kameo::ask(number(2), number(3), span),
        ["ractor", "ask", ..] => ractor::ask(number(2), number(3), span),
        ["actix", "ask", ..] => actix::ask(number(2), number(3), span),
        ["coerce", "ask", ..] => coerce::ask(number(2), number(3), span),
        ["kameo", "idle", ..] => kameo::idle(number(2)),
        ["ractor", "idle", ..] => ractor::idle(number(2)),
        ["actix", "idle", ..] => actix::idle(number(2)),
        ["coerce", "idle", ..] => coerce::idle(number(2)),
        _ => panic!("there is no case `{name}`"),
    };
    report.print();
    // Taking thousands of actors down is not measured, and takes some of them seconds.
    std::process::exit(0);
}

pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime")
}

pub(crate) fn spawn_on(runtime: &Runtime) -> impl FnMut(usize, Task) {
    move |_, task| {
        runtime.spawn(task);
    }
}

/// Makes `count` actors and waits until each has answered once.
pub(crate) fn idle_of<T>(count: usize, make: impl FnOnce() -> Vec<T>) -> Report {
    let before = resident_bytes();
    let began = Instant::now();
    let actors = make();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(actors.len(), count);
    Report::of(RATE, count as f64 / seconds).and(BYTES_EACH, bytes_each(before, count))
}
