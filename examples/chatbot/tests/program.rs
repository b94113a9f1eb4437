//! The real program: what was asked before a kill is answered after it, and what was said is
//! remembered.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenure_campaigns::http::{Connection, Failure};
use tenure_campaigns::port;
use tenure_campaigns::process::Launch;

const PATIENCE: Duration = Duration::from_secs(30);

fn chatbot(folder: &Path) -> Launch {
    Launch {
        program: env!("CARGO_BIN_EXE_chatbot").into(),
        listen: port::free().expect("a port"),
        data: folder.join("data"),
        log: folder.join("server.log"),
        settings: Vec::new(),
        env: Vec::new(),
        namespace: None,
    }
}

/// Reads the conversation until it is as it should be.
fn show_until(connection: &mut Connection, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = connection.call("GET", "/v1/conversation/ada/show", "");
        let shown: Value = serde_json::from_str(&shown.expect("it can be read")).expect("JSON");
        if is_so(&shown) {
            return shown;
        }
        assert!(Instant::now() < until, "it stays {shown}");
    }
}

fn last(shown: &Value) -> Option<&str> {
    let last = shown["messages"].as_array()?.last()?;
    last["text"].as_str().filter(|_| last["by"] == "model")
}

#[test]
fn a_question_that_was_asked_before_a_kill_is_answered_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = chatbot(folder.path());
    let ask = "/v1/conversation/ada/ask";
    let mut server = launch.start().expect("the chatbot starts");
    let mut connection = Connection::new(launch.listen);
    let asked = connection.call("POST", ask, r#""Hello, my name is Ada.""#);
    assert_eq!(asked, Ok("1".to_owned()));
    show_until(&mut connection, |shown| last(shown) == Some("Nice to meet you, Ada."));

    assert_eq!(connection.call("POST", ask, r#""What is my name?""#), Ok("2".to_owned()));
    let shown = show_until(&mut connection, |shown| shown["partial"] != "");
    assert_eq!(shown["pending"], json!({"question": 2, "attempts": 1}), "it streams: {shown}");
    match connection.call("POST", ask, r#""And now?""#) {
        Err(Failure::Refused(why)) => assert_eq!((why.status, why.code.as_str()), (409, "busy")),
        other => panic!("one question at a time: {other:?}"),
    }
    server.kill();

    let server = launch.start().expect("it starts again");
    let mut connection = Connection::new(launch.listen);
    let answer = "Your name is Ada, as far as I remember.";
    let shown = show_until(&mut connection, |shown| last(shown) == Some(answer));
    assert_eq!(shown["messages"].as_array().map(Vec::len), Some(4), "{shown}");
    assert_eq!((&shown["pending"], &shown["partial"]), (&Value::Null, &json!("")));
    server.stop().expect("it stops in good order");
}
