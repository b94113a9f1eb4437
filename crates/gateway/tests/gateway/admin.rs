//! The admin server.

use std::net::SocketAddr;
use std::sync::Arc;

use tenure_actor::host::HostHandle;
use tenure_gateway::{Admin, AdminConfig, Server, serve_admin};
use tenure_observe::{Condition, Health, Metrics, NodeStatus, names};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::world::{Client, MapHost, Response, types};

struct Pages {
    _runtime: Runtime,
    _server: Server,
    health: Arc<Health>,
    address: SocketAddr,
}

impl Pages {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let metrics = Arc::new(Metrics::new());
        metrics.register_gauge(names::MAILBOX_CALLS, &[]).unwrap().set(3);
        let health = Arc::new(Health::new());
        let admin = Admin {
            host: HostHandle::new(Arc::new(MapHost::new(runtime.handle().clone()))),
            types: types(),
            metrics,
            health: Arc::clone(&health),
            status: Arc::new(|| NodeStatus { node: "n1".into(), ..NodeStatus::default() }),
        };
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            serve_admin(listener, AdminConfig::default(), admin).unwrap()
        });
        let address = server.address();
        Self { _runtime: runtime, _server: server, health, address }
    }

    fn get(&self, path: &str) -> Response {
        self.ask("GET", path, "host: localhost:7071\r\n")
    }

    fn ask(&self, method: &str, path: &str, headers: &str) -> Response {
        Client::connect(self.address).ask(&format!("{method} {path} HTTP/1.1\r\n{headers}\r\n"))
    }
}

#[test]
fn health_is_told_with_its_reasons() {
    let pages = Pages::new();
    assert_eq!(pages.get("/livez").status, 200);
    assert_eq!(pages.get("/startupz").status, 503);
    assert_eq!(pages.get("/readyz").json()["reasons"][0]["condition"], "starting");
    pages.health.resolve(Condition::Starting);
    assert_eq!(pages.get("/startupz").status, 200);
    assert_eq!(pages.get("/readyz").status, 200);
    pages.health.report(Condition::Store, "no answer for 3 s");
    let reply = pages.get("/readyz");
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["reasons"][0]["reason"], "no answer for 3 s");
    assert_eq!(pages.get("/livez").status, 200, "a store out of reach is no cause to restart");
    // The last beat was at the clock's zero, an hour ago.
    pages.health.beat(tenure_types::Instant::from_nanos(1));
    assert_eq!(pages.get("/livez").status, 503);
}

#[test]
fn the_pages_show_what_there_is() {
    let pages = Pages::new();
    let metrics = pages.get("/metrics");
    assert!(metrics.body.contains("tenure_mailbox_calls 3\n"), "{}", metrics.body);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(pages.get("/admin/v1/node").json()["node"], "n1");
    let types = pages.get("/admin/v1/types").json();
    assert_eq!(types[0]["name"], "counter");
    assert_eq!(types[0]["persist"], "write_through");
    let methods = types[0]["methods"].as_array().unwrap();
    let range = methods.iter().find(|method| method["name"] == "range").unwrap();
    assert_eq!(range["arguments"], serde_json::json!(["from", "to"]));
    assert_eq!((&range["exclusive"], &range["http"]), (&false.into(), &true.into()));
    pages.get("/nothing").problem(404, "not_found");
    let reply = pages.ask("POST", "/metrics", "host: localhost\r\ncontent-length: 0\r\n");
    reply.problem(405, "method_not_allowed");
    assert!(reply.header("allow").unwrap().contains("GET"));
    assert_eq!(pages.get("/livez").header("cache-control"), Some("no-store"));
}

#[test]
fn web_pages_of_other_sites_see_nothing() {
    let pages = Pages::new();
    for headers in [
        "host: evil.example\r\n",
        "host: localhost\r\nhost: evil.example\r\n",
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\n",
        "",
    ] {
        for path in ["/admin/v1/node", "/metrics", "/livez", "/nothing"] {
            pages.ask("GET", path, headers).problem(403, "denied");
        }
    }
    let own = "host: 127.0.0.1:7071\r\norigin: http://127.0.0.1:7071\r\n";
    assert_eq!(pages.ask("GET", "/admin/v1/node", own).status, 200);
}
