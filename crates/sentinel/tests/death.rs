//! A process is killed, and its sentinel, and both, and each is stopped.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::UdpSocket;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tenure_sentinel::{NOTICE_BYTES, Notice};

const WITHIN: Duration = Duration::from_secs(20);

struct Victim {
    process: Child,
    asks: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    ears: UdpSocket,
    commitment: String,
}

impl Victim {
    fn start(mib: u32) -> Self {
        let ears = UdpSocket::bind("127.0.0.1:0").unwrap();
        ears.set_read_timeout(Some(WITHIN)).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_sentinel-victim"))
            .args([ears.local_addr().unwrap().to_string(), mib.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let asks = process.stdin.take().unwrap();
        let mut says = BufReader::new(process.stdout.take().unwrap()).lines();
        let commitment = says.next().expect("it says its commitment").unwrap();
        Self { process, asks, says, ears, commitment }
    }

    fn ask(&mut self, what: &str) -> String {
        writeln!(self.asks, "{what}").unwrap();
        self.says.next().expect("an answer").unwrap()
    }

    fn sentinel(&mut self) -> Pid {
        let pid: i32 = self.ask("pid").parse().unwrap();
        let pid = Pid::from_raw(pid).expect("it has a sentinel");
        eventually("it has begun", || outlives_its_parent(pid));
        pid
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap()
    }

    fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        eventually("it is stopped", || state(self.pid()) == "T");
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for the notice.
    fn hears(&self) {
        let mut bytes = [0; NOTICE_BYTES + 1];
        let len = self.ears.recv(&mut bytes).expect("a notice");
        let notice = Notice::from_bytes(&bytes[..len]).expect("a whole one");
        let said = notice.commitment().as_bytes().map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(said, self.commitment);
    }

    /// Nothing was said, by processes that are gone.
    fn has_heard_nothing(&self) {
        self.ears.set_nonblocking(true).unwrap();
        let error = self.ears.recv(&mut [0; 64]).expect_err("nobody is told");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        self.ears.set_nonblocking(false).unwrap();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Waits until a condition holds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

/// Whether a process that is no child of this one runs: one that ended and was not waited for does not.
fn is_running(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    test_kill_process(pid).is_ok() && !stat.contains(") Z ")
}

/// Whether it ignores SIGHUP, which is the first thing that a sentinel does.
fn outlives_its_parent(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (Signal::HUP.as_raw() - 1)) != 0)
}

fn state(pid: Pid) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().trim().chars().take(1).collect()
}

#[test]
fn a_killed_process_is_told_of_whatever_memory_it_had() {
    for mib in [0, 512] {
        let mut victim = Victim::start(mib);
        let sentinel = victim.sentinel();
        victim.process.kill().unwrap();
        victim.hears();
        victim.process.wait().unwrap();
        eventually("its sentinel ends", || !is_running(sentinel));
    }
}

#[test]
fn nobody_is_told_of_an_end_in_good_order() {
    let mut victim = Victim::start(0);
    let sentinel = victim.sentinel();
    assert_eq!(victim.ask("end"), "ended");
    assert!(!is_running(sentinel), "it ended before its process said so");
    victim.kill();
    victim.has_heard_nothing();
}

#[test]
fn a_sentinel_that_was_killed_is_started_again() {
    let mut victim = Victim::start(0);
    let first = victim.sentinel();
    kill_process(first, Signal::KILL).unwrap();
    let mut second = None;
    eventually("there is another one", || {
        second = victim.ask("pid").parse().ok().and_then(Pid::from_raw);
        second.is_some_and(|pid| pid != first)
    });
    victim.kill();
    victim.hears();
}

#[test]
fn who_is_killed_with_its_sentinel_is_not_told_of() {
    let mut victim = Victim::start(0);
    let sentinel = victim.sentinel();
    // Or it would start another one.
    victim.stop();
    kill_process(sentinel, Signal::KILL).unwrap();
    victim.kill();
    eventually("the sentinel is gone", || !is_running(sentinel));
    victim.has_heard_nothing();
}

#[test]
fn a_sentinel_that_was_stopped_tells_of_it_too() {
    let mut victim = Victim::start(0);
    let sentinel = victim.sentinel();
    kill_process(sentinel, Signal::STOP).unwrap();
    eventually("it is stopped", || state(sentinel) == "T");
    // The kernel lets the sentinel go on: it is in a group of processes without a parent now.
    victim.kill();
    victim.hears();
}

#[test]
fn a_stopped_process_is_not_told_of() {
    let mut victim = Victim::start(0);
    let sentinel = victim.sentinel();
    victim.stop();
    assert!(is_running(sentinel), "it waits");
    victim.has_heard_nothing();
    kill_process(victim.pid(), Signal::CONT).unwrap();
    assert_eq!(victim.sentinel(), sentinel, "it goes on");
    victim.kill();
    victim.hears();
}
