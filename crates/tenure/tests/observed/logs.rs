use serde_json::Value;

use crate::node::Node;

#[test]
fn the_log_may_be_json_an_object_a_line() {
    let node = Node::start(&[
        ("TENURE_LOG__FORMAT", "json"),
        ("TENURE_GATEWAY__ACCESS_LOG", "true"),
        ("RUST_LOG", "info"),
    ]);
    assert_eq!(node.call("POST /v1/till/1/pay", "500").0, 200);
    let (ended, log) = node.stop();
    assert!(ended.success(), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let access = lines.iter().find(|it| it["target"] == "access").expect("one request");
    for (name, value) in [
        ("method", Value::from("POST")),
        ("path", "/v1/till/1/pay".into()),
        ("status", 200.into()),
        ("peer", "127.0.0.1".into()),
        ("level", "INFO".into()),
    ] {
        assert_eq!(access[name], value, "{access}");
    }
}

#[test]
fn a_filter_that_cannot_be_read_is_told() {
    let node = Node::start(&[("RUST_LOG", "info,access=loud")]);
    let (ended, log) = node.stop();
    assert!(ended.success() && log.contains("RUST_LOG cannot be read"), "{log}");
}
