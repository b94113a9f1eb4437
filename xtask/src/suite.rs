//! The tests of the workspace: which command runs them, and how many passed.

mod tally;

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;

use crate::command::{Invocation, timed};
pub(crate) use tally::Tally;

/// The two commands that together run every test, each with the name of its step.
pub(crate) fn commands(root: &Path, filters: &[String]) -> [(&'static str, Invocation); 2] {
    let tests = if has_nextest(root) {
        let nextest = ["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests=pass"];
        Invocation::cargo(&nextest).args(filters)
    } else {
        // `--all-targets` would run the benchmarks as well.
        let plain =
            ["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests", "--examples"];
        Invocation::cargo(&plain).args(separated(filters).iter())
    };
    let doc_tests = Invocation::cargo(&["test", "--workspace", "--no-fail-fast", "--doc"])
        .args(separated(filters).iter());
    // Many tests make code panic on purpose, where printing the way there takes longer than the test.
    [("test", tests.env("RUST_BACKTRACE", "0")), ("doc-test", doc_tests)]
}

/// What the feature `etcd` adds, which no other step builds: its lints, and its tests.
pub(crate) fn of_etcd() -> [(&'static str, Invocation); 4] {
    let table = "-p tenure-table-etcd --features etcd";
    let both = "-p tenure-table-etcd -p tenure --features tenure/etcd";
    // Of the crate `tenure` one file of tests has such.
    let nodes = "-p tenure --features etcd --test cluster_postgres";
    let campaigns = "-p tenure-campaigns --features etcd --test short";
    [
        ("etcd-lints", format!("clippy {both} --all-targets -- -D warnings")),
        ("etcd-table", format!("test {table} --lib")),
        ("etcd-nodes", format!("test {nodes} -- etcd")),
        ("etcd-roll", format!("test {campaigns} -- etcd")),
    ]
    .map(|(name, line)| (name, Invocation::cargo(&line.split(' ').collect::<Vec<_>>())))
}

/// Says which program runs the tests here, and how to get the other.
pub(crate) fn describe_runner(root: &Path) -> &'static str {
    if has_nextest(root) {
        "cargo nextest"
    } else {
        "cargo test (cargo-nextest is not installed; `cargo install --locked cargo-nextest` is faster)"
    }
}

/// Runs the tests whose names contain one of `filters`, or all when there are none.
///
/// # Errors
///
/// When a filter matches no test. Failed tests are not an error but the returned code.
pub(crate) fn run_alone(root: &Path, filters: &[String]) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    for (name, command) in commands(root, filters) {
        let run = || command.run_observed(root, &mut |line| tally.observe(line));
        if let Err(error) = timed(name, &command.to_string(), run).0 {
            failures.push(error);
        }
    }
    for error in &failures {
        eprintln!("error: {error:#}");
    }
    if failures.is_empty() && tally.count() == 0 && !filters.is_empty() {
        bail!("no test has a name with {}; nothing was run", filters.join(" or "));
    }
    println!("{tally}");
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn has_nextest(root: &Path) -> bool {
    Invocation::cargo(&["nextest", "--version"]).read(root).is_ok()
}

fn separated(filters: &[String]) -> Vec<String> {
    let separator = (!filters.is_empty()).then(|| "--".to_owned());
    separator.into_iter().chain(filters.iter().cloned()).collect()
}
