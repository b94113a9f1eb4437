//! The OpenAPI document of a program: what it says of methods of every shape.

#![allow(missing_docs, reason = "what is described here is nobody's")]

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenure::__private::ActorType;
use tenure::prelude::*;
use tenure_gateway::{OpenApi, SecurityScheme};

/// Of another crate, which knows nothing of schemas.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Foreign(u16);

#[tenure::data]
#[derive(Clone)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Piece,
    Gram,
}

/// One thing.
#[tenure::data]
#[derive(Clone)]
pub struct Line {
    /// What it is.
    pub item: String,
    pub count: u32,
}

#[tenure::error]
pub enum PutError {
    #[problem(status = 409, "there is no room for {item}")]
    Full {
        item: String,
    },
    Closed,
}

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    lines: Vec<Line>,
}

#[actor]
impl Cart {
    /// Puts a line into the cart.
    ///
    /// At most one.
    pub fn put(&mut self, line: Line) -> Result<u32, PutError> {
        self.lines.push(line);
        Ok(1)
    }

    pub fn add(&mut self, by: i64) -> i64 {
        by
    }

    pub fn count(&self, unit: Unit, from: Option<u8>) -> Vec<u8> {
        let _ = unit;
        vec![from.unwrap_or(1)]
    }

    pub fn holds(&self, lines: Vec<Line>) -> bool {
        lines.is_empty()
    }

    pub fn stamp(&self, foreign: Foreign) -> Foreign {
        foreign
    }

    pub fn clear(&mut self) {}

    #[handler(internal)]
    pub fn sweep(&mut self) {}
}

#[derive(Default)]
pub struct Door;

#[actor(persist = volatile)]
impl Door {
    pub fn open(&mut self) {}
}

#[tenure::data]
pub struct Said {
    n: u64,
}

/// What a client begins with.
#[tenure::data]
pub struct Began {
    said: u64,
}

#[tenure::error]
pub enum ComeError {
    #[problem(status = 409, "the room is full")]
    Full,
}

#[derive(Default)]
pub struct Room;

#[actor(persist = volatile, events = Said)]
impl Room {
    #[attach]
    fn come(&self, _peer: tenure::Peer) -> Result<Began, ComeError> {
        Ok(Began { said: 0 })
    }

    pub fn said(&self) -> u64 {
        0
    }
}

#[derive(Default)]
pub struct Bell;

#[actor(persist = volatile, events = Said)]
impl Bell {
    pub fn ring(&mut self, cx: &mut Context<Self>) {
        cx.emit(Said { n: 1 });
    }
}

fn document(about: &OpenApi) -> Value {
    let types = [
        ActorType::of::<Cart>().unwrap(),
        ActorType::of::<Door>().unwrap(),
        ActorType::of::<Room>().unwrap(),
        ActorType::of::<Bell>().unwrap(),
    ];
    about.document(&types)
}

fn at<'a>(document: &'a Value, path: &str, method: &str) -> &'a Value {
    &document["paths"][path][method]
}

fn body(operation: &Value) -> &Value {
    &operation["requestBody"]["content"]["application/json"]["schema"]
}

fn each(value: &Value, found: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Array(all) => all.iter().for_each(|it| each(it, found)),
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            found(name, value);
            each(value, found);
        }),
        _ => {}
    }
}

#[test]
fn arguments_are_described_as_they_are_read() {
    let document = document(&OpenApi::default());
    let put = at(&document, "/v1/cart/{key}/put", "post");
    assert_eq!(put["summary"], "Puts a line into the cart.");
    assert_eq!(put["description"], "Puts a line into the cart.\n\nAt most one.");
    assert_eq!(body(put), &json!({ "$ref": "#/components/schemas/Line" }));
    let line = &document["components"]["schemas"]["Line"];
    assert_eq!(line["properties"]["count"]["maximum"], u32::MAX);
    assert_eq!(line["properties"]["item"]["description"], "What it is.");

    let add = body(at(&document, "/v1/cart/{key}/add", "post"));
    let number = json!({
        "type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX,
    });
    assert_eq!(add["anyOf"][0], number);
    assert_eq!(add["anyOf"][1]["properties"]["by"], number);
    assert_eq!(add["anyOf"][1]["additionalProperties"], false);

    let clear = at(&document, "/v1/cart/{key}/clear", "post");
    assert_eq!(clear["requestBody"]["required"], false);
    let count = body(at(&document, "/v1/cart/{key}/count", "post"));
    assert_eq!(count["required"], json!(["unit"]));
}

#[test]
fn get_is_there_for_methods_that_read_plain_values() {
    let document = document(&OpenApi::default());
    let has = |path: &str| !at(&document, path, "get").is_null();
    assert!(has("/v1/cart/{key}/count") && has("/v1/cart/{key}/stamp"));
    assert!(!has("/v1/cart/{key}/add"), "it may change its actor");
    assert!(!has("/v1/cart/{key}/holds"), "a list is no plain value");
    let count = at(&document, "/v1/cart/{key}/count", "get");
    let parameters = count["parameters"].as_array().unwrap();
    assert_eq!(parameters[0]["required"], true);
    assert_eq!(parameters[1]["schema"]["type"], "integer", "null is not written in a query");
    assert_eq!(count["responses"]["304"]["headers"]["ETag"]["$ref"], "#/components/headers/ETag");
    assert_eq!(count["responses"]["200"]["content"]["application/json"]["schema"]["type"], "array");
}

#[test]
fn errors_are_described_by_their_status() {
    let document = document(&OpenApi::default());
    let responses = &at(&document, "/v1/cart/{key}/put", "post")["responses"];
    for status in ["409", "422"] {
        let content = &responses[status]["content"]["application/problem+json"]["schema"];
        assert_eq!(content["allOf"][0]["$ref"], "#/components/schemas/tenure.Problem");
        let error = &content["allOf"][1]["properties"]["error"];
        assert_eq!(error["$ref"], "#/components/schemas/PutError", "{status}");
    }
    let bad = json!({ "$ref": "#/components/responses/BadRequest" });
    assert_eq!(responses["400"], bad);
    let add = &at(&document, "/v1/cart/{key}/add", "post")["responses"];
    assert_eq!(add["409"], json!({ "$ref": "#/components/responses/InProgress" }));
}

#[test]
fn messages_and_deletions_are_there_and_internal_methods_are_not() {
    let document = document(&OpenApi::default());
    let paths: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert!(paths.contains("/v1/cart/{key}/put/send") && paths.contains("/v1/door/{key}"));
    assert!(!paths.iter().any(|path| path.contains("sweep")), "{paths:?}");
    let names = |path: &str| {
        let all = at(&document, path, "post")["parameters"].as_array().unwrap();
        all.iter().map(|it| it["$ref"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let durable = "#/components/parameters/Durable";
    assert!(names("/v1/cart/{key}/put/send").contains(durable));
    assert!(!names("/v1/door/{key}/open/send").contains(durable), "nothing of a door is stored");
}

#[test]
fn every_reference_leads_somewhere_and_no_two_operations_share_a_name() {
    let about = OpenApi {
        security: vec![SecurityScheme::ApiKey, SecurityScheme::Jwt],
        ..OpenApi::default()
    };
    let document = document(&about);
    let mut operations = Vec::new();
    each(&document, &mut |name, value| match name {
        "$ref" => {
            let pointer = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
        "operationId" => operations.push(value.to_string()),
        _ => {}
    });
    let count = operations.len();
    assert_eq!(operations.into_iter().collect::<BTreeSet<_>>().len(), count);
    assert_eq!(document["security"], json!([{ "apiKey": [] }, { "jwt": [] }]));
    let responses = &at(&document, "/v1/door/{key}/open", "post")["responses"];
    assert_eq!(responses["401"]["$ref"], "#/components/responses/Unauthenticated");
}

#[test]
fn what_a_type_publishes_is_described_with_what_clients_begin_with() {
    let document = document(&OpenApi::default());
    let topics = &document["components"]["schemas"]["tenure.Topics"];
    let said = json!({ "$ref": "#/components/schemas/Said" });
    let room = &topics["properties"]["room"];
    assert_eq!(room["properties"]["begin"], json!({ "$ref": "#/components/schemas/Began" }));
    assert_eq!(room["properties"]["event"], said);
    assert_eq!(room["required"], json!(["begin", "event"]));
    // Everybody is let in, and told nothing.
    let bell = &topics["properties"]["bell"]["properties"];
    assert_eq!(bell, &json!({ "begin": { "type": "null" }, "event": said }));
    assert_eq!(topics["required"], json!(["bell", "room"]));
    assert!(document["components"]["schemas"]["Said"].is_object());

    let stream = at(&document, "/v1/room/{key}/events", "get");
    let content = &stream["responses"]["200"]["content"];
    assert_eq!(content, &json!({ "text/event-stream": { "schema": { "type": "string" } } }));
    let full = &stream["responses"]["409"]["content"]["application/problem+json"]["schema"];
    assert!(full.to_string().contains("ComeError"), "{full}");
    assert!(at(&document, "/v1/cart/{key}/events", "get").is_null(), "it publishes nothing");
}
