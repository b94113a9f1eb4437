//! What works.

use crate::world::{World, get, post};

#[test]
fn a_call_goes_to_its_actor_and_back() {
    let world = World::new();
    let mut client = world.client();
    let reply = client.ask(&post("/v1/counter/42/add", "5"));
    assert_eq!((reply.status, reply.body.as_str()), (200, "5"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-tenure-node"), Some("n1"));
    assert_eq!(reply.header("x-durability"), Some("durable"));
    assert!(reply.header("date").is_some());
    let reply = client.ask(&post("/v1/counter/42/add", r#" {"by": 2} "#));
    assert_eq!(reply.body, "7");
    assert_eq!(client.ask(&get("/v1/counter/42/get")).body, "7");
    assert_eq!(client.ask(&get("/v1/counter/42/range?from=7&to=8")).body, "true");
    assert_eq!(client.ask(&post("/v1/counter/42/get", "")).body, "7");
    let reply = client.ask(&post("/v1/tally/42/add", "5"));
    assert_eq!((reply.body.as_str(), reply.header("x-durability")), ("5", None));
}

#[test]
fn curl_without_a_type_works() {
    let world = World::new();
    let request = "POST /v1/counter/42/add HTTP/1.1\r\nHost: localhost:7070\r\n\
                   User-Agent: curl/8.0\r\nAccept: */*\r\nContent-Length: 1\r\n\
                   Content-Type: application/x-www-form-urlencoded\r\n\r\n5";
    assert_eq!(world.ask(request).body, "5");
}

#[test]
fn keys_are_any_text() {
    let world = World::new();
    for key in ["a%2Fb", "%E6%97%A5", "..", "%20", "a+b", &"k".repeat(512)] {
        let reply = world.ask(&post(&format!("/v1/counter/{key}/add"), "1"));
        assert_eq!((reply.status, reply.body.as_str()), (200, "1"), "{key}");
    }
    // The same key in two spellings is one actor.
    assert_eq!(world.ask(&post("/v1/counter/%61%2fb/add", "1")).body, "2");
}

#[test]
fn chunked_bodies_are_joined() {
    let world = World::new();
    let mut client = world.client();
    client.write(
        b"POST /v1/counter/42/sum HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
          transfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n",
    );
    client.write(b"2\r\n2]\r\n0\r\n\r\n");
    assert_eq!(client.response().body, "\"[1,2]\"");
    assert_eq!(client.ask(&get("/v1/counter/42/get")).status, 200);
}

#[test]
fn a_large_body_arrives_whole() {
    let world = World::new();
    let items = format!("[{}0]", "1234567,".repeat(100_000));
    let reply = world.ask(&post("/v1/counter/42/sum", &items));
    assert_eq!(reply.json().as_str().unwrap(), items);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new();
    let mut client = world.client();
    let requests: String = (0..50).map(|_| post("/v1/counter/42/add", "1")).collect();
    client.write(requests.as_bytes());
    for expected in 1..=50 {
        assert_eq!(client.response().body, expected.to_string());
    }
}

#[test]
fn a_connection_is_used_again_after_an_error() {
    let world = World::new();
    let mut client = world.client();
    for (request, status) in [
        (post("/v1/counter/42/nothing", "5"), 404),
        (post("/v1/counter/42/add", "five"), 400),
        (post("/v1/counter/42/take", "5"), 409),
        (post("/v1/counter/42/explode", ""), 500),
        (get("/v1/counter/42/add"), 405),
        (post("/v1/counter/42/add", "5"), 200),
    ] {
        assert_eq!(client.ask(&request).status, status, "{request}");
    }
    assert_eq!(world.connections(), 1);
}

#[test]
fn requests_are_counted() {
    let world = World::new();
    let mut client = world.client();
    client.ask(&post("/v1/counter/42/add", "5"));
    client.ask(&post("/v1/counter/42/nothing", "5"));
    let page = world.metrics.render();
    for line in [
        "tenure_http_requests_total{status_class=\"2xx\"} 1",
        "tenure_http_requests_total{status_class=\"4xx\"} 1",
        "tenure_http_requests_total{status_class=\"5xx\"} 0",
        "tenure_http_request_seconds_count 2",
        "tenure_http_requests_in_flight 0.0",
        "tenure_http_connections 1.0",
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is missing in\n{page}");
    }
}

#[test]
fn unusual_spellings_of_a_request_work() {
    let world = World::new();
    let absolute = "POST http://n1:7070/v1/counter/42/add HTTP/1.1\r\nhost: n1:7070\r\n\
                    content-length: 1\r\n\r\n5";
    assert_eq!(world.ask(absolute).body, "5");
    let raw = "POST /v1/counter/日/add HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\n5";
    assert_eq!(world.ask(raw).body, "5");
    assert_eq!(world.ask(&post("/v1/counter/%E6%97%A5/add", "1")).body, "6");
    let mut client = world.client();
    client.write(
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\n\
          content-length: 1\r\n\r\n",
    );
    assert_eq!(client.response().status, 100);
    client.write(b"5");
    assert_eq!(client.response().body, "10");
    // The end of a chunked body may carry headers; they mean nothing.
    client.write(
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n\
          1\r\n5\r\n0\r\nx: y\r\n\r\n",
    );
    assert_eq!(client.response().body, "15");
}

#[test]
fn what_can_be_called_is_shown_only_where_that_is_wished() {
    let page = get("/v1/_openapi.json");
    World::new().ask(&page).problem(404, "not_found");
    let world = World::described();
    let reply = world.ask(&page);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let document = reply.json();
    let operation = &document["paths"]["/v1/counter/{key}/add"]["post"];
    assert_eq!(operation["operationId"], "counter.add.post");
    world.ask(&post("/v1/_openapi.json", "1")).problem(404, "not_found");
}

#[test]
fn a_number_without_a_fraction_is_whole_however_it_is_written() {
    let world = World::new();
    for (body, reply) in [("5.0", "5"), (r#"{"by": 1e1}"#, "15"), ("-0.0", "15")] {
        assert_eq!(world.ask(&post("/v1/counter/42/add", body)).body, reply, "{body}");
    }
    let detail = world.ask(&post("/v1/counter/42/add", "5.5")).problem(400, "bad_request");
    assert!(detail.contains("floating point `5.5`"), "{detail}");
    // What a method asks for as it is stays as it is.
    assert_eq!(world.ask(&post("/v1/counter/42/sum", "[1.0]")).body, "\"[1.0]\"");
}
