//! What a reply says of the state behind it, and waiting until it is stored.

use crate::world::{Response, World};

/// Durability and the preference that was applied.
fn told(reply: &Response) -> (Option<&str>, Option<&str>) {
    assert_eq!(reply.status, 200, "{reply:?}");
    (reply.header("x-durability"), reply.header("preference-applied"))
}

#[test]
fn a_reply_says_whether_its_state_is_stored() {
    let world = World::new();
    let ask = |request: &str, prefer: &str| {
        world.ask(&format!("{request} HTTP/1.1\r\nhost: t\r\n{prefer}content-length: 0\r\n\r\n"))
    };
    let wait = "prefer: wait=durable\r\n";
    for (request, plain) in [
        ("POST /v1/counter/42/get", Some("durable")),
        ("GET /v1/counter/42/get", Some("durable")),
        ("POST /v1/gauge/42/get", Some("pending")),
        ("GET /v1/gauge/42/get", Some("pending")),
    ] {
        let before = world.host.durable();
        assert_eq!(told(&ask(request, "")), (plain, None), "{request}");
        for other in ["prefer: wait=10\r\n", "prefer: respond-async\r\n"] {
            assert_eq!(told(&ask(request, other)), (plain, None), "{request}");
        }
        assert_eq!(world.host.durable(), before, "{request}");
        let expected = (Some("durable"), Some("wait=durable"));
        assert_eq!(told(&ask(request, wait)), expected, "{request}");
        assert_eq!(world.host.durable(), before + 1, "{request}");
    }
}

#[test]
fn of_a_volatile_actor_nothing_is_said_or_promised() {
    let world = World::new();
    for prefer in ["", "prefer: wait=durable\r\n"] {
        let reply = world.ask(&format!(
            "POST /v1/tally/42/add HTTP/1.1\r\nhost: t\r\n{prefer}content-length: 1\r\n\r\n5"
        ));
        assert_eq!(told(&reply), (None, None));
    }
}

#[test]
fn nobody_waits_for_the_turn_of_a_message() {
    let world = World::new();
    let reply = world.ask(
        "POST /v1/gauge/42/add/send HTTP/1.1\r\nhost: t\r\nprefer: wait=durable\r\n\
         content-length: 1\r\n\r\n5",
    );
    assert_eq!((reply.status, reply.header("preference-applied")), (202, None));
    assert_eq!(world.host.durable(), 0);
}
