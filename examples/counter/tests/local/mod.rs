//! What tests of several nodes on this machine need: their processes, and a call to one of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The processes that this one has started.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task");
    let tasks = std::fs::read_dir(path).expect("the parent runs");
    let children = tasks.filter_map(|task| {
        std::fs::read_to_string(task.ok()?.path().join("children")).ok()
    });
    let pids = children.collect::<Vec<_>>().join(" ");
    pids.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
}

pub(crate) fn signal(which: &str, pid: u32) {
    let sent = Command::new("kill").args([which, &pid.to_string()]).status();
    assert!(sent.expect("kill is there").success(), "{pid} is there");
}

/// The state of a process as the system names it: `T` is stopped, `Z` is over; `None` where there is none.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

pub(crate) fn is_running(pid: u32) -> bool {
    // A process that nobody has waited for is none any more.
    state(pid).is_some_and(|state| state != 'Z')
}

/// Calls a node; `None` where there is no reply of the method in this time.
pub(crate) fn call_within(time: Duration, address: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(time)).expect("a time");
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    let (head, body) = reply.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

pub(crate) fn call(address: &str, path: &str, body: &str) -> Option<String> {
    call_within(PATIENCE, address, path, body)
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it does not come to pass that {what}");
        thread::yield_now();
    }
}
