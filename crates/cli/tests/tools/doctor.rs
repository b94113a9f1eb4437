//! `tenure doctor`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{Ran, Service, command, counter_program, ran};

fn findings(ran: &Ran, code: i32) -> Vec<Value> {
    assert_eq!(ran.code, Some(code), "{}\n{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(report["ok"], code == 0);
    report["findings"].as_array().expect("a list").clone()
}

/// The finding of one check, which must be of this level and say this.
fn finding<'a>(findings: &'a [Value], check: &str, level: &str, said: &str) -> &'a Value {
    let found = findings.iter().find(|it| it["check"] == check && it["level"] == level);
    let found = found.unwrap_or_else(|| panic!("no {check} is {level}: {findings:#?}"));
    assert!(found["found"].as_str().is_some_and(|it| it.contains(said)), "{said}: {found}");
    assert_eq!(found["todo"].is_string(), ["warning", "broken"].contains(&level), "{found}");
    found
}

#[test]
fn a_good_node_is_found_good() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let doctor = ["doctor", "--data", data.path().to_str().expect("text"), "-o", "json"];
    let findings = findings(&counter.tenure(&doctor), 0);
    for (check, said) in [
        ("calls", "answers; node n1"),
        ("admin", "incarnation 1"),
        ("versions", env!("CARGO_PKG_VERSION")),
        ("live", "ticks"),
        ("ready", "takes calls"),
        ("clock", "s apart"),
        ("calls port", "from this machine only"),
        ("admin port", "from this machine only"),
    ] {
        finding(&findings, check, "ok", said);
    }
    // These depend on the machine; that they were looked at does not.
    let of = |check: &str| findings.iter().find(|it| it["check"] == check);
    assert!(of("disk").is_some_and(|it| it["level"] != "skipped"));
    let files = of("open files").expect("it is looked at");
    assert!(files["found"].as_str().is_some_and(|it| it.contains("the node (process ")), "{files}");
    assert_eq!(counter.said(&["doctor", "--live"]), "live");
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let nobody = ["--url", "http://127.0.0.1:1", "--admin", "http://127.0.0.1:1"];
    let looked = ran(command(&[&["doctor", "--data", "/nowhere"], &nobody[..]].concat()));
    assert_eq!(looked.code, Some(1));
    for word in ["BROKEN   calls: nothing listens", "-> is a node running?", "BROKEN   disk"] {
        assert!(looked.out.contains(word), "{}", looked.out);
    }
    let live = [&["doctor", "--live"], &nobody[..]].concat();
    assert!(ran(command(&live)).bad(1, &live).contains("nothing listens"));
    let both = ["doctor", "--live", "--data", "x"];
    ran(command(&both)).bad(2, &both);
    let wrong = ["doctor", "--admin", "nonsense://"];
    ran(command(&wrong)).bad(2, &wrong);
}

#[test]
fn a_port_that_others_reach_is_a_warning() {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start_at(&counter_program(), data.path(), "0.0.0.0:0");
    let here = |url: &str| url.replace("0.0.0.0", "127.0.0.1");
    let (url, admin) = (here(&counter.url), here(&counter.admin));
    let looked = ran(command(&["doctor", "-o", "json", "--url", &url, "--admin", &admin]));
    let findings = findings(&looked, 0);
    let calls = finding(&findings, "calls port", "warning", "from other machines, without TLS");
    assert!(calls["todo"].as_str().is_some_and(|it| it.contains("authorisation hook")), "{calls}");
    finding(&findings, "admin port", "warning", "from other machines");
}

#[test]
fn limits_that_are_too_low_are_found() {
    let data = tempfile::tempdir().expect("a folder");
    std::fs::write(data.path().join("lock"), "1").expect("a file");
    let doctor = |limit: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {limit}; ulimit -f 1000000; exec \"$0\" \"$@\""));
        shell.arg(env!("CARGO_BIN_EXE_tenure")).args(["doctor", "-o", "json", "--data"]);
        shell.arg(data.path()).args(["--url", "127.0.0.1:1", "--admin", "127.0.0.1:1"]);
        findings(&ran(shell), 1)
    };
    let found = doctor("100");
    let files = finding(&found, "open files", "broken", "may open 100");
    assert!(files["todo"].as_str().is_some_and(|it| it.contains("LimitNOFILE")), "{files}");
    finding(&found, "file size", "warning", "at most");
    finding(&doctor("1024"), "open files", "warning", "may open 1024");
}

/// An admin server that answers what it is told; it ends with the test.
fn pretend(answer: fn(&str) -> (u16, Value)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a client"));
            let (status, body) = answer(&asked(&mut stream));
            let body = body.to_string();
            let reply = format!(
                "HTTP/1.1 {status} X\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            // The client may have gone.
            let _ = stream.get_mut().write_all(reply.as_bytes());
        }
    });
    url
}

/// The path of a request, whose head is read.
fn asked(stream: &mut impl BufRead) -> String {
    let lines = stream.lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned()
}

#[test]
fn a_node_that_is_not_ready_says_why() {
    let admin = pretend(|path| match path {
        "/admin/v1/node" => (200, json!({ "node": "n9", "version": "9.9.9" })),
        "/livez" => (200, json!({ "ok": true })),
        "/readyz" => {
            let reason = json!({ "condition": "store", "reason": "no space\u{1b}[31m left" });
            (503, json!({ "ok": false, "reasons": [reason] }))
        }
        _ => (404, json!({})),
    });
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    let looked = counter.tenure(&["doctor", "-o", "json", "--admin", &admin]);
    let findings = findings(&looked, 1);
    let ready = finding(&findings, "ready", "broken", "store: no space");
    assert!(ready["todo"].as_str().is_some_and(|it| it.contains("disk")), "{ready}");
    finding(&findings, "versions", "warning", "9.9.9");
    finding(&findings, "clock", "warning", "apart");
    finding(&findings, "calls", "warning", "node n1, but the admin server is that of n9");
    let text = counter.tenure(&["doctor", "--admin", &admin]).out;
    assert!(!text.contains('\u{1b}'), "nothing from elsewhere colours a terminal: {text:?}");
}

#[test]
fn what_is_no_node_is_told_from_one() {
    let other = pretend(|_| (200, json!({ "hello": "world" })));
    let data = Path::new("/nowhere");
    let looked = ran(command(&[
        "doctor",
        "-o",
        "json",
        "--url",
        &other,
        "--admin",
        &other,
        "--data",
        data.to_str().expect("text"),
    ]));
    let findings = findings(&looked, 1);
    finding(&findings, "calls", "broken", "not as a Tenure node does");
    finding(&findings, "admin", "broken", "not as a Tenure node does");
}
