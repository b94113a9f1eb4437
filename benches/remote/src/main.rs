//! Calls between two processes by other libraries: the cases of `cargo xtask bench remote` that have their names. Each
//! case starts the process that answers by itself.

mod actors;
mod grpc;
mod objects;

// The same driver, the same answers and the same job as the main program has.
#[path = "../../src/job.rs"]
mod job;
#[path = "../../src/load.rs"]
#[allow(dead_code, reason = "some cases of the main program alone need it")]
mod load;
#[path = "../../src/machine.rs"]
#[allow(dead_code, reason = "the main program tells of the machine")]
mod machine;
#[path = "../../src/report.rs"]
#[allow(dead_code, reason = "some cases of the main program alone need it")]
mod report;
#[path = "../../src/cases/served.rs"]
#[allow(dead_code, reason = "some cases of the main program alone need it")]
mod served;

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::runtime::{Builder, Runtime};

use load::{Span, Task};
use report::Report;
use served::Served;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A case, once its other process stands.
pub(crate) struct Case {
    pub(crate) runtime: Runtime,
    pub(crate) server: SocketAddr,
    pub(crate) in_flight: usize,
    pub(crate) span: Span,
}

impl Case {
    pub(crate) fn run(&self, make: impl Fn(load::Caller) -> Task) -> Report {
        let spawn = |_, task| drop(self.runtime.spawn(task));
        let mut done = load::run(self.in_flight, self.span, spawn, make);
        Report::of_load(&done).and_latencies(&mut done.latencies)
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", system, ..] => serve(system),
        ["case", name, rest @ ..] => {
            measure(name, rest.contains(&"--quick"))?.print();
            // What is left of the libraries ends with the process.
            std::process::exit(0);
        }
        _ => bail!("usage: tenure-bench-remote-peers case NAME [--quick]"),
    }
}

fn measure(name: &str, quick: bool) -> anyhow::Result<Report> {
    let words: Vec<&str> = name.split('/').collect();
    let [system, kind, in_flight] = words[..] else { bail!("there is no case `{name}`") };
    if kind == "remote-pinned" {
        machine::pin_to_first_core()?;
    }
    let (_server, server) = Served::start(system, Path::new("."))?;
    let in_flight = in_flight.parse().context("the last word is a number")?;
    let case = Case { runtime: runtime()?, server, in_flight, span: Span::new(quick) };
    match system {
        "tonic" => grpc::measure(&case),
        "ractor" => actors::measure(&case),
        "rio" => objects::measure(&case),
        _ => bail!("there is no case `{name}`"),
    }
}

fn serve(system: &str) -> anyhow::Result<()> {
    match system {
        "tonic" => runtime()?.block_on(grpc::serve()),
        "ractor" => runtime()?.block_on(actors::serve()),
        "rio" => runtime()?.block_on(objects::serve()),
        _ => bail!("there is no server `{system}`"),
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
