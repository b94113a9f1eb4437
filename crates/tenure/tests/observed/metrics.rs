use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::node::Node;

/// The judge is Prometheus' own, of the Debian package `prometheus`; `cargo xtask ci` installs it.
#[test]
fn prometheus_has_nothing_to_say_against_the_metrics() {
    let node = Node::start(&[]);
    assert_eq!(node.call("POST /v1/till/1/pay", "500").0, 200);
    assert_eq!(node.call("POST /v1/till/1/pay", "1").0, 409);
    assert_eq!(node.call("GET /v1/nothing/1/total", "").0, 404);
    let (status, page) = node.ask(node.admin, "GET /metrics", "");
    assert_eq!(status, 200);
    assert!(page.contains("tenure_calls_total{type=\"till\"} 2"), "{page}");
    let mut judge = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs; `apt-get install prometheus` brings it");
    let mut reader = judge.stdin.take().expect("a pipe");
    reader.write_all(page.as_bytes()).expect("it reads");
    drop(reader);
    let said = judge.wait_with_output().expect("it ends");
    let words = [&said.stdout[..], &said.stderr[..]].concat();
    let words = String::from_utf8_lossy(&words);
    assert!(said.status.success() && words.trim().is_empty(), "{words}\n{page}");
}
