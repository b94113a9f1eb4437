//! The real program, called over a real socket: what it answered outlives it.

mod program;

use program::Program;

#[test]
fn what_was_added_outlives_a_kill() {
    let data = tempfile::tempdir().expect("a folder for the store");
    let counter = Program::start(data.path());
    assert_eq!(counter.call("POST", "/v1/counter/42/add", "5").text(), (200, "5"));
    assert_eq!(counter.call("GET", "/v1/counter/42/get", "").text(), (200, "5"));
    assert_eq!(counter.call("POST", "/v1/counter/42/add", "-2").text(), (200, "3"));
    counter.kill();

    let counter = Program::start(data.path());
    assert_eq!(counter.call("GET", "/v1/counter/42/get", "").text(), (200, "3"));
    assert_eq!(counter.call("GET", "/v1/counter/43/get", "").text(), (200, "0"));
    let status = counter.terminate();
    assert_eq!(status.code(), Some(0), "SIGTERM is an orderly end: {status}");

    let counter = Program::start(data.path());
    assert_eq!(counter.call("GET", "/v1/counter/42/get", "").text(), (200, "3"));
}

#[test]
fn a_wrong_argument_is_a_problem_and_changes_nothing() {
    let data = tempfile::tempdir().expect("a folder for the store");
    let counter = Program::start(data.path());
    assert_eq!(counter.call("POST", "/v1/counter/42/add", "1").text(), (200, "1"));

    let reply = counter.call("POST", "/v1/counter/42/add", "\"five\"");
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert_eq!(reply.content_type, "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&reply.body).expect("a problem is JSON");
    assert_eq!(problem["code"], "bad_request");
    assert_eq!(problem["outcome"], "not-executed");
    assert_eq!(problem["retryable"], false);
    assert_eq!(problem["actor"], "counter/42");

    assert_eq!(counter.call("POST", "/v1/counter/42/ad", "1").status, 404);
    assert_eq!(counter.call("GET", "/v1/counter/42/get", "").text(), (200, "1"));
}
