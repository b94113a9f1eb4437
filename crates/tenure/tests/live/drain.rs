use std::io::{Read as _, Write as _};

use rustix::process::Signal;

use crate::node::Node;
use crate::socket::Socket;
use crate::stream::Stream;

#[test]
fn a_node_that_stops_sends_everybody_elsewhere_and_lets_nobody_in() {
    let mut node = Node::start(&[("TENURE_NODE__DRAIN_BUDGET", "3s")]);
    let mut sockets: Vec<_> = (0..40).map(|_| Socket::connected(&node)).collect();
    let mut stream = Stream::open(&node, "through/a");
    stream.heard();
    for socket in &mut sockets {
        socket.subscribe("through:a");
    }
    assert_eq!(node.say("through/a", 1), 1);
    // A call keeps the node from going at once; a connection is there for who comes late.
    let mut busy = Socket::connected(&node);
    busy.send("rpc", &serde_json::json!({ "method": "through/b/wait" }));
    let mut late = node.connect(node.calls);
    let first = crate::node::request("GET /v1/room/a/here", "keep-alive", "");
    late.write_all(first.as_bytes()).expect("it is sent");
    let mut buffer = [0; 4_096];
    assert!(late.read(&mut buffer).expect("a reply") > 0);

    node.signal(Signal::TERM);
    assert_eq!(sockets[0].event("through:a"), (1, 1), "what was there comes first");
    assert_eq!(sockets[0].end(), 3001);
    let upgrade = "GET /connection/websocket\nupgrade: websocket\n\
                   sec-websocket-version: 13\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==";
    late.write_all(crate::node::request(upgrade, "upgrade", "").as_bytes()).expect("it is sent");
    let length = late.read(&mut buffer).expect("a reply");
    let reply = String::from_utf8_lossy(&buffer[..length]).to_ascii_lowercase();
    assert!(
        reply.starts_with("http/1.1 503") && reply.contains("\r\nretry-after: 1\r\n"),
        "{reply}"
    );

    for socket in &mut sockets[1..] {
        assert_eq!(socket.event("through:a"), (1, 1));
        assert_eq!(socket.end(), 3001);
    }
    assert_eq!(busy.end(), 3001);
    assert_eq!(stream.number(), 1);
    assert_eq!(stream.next(), None);
    assert!(node.ended().success());
    assert!(node.folder().exists());
}
