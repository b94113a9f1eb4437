use serde_json::json;

use crate::node::Node;
use crate::socket::{Socket, events, numbered};

#[test]
fn every_command_is_answered_as_the_protocol_has_it() {
    let node = Node::start(&[("TENURE_SESSIONS__PING_PERIOD", "1s")]);
    let mut a = Socket::open(&node);
    let connect = a.ask("connect", &json!({ "name": "test", "flag": 1 }))["connect"].clone();
    assert_eq!((&connect["ping"], &connect["pong"]), (&json!(1), &json!(true)), "{connect}");
    assert!(connect["version"].as_str().is_some_and(|it| it.starts_with("tenure/")), "{connect}");

    let began = a.subscribe("through:a");
    assert_eq!((&began["recoverable"], &began["positioned"]), (&json!(true), &json!(true)));
    assert_eq!((&began["offset"], &began["recovered"]), (&json!(0), &json!(null)), "{began}");
    assert_eq!(a.rpc("through/a/say", &json!({ "times": 2, "bytes": 3 })), 2);
    assert_eq!([a.event("through:a"), a.event("through:a")], [(1, 1), (2, 2)]);
    // Nobody answers a message that is sent; its effect is seen.
    a.text(
        r#"{"send":{"data":{"method":"through/a/say","data":{"times":1,"bytes":0}}}}
           {"rpc":{"method":"through/a/say/send","data":{"times":1,"bytes":0}},"id":77}"#,
    );
    let sent = a.reply(77);
    assert!(sent["rpc"].is_object(), "{sent}");
    assert_eq!([a.event("through:a"), a.event("through:a")], [(3, 3), (4, 4)]);

    let history = |a: &mut Socket, wish| a.ask("history", &wish)["history"].clone();
    let all = history(&mut a, json!({ "channel": "through:a", "limit": -1 }));
    assert_eq!((events(&all), &all["offset"]), (numbered(1..=4), &json!(4)), "{all}");
    assert_eq!(all["epoch"], began["epoch"]);
    let since = json!({ "epoch": began["epoch"], "offset": 1 });
    let some = history(&mut a, json!({ "channel": "through:a", "limit": 2, "since": since }));
    assert_eq!(events(&some), numbered(2..=3));
    let none = history(&mut a, json!({ "channel": "through:a" }));
    assert_eq!((events(&none), &none["offset"]), (vec![], &json!(4)));

    let mut b = Socket::connected(&node);
    b.subscribe("through:a");
    let here = a.ask("presence", &json!({ "channel": "through:a" }))["presence"].clone();
    let here = here["presence"].as_object().expect("an object");
    assert!(here.len() == 2 && here.contains_key(connect["client"].as_str().expect("an id")));
    let count = a.ask("presence_stats", &json!({ "channel": "through:a" }));
    assert_eq!(count["presence_stats"], json!({ "num_clients": 2, "num_users": 0 }));

    assert!(b.ask("unsubscribe", &json!({ "channel": "through:a" }))["unsubscribe"].is_object());
    let count = a.ask("presence_stats", &json!({ "channel": "through:a" }));
    assert_eq!(count["presence_stats"]["num_clients"], 1);
    node.say("through/a", 1);
    assert_eq!(a.event("through:a"), (5, 5));
    b.is_well();
    a.until_pings(2);
    a.is_well();
}

#[test]
fn what_cannot_be_done_is_told_and_the_socket_goes_on() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    socket.subscribe("through:a");
    for (name, what, code) in [
        ("subscribe", json!({ "channel": "through:a" }), 105),
        ("subscribe", json!({ "channel": "thruogh:a" }), 102),
        ("subscribe", json!({ "channel": "through" }), 107),
        ("subscribe", json!({ "channel": "through:" }), 107),
        ("subscribe", json!({ "channel": "through:%zz" }), 107),
        ("subscribe", json!({ "channel": "through:%00" }), 107),
        ("subscribe", json!({ "channel": format!("through:{}", "x".repeat(513)) }), 107),
        ("rpc", json!({ "method": "through/a/shout" }), 404),
        ("rpc", json!({ "method": "through/a" }), 405),
        ("rpc", json!({ "method": "" }), 404),
        ("rpc", json!({ "method": "through/a/say", "data": { "times": "x" } }), 400),
        ("rpc", json!({ "method": "through/a/fail" }), 500),
        ("history", json!({ "channel": "through:b", "limit": 1 }), 103),
        ("history", json!({ "channel": "through:a", "limit": 1, "reverse": true }), 108),
        (
            "history",
            json!({ "channel": "through:a", "limit": 1, "since": { "epoch": "x", "offset": 1 } }),
            112,
        ),
        ("presence", json!({ "channel": "through:b" }), 103),
        ("presence_stats", json!({ "channel": "through:b" }), 103),
        ("publish", json!({ "channel": "through:a", "data": 1 }), 108),
        ("sub_refresh", json!({ "channel": "through:a" }), 108),
        ("dance", json!({}), 104),
    ] {
        let reply = socket.ask(name, &what);
        assert_eq!(reply["error"]["code"], code, "{name} {what}: {reply}");
        assert!(!reply.to_string().contains("secret"), "{reply}");
    }
    node.say("through/a", 1);
    assert_eq!(socket.event("through:a"), (1, 1));
}

#[test]
fn keys_are_percent_encoded_and_each_name_is_one_actors() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    socket.subscribe("through:a%2Fb");
    // The actor whose key is `a%2Fb` is another one.
    let mut other = crate::stream::Stream::open(&node, "through/a%252Fb");
    assert_eq!(other.heard().name, "begin");
    node.say("through/a%2Fb", 1);
    node.say_at_length("through/a%252Fb", 1, 7);
    assert_eq!(socket.event("through:a%2Fb"), (1, 1));
    assert!(other.heard().data.contains("xxxxxxx"), "not the other actor's");
    socket.is_well();
}
