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
fn a_call_may_ask_for_a_state_and_an_actor_may_be_deleted() {
    let data = tempfile::tempdir().expect("a folder for the store");
    let counter = Program::start(data.path());
    let add = "/v1/counter/42/add";
    let first = counter.call("POST", add, "5");
    let tag = first.header("etag").expect("a reply names the state it left").to_owned();
    let timing = first.header("server-timing").expect("a reply says where its time went");
    for part in ["route;dur=", "queue;dur=", "run;dur=", "persist;dur="] {
        assert!(timing.contains(part), "{timing}");
    }
    let read = counter.call("GET", "/v1/counter/42/get", "");
    assert_eq!((read.text(), read.header("etag")), ((200, "5"), Some(&*tag)));
    let known = counter.call_with("GET", "/v1/counter/42/get", "", &[("if-none-match", &tag)]);
    assert_eq!((known.text(), known.header("etag")), ((304, ""), Some(&*tag)));

    let second = counter.call_with("POST", add, "1", &[("if-match", &tag)]);
    assert_eq!(second.text(), (200, "6"));
    let late = counter.call_with("POST", add, "1", &[("if-match", &tag)]);
    assert_eq!(late.status, 412);
    assert!(late.body.contains("version_mismatch"), "{}", late.body);

    let late = counter.call_with("DELETE", "/v1/counter/42", "", &[("if-match", &tag)]);
    assert_eq!(late.status, 412);
    let deleted = counter.call("DELETE", "/v1/counter/42", "");
    assert_eq!((deleted.text(), deleted.header("x-durability")), ((204, ""), Some("durable")));
    counter.kill();
    let counter = Program::start(data.path());
    assert_eq!(counter.call("GET", "/v1/counter/42/get", "").text(), (200, "0"));
}

#[test]
fn the_admin_server_shows_and_changes_actors() {
    let data = tempfile::tempdir().expect("a folder for the store");
    let counter = Program::start(data.path());
    for key in ["a", "b%2Fc", "d"] {
        assert_eq!(counter.call("POST", &format!("/v1/counter/{key}/add"), "5").status, 200);
    }
    let json = |path: &str| -> serde_json::Value {
        let reply = counter.admin("GET", path);
        serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{path}: {}", reply.body))
    };
    let keys = |path: &str| -> Vec<String> {
        let actors = json(path)["actors"].clone();
        let key = |it: &serde_json::Value| it["key"].as_str().expect("a key").to_owned();
        actors.as_array().expect("a list").iter().map(key).collect()
    };
    assert_eq!(keys("/admin/v1/actors?type=counter"), ["a", "b/c", "d"]);
    assert_eq!(keys("/admin/v1/actors?type=counter&stored=true&after=a"), ["b/c", "d"]);
    let one = json("/admin/v1/actors/counter/b%2Fc");
    assert_eq!((&one["state"]["value"], &one["live"]["unsaved"]), (&5.into(), &false.into()));
    assert_eq!(one["live"]["tag"], one["stored"]["tag"]);

    assert_eq!(counter.admin("POST", "/admin/v1/actors/counter/a/deactivate").status, 204);
    assert_eq!(keys("/admin/v1/actors?type=counter"), ["b/c", "d"]);
    let one = json("/admin/v1/actors/counter/a");
    assert_eq!((&one["live"], &one["state"]["value"]), (&serde_json::Value::Null, &5.into()));
    assert_eq!(keys("/admin/v1/actors?type=counter"), ["b/c", "d"], "looking activates nothing");

    assert_eq!(counter.admin("DELETE", "/admin/v1/actors/counter/a").status, 204);
    assert_eq!(json("/admin/v1/actors/counter/a")["stored"]["deleted"], true);
    assert_eq!(counter.call("GET", "/v1/counter/a/get", "").text(), (200, "0"));
}

#[test]
fn a_durable_message_outlives_a_kill() {
    let data = tempfile::tempdir().expect("a folder for the store");
    let counter = Program::start(data.path());
    let sent = counter.call("POST", "/v1/counter/42/add/send?durable=true&delay=1s", "5");
    assert_eq!((sent.status, sent.header("x-durability")), (202, Some("durable")));
    counter.kill();
    let counter = Program::start(data.path());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while counter.call("GET", "/v1/counter/42/get", "").text() != (200, "5") {
        assert!(std::time::Instant::now() < until, "the message was not delivered");
    }
    let refused = counter.call_with(
        "POST",
        "/v1/counter/42/add/send",
        "5",
        &[("if-match", "\"0000002a-17\"")],
    );
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[test]
fn a_wrong_argument_is_a_problem_and_changes_nothing() {
    let data = tempfile::tempdir().expect("a folder for the store");
    let counter = Program::start(data.path());
    assert_eq!(counter.call("POST", "/v1/counter/42/add", "1").text(), (200, "1"));

    let reply = counter.call("POST", "/v1/counter/42/add", "\"five\"");
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_str(&reply.body).expect("a problem is JSON");
    assert_eq!(problem["code"], "bad_request");
    assert_eq!(problem["outcome"], "not-executed");
    assert_eq!(problem["retryable"], false);
    assert_eq!(problem["actor"], "counter/42");

    assert_eq!(counter.call("POST", "/v1/counter/42/ad", "1").status, 404);
    assert_eq!(counter.call("GET", "/v1/counter/42/get", "").text(), (200, "1"));
}
