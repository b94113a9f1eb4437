//! `tenure call`.

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::world::{Ran, Service, command, ran, ran_with, wait_until};

#[test]
fn a_call_prints_its_reply() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    assert_eq!(counter.said(&["call", "counter", "42", "add", "5"]), "5");
    assert_eq!(counter.said(&["call", "counter", "42", "add", "{\"by\": -2}"]), "3");
    assert_eq!(counter.said(&["call", "counter", "42", "add", "-1"]), "2");
    assert_eq!(counter.said(&["call", "counter", "42", "get"]), "2");
    let read = ran_with(counter.command(&["call", "counter", "42", "add", "-"]), "40\n");
    assert_eq!(read.good(&["from standard input"]), "42\n");
    // Keys are escaped: each of these is an actor of its own.
    for (n, key) in ["a/b", "..", "%2F", "ä ö?#", "+", "a&b"].iter().enumerate() {
        let by = (n + 1).to_string();
        assert_eq!(counter.said(&["call", "counter", key, "add", &by]), by, "{key}");
    }
    // The address may be named by a flag, with a slash at its end or without a scheme.
    for url in [format!("{}/", counter.url), counter.url.replace("http://", "")] {
        let called = ran(command(&["call", "counter", "42", "get", "--url", &url]));
        assert_eq!(called.good(&["by flag"]), "42\n");
    }
}

#[test]
fn a_reply_says_its_tag_and_a_call_may_ask_for_one() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let first = counter.json(&["call", "counter", "42", "add", "5", "--durable"]);
    assert_eq!((&first["status"], &first["reply"]), (&json!(200), &json!(5)));
    assert_eq!(first["durability"], "durable");
    assert_eq!(first["replayed"], false);
    let tag = first["tag"].as_str().expect("a tag");
    let if_match = ["call", "counter", "42", "add", "1", "--if-match", tag];
    assert_eq!(counter.said(&if_match), "6");
    let late = counter.tenure(&if_match);
    let said = late.bad(1, &if_match);
    for word in ["code: version_mismatch", "outcome: not-executed", "next: "] {
        assert!(said.contains(word), "{said}");
    }
    let shown = counter.tenure(&["call", "counter", "42", "get", "-v"]);
    assert_eq!(shown.good(&["-v"]), "6\n");
    for word in ["etag: \"", "server-timing: route;dur=", "x-durability: durable"] {
        assert!(shown.err.contains(word), "{}", shown.err);
    }
}

#[test]
fn calls_with_one_key_have_one_effect() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let call = ["call", "counter", "42", "add", "5", "--key", "8e03978e"];
    assert_eq!(counter.json(&call)["replayed"], false);
    assert_eq!(counter.json(&call)["replayed"], true);
    assert_eq!(counter.said(&["call", "counter", "42", "get"]), "5");
    let other = ["call", "counter", "42", "add", "6", "--key", "8e03978e"];
    let ran = counter.tenure(&other);
    assert!(ran.bad(1, &other).contains("code: key_reused"), "{}", ran.err);
}

#[test]
fn messages_are_sent_now_later_and_for_sure() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let value = |counter: &Service| counter.said(&["call", "counter", "42", "get"]);
    let send = ["call", "counter", "42", "add", "5", "--send"];
    assert_eq!(counter.said(&send), "sent");
    wait_until("the message", || value(&counter) == "5");
    let later = [&send[..], &["--delay", "50ms"]].concat();
    assert_eq!(counter.said(&later), "kept by the node until its time has come");
    wait_until("the delayed message", || value(&counter) == "10");
    let sure = [&send[..], &["--durable", "--delay", "1s", "--key", "once"]].concat();
    for _ in 0..2 {
        assert_eq!(counter.said(&sure), "stored: it will be delivered");
    }
    counter.kill();
    let counter = Service::start(data.path());
    wait_until("the durable message", || value(&counter) == "15");
}

/// An address that stays while the node behind it comes and goes; gives it, and where it leads.
fn door(counter: &Service) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let behind = Arc::new(Mutex::new(counter.url.clone()));
    let target = Arc::clone(&behind);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let target = target.lock().expect("nobody panics").replace("http://", "");
            // Closing the client's connection says that nobody is there.
            let Ok(node) = TcpStream::connect(target) else { continue };
            for (mut from, mut to) in [(&client, &node), (&node, &client)].map(|(from, to)| {
                (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"))
            }) {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    (url, behind)
}

#[test]
fn a_watch_prints_a_reply_when_it_changes_and_waits_for_a_node() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let (url, behind) = door(&counter);
    let mut watch = command(&["call", "counter", "42", "get", "--watch=50ms", "--url", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("it goes on").expect("it is text");
    let mut notes = BufReader::new(watch.stderr.take().expect("a pipe")).lines();
    assert_eq!(next(), "0");
    counter.said(&["call", "counter", "42", "add", "5"]);
    assert_eq!(next(), "5");
    // A change that leaves the reply as it was is none.
    counter.said(&["call", "counter", "42", "add", "0"]);
    counter.said(&["call", "counter", "42", "add", "2"]);
    assert_eq!(next(), "7");
    counter.kill();
    let note = notes.next().expect("it says so").expect("it is text");
    assert!(note.ends_with("waiting for it"), "{note}");
    let counter = Service::start(data.path());
    counter.said(&["call", "counter", "42", "add", "1"]);
    behind.lock().expect("nobody panics").clone_from(&counter.url);
    assert_eq!(next(), "8");
    assert!(watch.try_wait().expect("it is looked at").is_none(), "it goes on until interrupted");
    watch.kill().expect("it still runs");
    watch.wait().expect("its end is seen");
}

#[test]
fn what_cannot_be_called_says_why_and_what_to_do() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    for (code, arguments, expected) in [
        (2, &["five"][..], "write '\"five\"'"),
        (2, &["{by: 5}"], "single quotes"),
        (2, &["5", "--key", "a b"], "visible ASCII"),
        (2, &["5", "--if-match", "not a tag"], "takes a tag"),
        (2, &["5", "--delay", "1s"], "--send"),
        (2, &["5", "--deadline", "soon"], "write a time"),
        (2, &["5", "--deadline", "0s"], "write a time"),
        (2, &["5", "--watch=1ms"], "the shortest period"),
        (2, &["5", "--watch"], "has its name"),
        (2, &["5", "--send", "--if-match", "0-0"], "cannot be used with"),
        (2, &["5", "--url", "ftp://x"], "only http and https"),
        (2, &["5", "--url", "http://"], "--url"),
        (1, &["\"five\""], "code: bad_request"),
        (2, &["5", "--watch=50ms"], "has its name"),
        (1, &["{\"by\": 5}", "--watch=50ms", "--url", "http://127.0.0.1:1"], "is a node running?"),
        (1, &["5", "--url", "http://127.0.0.1:1"], "is a node running?"),
        (1, &["5", "--send", "--delay", "25h"], "code: bad_request"),
    ] {
        let all = [&["call", "counter", "42", "add"], arguments].concat();
        let ran = counter.tenure(&all);
        assert!(ran.bad(code, &all).contains(expected), "{all:?}:\n{}", ran.err);
    }
    for (arguments, expected) in [
        (["call", "counter", "42", "ad"], "did you mean `add`?"),
        (["call", "conter", "42", "add"], "code: not_found"),
        (["call", "counter", "", "add"], "neither of them empty"),
        (["call", "counter", "42", ""], "names a method"),
    ] {
        let ran = counter.tenure(&arguments);
        let code = if arguments[2].is_empty() || arguments[3].is_empty() { 2 } else { 1 };
        assert!(ran.bad(code, &arguments).contains(expected), "{arguments:?}:\n{}", ran.err);
    }
    let watch = ["call", "counter", "42", "add", "--watch=50ms"];
    let ran = counter.tenure(&watch);
    assert!(ran.bad(1, &watch).contains("code: method_not_allowed"), "{}", ran.err);
    assert_eq!(counter.said(&["call", "counter", "42", "get"]), "0", "nothing happened");
}

#[test]
fn errors_are_documents_where_documents_are_asked_for() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let error = |ran: Ran, code: i32| -> serde_json::Value {
        let said = ran.bad(code, &["-o json"]);
        serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
    };
    let refused = counter.tenure(&["call", "counter", "42", "add", "\"five\"", "-o", "json"]);
    let refused = error(refused, 1);
    assert_eq!(refused["problem"]["code"], "bad_request");
    assert_eq!(refused["problem"]["outcome"], "not-executed");
    let nobody = ["call", "counter", "42", "get", "--url", "http://127.0.0.1:1", "-o", "json"];
    let nobody = error(ran(command(&nobody)), 1);
    assert_eq!(nobody["outcome"], "not-executed");
    assert!(nobody["advice"].as_str().is_some_and(|it| it.contains("cargo run")), "{nobody}");
    let unknown = error(ran(command(&["frobnicate", "-o", "json"])), 2);
    assert!(unknown["error"].as_str().is_some_and(|it| it.contains("frobnicate")), "{unknown}");
}

#[test]
fn a_node_that_says_nothing_leaves_the_outcome_unknown() {
    // Takes connections and answers none of them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let closing = std::thread::spawn(move || {
        let (stream, _) = silent.accept().expect("a connection");
        drop(stream);
    });
    let ran = ran(command(&["call", "counter", "42", "add", "5", "--url", &url]));
    closing.join().expect("it accepted");
    assert!(ran.bad(1, &["silent"]).contains("outcome: unknown"), "{}", ran.err);
}
