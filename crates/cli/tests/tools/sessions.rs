//! `tenure session`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::world::{PATIENCE, Service, wait_until};

/// An event stream that was let in.
fn follow(counter: &Service) -> BufReader<TcpStream> {
    let address = counter.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    write!(stream, "GET /v1/counter/42/events HTTP/1.1\r\nhost: t\r\n\r\n").expect("it is sent");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.contains("event: begin") {
        line.clear();
        assert!(reader.read_line(&mut line).expect("it begins in time") > 0);
    }
    reader
}

#[test]
fn sessions_are_listed_and_ended() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let (mut first, _second) = (follow(&counter), follow(&counter));
    let page = counter.json(&["session", "ls"]);
    let listed = page["sessions"].as_array().expect("a list");
    assert_eq!((listed.len(), &page["next"]), (2, &json!(null)), "{page}");
    let id = |index: usize| listed[index]["id"].as_str().expect("an id");

    let table = counter.said(&["session", "ls"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|it| it.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "USER", "PROTOCOL", "PEER", "AGE"]);
    assert_eq!((lines.len(), &lines[1][..3]), (3, &[id(0), "-", "sse"][..]), "{table}");
    let one = ["session", "ls", "--limit", "1"];
    let ran = counter.tenure(&one);
    assert!(ran.good(&one).contains(id(0)) && ran.err.contains(&format!("--after '{}'", id(0))));
    let rest = counter.said(&["session", "ls", "--after", id(0)]);
    assert!(rest.contains(id(1)) && !rest.contains(id(0)), "{rest}");
    assert_eq!(counter.json(&["session", "ls", "--user", "alice"])["sessions"], json!([]));

    assert_eq!(counter.json(&["session", "kick", "--user", "alice"]), json!({ "ended": 0 }));
    for id in [id(0), id(1)] {
        assert_eq!(counter.said(&["session", "kick", id]), "1 session is ended");
    }
    let mut rest = String::new();
    while first.read_line(&mut rest).expect("it ends in time") > 0 && !rest.ends_with("0\r\n") {}
    wait_until("their end", || counter.json(&["session", "ls"])["sessions"] == json!([]));

    for (code, arguments, expected) in [
        (1, &["kick", id(0)][..], "is open on this node"),
        (2, &["kick"], "say which session, or whose"),
        (2, &["kick", ""], "say which session, or whose"),
        (2, &["kick", "x", "--user", "alice"], "cannot be used with"),
        (1, &["kick", "--user", ""], "`user` is a name"),
        (2, &["ls", "--limit", "0"], "--limit"),
    ] {
        let all = [&["session"], arguments].concat();
        let ran = counter.tenure(&all);
        assert!(ran.bad(code, &all).contains(expected), "{all:?}:\n{}", ran.err);
    }
}
