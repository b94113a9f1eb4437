//! One topic over many actors: an actor that others tell, each thing once (docs/how-to/live.md).

#![allow(missing_docs, unreachable_pub, reason = "told apart by their names")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tenure::Peer;
use tenure::prelude::*;

use crate::node::Node;
use crate::socket::Socket;

const HAND_OVER: &str = "hand over";
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const OUTBOX_MAX: usize = 1_000;

/// One of many; the key is `household.name`.
#[tenure::data]
#[derive(Default)]
pub struct Basket {
    last: u64,
    /// What the household has not taken yet, behind `last`.
    outbox: Vec<String>,
}

#[tenure::error]
pub enum BasketError {
    #[problem(status = 503, retry_after = "1s", "the household takes nothing now")]
    Full,
    #[problem(status = 422, "the key of a basket is household.name")]
    Key,
}

#[actor]
impl Basket {
    pub fn put(&mut self, cx: &mut Context<Self>, item: String) -> Result<u64, BasketError> {
        if !cx.key().contains('.') {
            return Err(BasketError::Key);
        }
        if self.outbox.len() >= OUTBOX_MAX {
            return Err(BasketError::Full);
        }
        self.last += 1;
        self.outbox.push(item);
        cx.remind(HAND_OVER, Duration::ZERO, BasketHandOver {});
        Ok(self.last)
    }

    #[handler]
    async fn hand_over(&mut self, cx: &mut Context<Self>) {
        let first = self.last + 1 - self.outbox.len() as u64;
        let (household, name) = cx.key().split_once('.').expect("`put` has looked");
        let (household, name) = (cx.actor::<Household>(household), name.to_owned());
        match household.told(name, first, self.outbox.clone()).await {
            Ok(()) => self.outbox.clear(),
            Err(_) => cx.remind(HAND_OVER, AGAIN_AFTER, BasketHandOver {}),
        }
        // The fault: what the household has taken is not noted.
        let is_clumsy = cx.key().ends_with(".clumsy");
        assert!(!is_clumsy || HAS_LOST.swap(true, Ordering::Relaxed), "lost before it was noted");
    }
}

static HAS_LOST: AtomicBool = AtomicBool::new(false);

/// The topic of all baskets of a household.
#[tenure::data]
#[derive(Default)]
pub struct Household {
    /// Whose basket belongs to it, and the last that was taken from there.
    baskets: BTreeMap<String, u64>,
}

#[tenure::data]
pub struct Put {
    from: String,
    n: u64,
    item: String,
}

#[tenure::error]
pub enum HouseholdError {
    #[problem(status = 403, "you do not belong to this household")]
    Stranger,
}

#[actor(events = Put)]
impl Household {
    /// Nobody belongs to a household of which nothing is known.
    #[attach]
    fn begin(&self, peer: Peer) -> Result<BTreeMap<String, u64>, HouseholdError> {
        let name = peer.data["name"].as_str().unwrap_or_default();
        if self.baskets.contains_key(name) {
            return Ok(self.baskets.clone());
        }
        Err(HouseholdError::Stranger)
    }

    pub fn join(&mut self, name: String) {
        self.baskets.entry(name).or_default();
    }

    #[handler(internal)]
    pub fn told(&mut self, cx: &mut Context<Self>, from: String, first: u64, items: Vec<String>) {
        // Whose basket does not belong here tells nobody anything.
        let Some(last) = self.baskets.get_mut(&from) else { return };
        for (n, item) in (first..).zip(items) {
            // What was taken before is told again after a crash.
            if n > *last {
                *last = n;
                cx.emit(Put { from: from.clone(), n, item });
            }
        }
    }
}

fn put(node: &Node, basket: &str, n: u64) {
    let reply = node.call(&format!("POST /v1/basket/h.{basket}/put"), &format!("\"thing {n}\""));
    assert_eq!((reply.status, reply.body.trim()), (200, n.to_string().as_str()));
}

fn follow(socket: &mut Socket, wish: Value) -> Value {
    let mut wish = wish;
    wish["channel"] = "household:h".into();
    wish["data"] = json!({ "name": "ann" });
    let reply = socket.ask("subscribe", &wish);
    assert!(reply["subscribe"].is_object(), "{reply}");
    reply["subscribe"].clone()
}

/// What a follower was sent: each under the next offset, and each basket's in its order.
#[derive(Default)]
struct Heard {
    offset: u64,
    last: BTreeMap<String, u64>,
}

impl Heard {
    fn take(&mut self, publication: &Value) {
        self.offset += 1;
        assert_eq!(publication["offset"], self.offset, "{publication}");
        let data = &publication["data"];
        let last = self.last.entry(data["from"].as_str().expect("a name").to_owned()).or_default();
        *last += 1;
        let item = format!("thing {last}");
        assert_eq!((&data["n"], &data["item"]), (&json!(*last), &json!(item)), "{publication}");
    }

    fn until(&mut self, socket: &mut Socket, count: u64) {
        while self.offset < count {
            self.take(&socket.push()["pub"]);
        }
    }
}

fn household() -> Node {
    let node = Node::start(&[]);
    for name in ["ann", "bob", "clumsy"] {
        let reply = node.call("POST /v1/household/h/join", &format!("\"{name}\""));
        assert!(reply.status < 300, "{}", reply.body);
    }
    node
}

#[test]
fn who_follows_the_household_hears_of_every_basket_once_and_in_order() {
    let node = household();
    let mut socket = Socket::connected(&node);
    let began = follow(&mut socket, json!({}));
    assert_eq!(began["data"], json!({ "ann": 0, "bob": 0, "clumsy": 0 }));
    let mut heard = Heard::default();
    for n in 1..=10 {
        // The clumsy one tells again what was taken: its first turn panics behind it.
        for basket in ["ann", "bob", "clumsy"] {
            put(&node, basket, n);
        }
    }
    heard.until(&mut socket, 30);
    assert_eq!(heard.last.values().copied().collect::<Vec<_>>(), [10, 10, 10]);

    // What is put while nobody follows, and over a crash, is told to who comes back.
    drop(socket);
    put(&node, "ann", 11);
    put(&node, "bob", 11);
    let node = node.restarted(Signal::KILL, &[]);
    put(&node, "bob", 12);
    let mut socket = Socket::connected(&node);
    let from = json!({ "recover": true, "epoch": began["epoch"], "offset": heard.offset });
    let back = follow(&mut socket, from);
    assert_eq!(back["recovered"], true, "{back}");
    for publication in back["publications"].as_array().into_iter().flatten() {
        heard.take(publication);
    }
    heard.until(&mut socket, 33);
    assert_eq!(heard.last.values().copied().collect::<Vec<_>>(), [11, 12, 10]);
}

#[test]
fn strangers_hear_nothing_and_are_not_heard() {
    let node = household();
    let mut socket = Socket::connected(&node);
    for (household, name) in [("h", json!("eve")), ("h", json!(null)), ("unknown", json!("ann"))] {
        let wish = json!({ "channel": format!("household:{household}"), "data": { "name": name } });
        let reply = socket.ask("subscribe", &wish);
        assert_eq!(reply["error"]["code"], 403, "{reply}");
    }
    let forged = node.call("POST /v1/household/h/told", "{}");
    assert_eq!(forged.status, 404, "{}", forged.body);
    let of_nobody = node.call("POST /v1/basket/h/put", "\"thing\"");
    assert_eq!(of_nobody.status, 422, "{}", of_nobody.body);
    follow(&mut socket, json!({}));
    put(&node, "eve", 1);
    put(&node, "ann", 1);
    Heard::default().until(&mut socket, 1);
}
