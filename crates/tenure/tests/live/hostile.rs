use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::limits::masked;
use crate::node::Node;
use crate::socket::Socket;

#[test]
fn what_is_no_command_ends_its_socket_with_a_reason() {
    let node = Node::start(&[]);
    let mut other = Socket::connected(&node);
    let texts =
        ["", "nothing", "[]", "{", "{\"id\":-1}", "{\"id\":1}x", "{\"id\":1}\n\nx", "\u{0}"];
    for text in texts {
        let mut socket = Socket::connected(&node);
        socket.text(text);
        assert_eq!(socket.end(), 3501, "{text:?}");
    }
    // Nested deeper than any argument is.
    let (open, shut) = ("[".repeat(9_000), "]".repeat(9_000));
    let mut deep = Socket::connected(&node);
    let rpc = format!("\"rpc\":{{\"method\":\"through/a/open\",\"data\":{open}{shut}}}");
    deep.text(&format!("{{\"id\":9,{rpc}}}"));
    assert_eq!(deep.reply(9)["error"]["code"], 400);
    deep.is_well();
    let mut binary = Socket::connected(&node);
    binary.message(Message::binary(b"{}".to_vec()));
    assert_eq!(binary.end(), 3501);
    // Who one is comes first, and once.
    for first in ["{\"id\":1,\"ping\":{}}", "{\"id\":1,\"subscribe\":{\"channel\":\"room:a\"}}"] {
        let mut socket = Socket::open(&node);
        socket.text(first);
        assert_eq!(socket.end(), 3501, "{first}");
    }
    let mut twice = Socket::connected(&node);
    twice.send("connect", &json!({}));
    assert_eq!(twice.end(), 3501);
    other.is_well();
}

#[test]
fn frames_are_as_the_standard_has_them() {
    let node = Node::start(&[]);
    let mut other = Socket::connected(&node);
    let text = 0x81;
    let unmasked = [&[text, 2][..], b"{}"].concat();
    let half = b"{\"id\":1,\"rpc\":{\"method\":\"\xc3";
    for (what, frames, code) in [
        ("no UTF-8", vec![masked(text, b"\"\xff\"")], 1007),
        ("UTF-8 that does not end", vec![masked(0x01, half), masked(0x80, b"\"}}")], 1007),
        ("a reserved bit", vec![masked(0xc1, b"{}")], 1002),
        ("a reserved opcode", vec![masked(0x83, b"{}")], 1002),
        ("no mask", vec![unmasked], 1002),
        ("a ping in parts", vec![masked(0x09, b"x")], 1002),
        ("nothing to continue", vec![masked(0x80, b"{}")], 1002),
    ] {
        let mut socket = Socket::connected(&node);
        frames.iter().for_each(|frame| socket.raw(frame));
        assert_eq!(socket.end(), code, "{what}");
    }
    // Parts of one message, a ping between them, and a letter that is cut in two.
    let mut parts = Socket::connected(&node);
    parts.raw(&masked(
        0x01,
        "{\"id\":9,\"rpc\":{\"method\":\"room/\u{e9}".as_bytes().split_last().expect("some").1,
    ));
    parts.raw(&masked(0x89, b"between"));
    parts.raw(&masked(0x00, b"\xa9/here\""));
    parts.raw(&masked(0x80, b"}}"));
    assert_eq!(parts.reply(9)["rpc"]["data"], 0);
    // One byte at a time.
    let mut slow = Socket::connected(&node);
    masked(text, b"{\"id\":9,\"ping\":{}}").iter().for_each(|byte| slow.raw(&[*byte]));
    assert!(slow.reply(9)["ping"].is_object());
    other.is_well();
}

#[test]
fn what_is_no_upgrade_is_answered() {
    let node = Node::start(&[]);
    let get = |headers: &str| {
        let head = format!("GET /connection/websocket\n{headers}");
        node.ask(node.calls, &head, "").status
    };
    assert_eq!(get("accept: */*"), 426);
    let upgrade =
        "upgrade: websocket\nconnection: upgrade\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";
    assert_eq!(get(&format!("{upgrade}\nsec-websocket-version: 8")), 426);
    assert_eq!(node.call("POST /connection/websocket", "").status, 405);
    Socket::connected(&node).is_well();
}
