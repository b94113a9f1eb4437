//! The real program: a fourth upload waits, and a slot whose client has vanished is free again
//! although the program was killed meanwhile.

use std::time::{Duration, Instant};

use serde_json::Value;
use tenure_campaigns::http::{Connection, Failure, Refusal, Request};
use tenure_campaigns::port;
use tenure_campaigns::process::Launch;

const PATIENCE: Duration = Duration::from_secs(30);

fn begin(connection: &mut Connection, key: &str, seconds: u32) -> Result<Value, Refusal> {
    let body = format!(r#"{{"file":"film.mp4","seconds":{seconds}}}"#);
    let (path, body, key) = ("/v1/uploads/ada/begin", body.as_str(), Some(key));
    let request = Request { method: "POST", path, body, key, ..Request::default() };
    match connection.ask(&request, None) {
        Ok(reply) => Ok(serde_json::from_str(&reply.body).expect("a reply is JSON")),
        Err(Failure::Refused(why)) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_slot_whose_client_has_vanished_is_free_again_in_spite_of_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch {
        program: env!("CARGO_BIN_EXE_uploads").into(),
        listen: port::free().expect("a port"),
        data: folder.path().join("data"),
        log: folder.path().join("server.log"),
        settings: Vec::new(),
        env: Vec::new(),
        namespace: None,
    };
    let mut server = launch.start().expect("the program starts");
    let mut connection = Connection::new(launch.listen);
    for (key, seconds, slot) in [("a", 300, 1), ("b", 300, 2), ("b", 300, 2), ("c", 3, 3)] {
        let given = begin(&mut connection, key, seconds).expect("a slot is free");
        assert_eq!(given["slot"], slot, "{given}");
    }
    let refused = begin(&mut connection, "d", 300).expect_err("three run");
    assert_eq!((refused.status, refused.code.as_str()), (429, "busy"), "{refused}");
    assert!(refused.detail.contains("try again in"), "{refused}");
    server.kill();

    let server = launch.start().expect("it starts again");
    let mut connection = Connection::new(launch.listen);
    let until = Instant::now() + PATIENCE;
    let mut attempt = 0;
    // A refusal is an answer, which its key remembers: each try has a key of its own.
    let given = loop {
        attempt += 1;
        match begin(&mut connection, &format!("e{attempt}"), 300) {
            Ok(given) => break given,
            Err(why) => assert_eq!(why.code, "busy", "{why}"),
        }
        assert!(Instant::now() < until, "the slot is not given back");
    };
    assert_eq!(given["slot"], 4);
    let ended = connection.call("POST", "/v1/uploads/ada/end", "1");
    assert_eq!(ended, Ok("null".to_owned()));
    let shown = connection.call("GET", "/v1/uploads/ada/show", "").expect("it can be read");
    let shown: Value = serde_json::from_str(&shown).expect("a reply is JSON");
    assert_eq!(shown["free"], 1, "{shown}");
    server.stop().expect("it stops in good order");
}
