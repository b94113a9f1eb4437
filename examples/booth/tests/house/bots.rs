//! Bots on one node.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tenure_campaigns::http::{Connection, Failure, Request};
use tenure_campaigns::port;
use tenure_campaigns::process::Launch;

pub(crate) fn booth(folder: &Path) -> Launch {
    Launch {
        program: env!("CARGO_BIN_EXE_booth").into(),
        listen: port::free().expect("a port"),
        data: folder.join("data"),
        log: folder.join("server.log"),
        settings: Vec::new(),
        env: Vec::new(),
        namespace: None,
    }
}

#[test]
fn an_event_is_sold_out_and_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = booth(folder.path());
    let mut server = launch.start().expect("it starts");
    let bots = Command::new(env!("CARGO_BIN_EXE_booth-bots"))
        .args(["--url", &format!("http://{}", launch.listen), "--event", "rock", "--bots", "40"])
        .args(["--sections", "2", "--rows", "5", "--seats-per-row", "20", "--hold-seconds", "1"])
        .args(["--patience", "60"])
        .output()
        .expect("they start");
    let (said, failed) = (
        String::from_utf8_lossy(&bots.stdout).into_owned(),
        String::from_utf8_lossy(&bots.stderr).into_owned(),
    );
    assert!(bots.status.success(), "{said}{failed}");
    assert!(said.contains("200 seats bought"), "{said}");
    server.kill();

    let server = launch.start().expect("it starts again");
    let mut connection = Connection::new(launch.listen);
    for section in ["A", "B"] {
        let path = format!("/v1/board/rock.{section}/show");
        let picture = connection.call("POST", &path, "").expect("it is shown");
        let picture: Value = serde_json::from_str(&picture).expect("a reply is JSON");
        let expected =
            json!({"house": 100, "free": 0, "held": 0, "sold": 100, "seats": "s".repeat(100)});
        assert_eq!(picture, expected);
    }
    server.stop().expect("it stops in good order");
}

#[test]
fn a_client_can_neither_take_batches_nor_delete() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = booth(folder.path());
    let server = launch.start().expect("it starts");
    let mut connection = Connection::new(launch.listen);
    for (method, path, code) in [
        ("POST", "/v1/section/rock.A/fetch", "not_found"),
        ("POST", "/v1/section/rock.A/settle", "not_found"),
        ("POST", "/v1/agent/rock.A.0/tend", "not_found"),
        ("DELETE", "/v1/agent/rock.A.0", "denied"),
    ] {
        let request = Request { method, path, ..Request::default() };
        match connection.ask(&request, None) {
            Err(Failure::Refused(why)) => assert_eq!(why.code, code, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    server.stop().expect("it stops in good order");
}
