//! The walk of the README with the real program: two devices, one cart, and an order that is paid
//! although the program is killed at once.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenure_campaigns::http::{Connection, Failure, Request};
use tenure_campaigns::port;
use tenure_campaigns::process::Launch;

const PATIENCE: Duration = Duration::from_secs(30);

struct Client(Connection);

impl Client {
    fn post(&mut self, path: &str, body: &Value) -> Value {
        let (path, body) = (format!("/v1/{path}"), body.to_string());
        let reply =
            self.0.call("POST", &path, &body).unwrap_or_else(|why| panic!("{path}: {why:?}"));
        serde_json::from_str(&reply).expect("a reply is JSON")
    }

    fn show(&mut self, actor: &str) -> Value {
        let reply = self.0.call("GET", &format!("/v1/{actor}/show"), "");
        serde_json::from_str(&reply.expect("it can be read")).expect("a reply is JSON")
    }
}

fn shop(folder: &Path) -> Launch {
    Launch {
        program: env!("CARGO_BIN_EXE_shop").into(),
        listen: port::free().expect("a port"),
        data: folder.join("data"),
        log: folder.join("server.log"),
        settings: Vec::new(),
        env: Vec::new(),
        namespace: None,
    }
}

#[test]
fn an_order_is_paid_although_the_program_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = shop(folder.path());
    let mut server = launch.start().expect("the shop starts");
    let mut client = Client(Connection::new(launch.listen));
    client.post("stock/tea/offer", &json!({"cents": 450, "one_each": false}));
    assert_eq!(client.post("stock/tea/supply", &json!(10)), 10);
    assert_eq!(client.post("cart/ada/add", &json!({"item": "tea", "quantity": 1})), 1);
    assert_eq!(client.post("cart/ada/add", &json!({"item": "tea", "quantity": 2})), 3);
    let placed = client.post("cart/ada/checkout", &json!({}));
    assert_eq!(placed, json!({"order": "ada-1", "lines": {"tea": 3}}));
    server.kill();

    let server = launch.start().expect("it starts again");
    let mut client = Client(Connection::new(launch.listen));
    let until = Instant::now() + PATIENCE;
    let order = loop {
        // Until the cart has told it, there is no such order.
        let reply = client.0.call("GET", "/v1/order/ada-1/show", "");
        let order: Value = serde_json::from_str(&reply.unwrap_or_default()).unwrap_or_default();
        if order["closed"] == true {
            break order;
        }
        assert!(Instant::now() < until, "the order hangs: {order}");
    };
    assert_eq!((&order["phase"], &order["cents"]), (&json!("paid"), &json!(1_350)));
    let stock = client.show("stock/tea");
    assert_eq!((&stock["left"], &stock["sold"]), (&json!(7), &json!(3)));
    assert_eq!(client.show("payment/ada")["spent_cents"], 1_350);
    assert_eq!(client.show("cart/ada")["lines"], json!({}));
    server.stop().expect("it stops in good order");
}

#[test]
fn what_only_orders_may_do_is_not_there_for_clients() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = shop(folder.path());
    let _server = launch.start().expect("the shop starts");
    let mut connection = Connection::new(launch.listen);
    for path in ["stock/tea/sell", "payment/ada/take", "allowance/ada/take", "order/ada-1/begin"] {
        let path = format!("/v1/{path}");
        let request = Request { method: "POST", path: &path, body: "1", ..Request::default() };
        match connection.ask(&request, None) {
            Err(Failure::Refused(why)) => assert_eq!(why.code, "not_found", "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}
