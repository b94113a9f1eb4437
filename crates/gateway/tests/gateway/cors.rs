//! Web pages of other sites.

use tenure_gateway::{Cors, GatewayConfig};

use crate::world::{World, post};

fn asks(origin: &str) -> String {
    format!(
        "OPTIONS /v1/counter/42/add HTTP/1.1\r\nhost: t\r\norigin: {origin}\r\n\
         access-control-request-method: POST\r\n\
         access-control-request-headers: content-type,idempotency-key\r\n\r\n"
    )
}

fn with_origin(request: &str, origin: &str) -> String {
    request.replacen("host: t\r\n", &format!("host: t\r\norigin: {origin}\r\n"), 1)
}

#[test]
fn pages_of_listed_origins_may_call_and_no_others() {
    let cors = Cors::new(vec!["https://app.example".into()], false).unwrap();
    let world = World::with(GatewayConfig { cors, ..GatewayConfig::default() });
    let reply = world.ask(&asks("https://app.example"));
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("GET, POST, DELETE"));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    assert_eq!(reply.header("vary"), Some("origin"));

    let call = post("/v1/counter/42/add", "5");
    let reply = world.ask(&with_origin(&call, "https://app.example"));
    assert_eq!(reply.body, "5");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(reply.header("access-control-expose-headers").unwrap().contains("etag"));
    let reply = world.ask(&with_origin(&post("/v1/counter/42/no", ""), "https://app.example"));
    assert_eq!(reply.status, 404);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));

    let reply = world.ask(&asks("https://evil.example"));
    reply.problem(405, "method_not_allowed");
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("access-control-allow-methods"), None);
    assert_eq!(reply.header("vary"), Some("origin"));
}

#[test]
fn without_a_list_nothing_is_said() {
    let world = World::new();
    world.ask(&asks("https://app.example")).problem(405, "method_not_allowed");
    let reply = world.ask(&with_origin(&post("/v1/counter/42/add", "5"), "https://app.example"));
    assert_eq!((reply.header("vary"), reply.header("access-control-allow-origin")), (None, None));
}

#[test]
fn credentials_and_everybody_are_let_in_only_when_that_is_said() {
    let with = |origins: &str, has_credentials| {
        let cors = Cors::new(vec![origins.into()], has_credentials).unwrap();
        World::with(GatewayConfig { cors, ..GatewayConfig::default() })
    };
    let reply = with("https://app.example", true).ask(&asks("https://app.example"));
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
    let reply = with("*", false).ask(&asks("https://anybody.example"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}
