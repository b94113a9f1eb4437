//! The operation that reads a feed.

use serde_json::{Map, Value, json};

use super::{problems, responses};
use crate::feeds::FEED_LIMIT_MAX;

pub(super) fn add(paths: &mut Map<String, Value>, is_guarded: bool) {
    let query = |name: &str, about: &str, schema: Value| json!({ "name": name, "in": "query", "description": about, "schema": schema });
    let name = json!({
        "name": "feed",
        "in": "path",
        "required": true,
        "description": "Which feed. One that nothing was appended to yet is empty.",
        "schema": { "type": "string", "pattern": "^[a-z0-9-][a-z0-9._-]{0,63}$" },
    });
    let parameters = json!([
        query(
            "after",
            "The `cursor` of the page before; `latest` for that of the end. The oldest entry \
             that is kept where there is none.",
            json!({ "type": "string" }),
        ),
        query(
            "limit",
            "The most entries.",
            json!({ "type": "integer", "minimum": 1, "maximum": FEED_LIMIT_MAX, "default": 100 }),
        ),
        query(
            "wait",
            "How long to wait for the first entry: a whole number and a unit of ms, s or m, at \
             most a minute.",
            json!({ "type": "string", "pattern": "^([0-9]{1,4}ms|[1-5]?[0-9]s|60s|[01]m)$", "examples": ["10s"] }),
        ),
    ]);
    let mut all = responses::problems_of(&[400, 404, 410, 503], is_guarded);
    all.insert(
        "200".to_owned(),
        json!({
            "description": "A page; empty where nothing came in time.",
            "content": { "application/json": { "schema": page() } },
        }),
    );
    all.insert("410".to_owned(), gone());
    let read = json!({
        "operationId": "feeds.read",
        "summary": "Reads a page of a feed.",
        "parameters": parameters,
        "responses": all,
    });
    paths.insert("/v1/_feeds/{feed}".to_owned(), json!({ "parameters": [name], "get": read }));
}

fn page() -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    let entry = json!({
        "type": "object",
        "required": ["type", "key", "version", "index", "at", "data"],
        "properties": {
            "type": { "type": "string" },
            "key": { "type": "string" },
            "version": number,
            "index": number,
            "at": { "type": "integer", "minimum": 0, "description": "Unix time in milliseconds." },
            "data": { "description": "What the actor appended." },
        },
    });
    json!({
        "type": "object",
        "required": ["entries", "cursor", "more"],
        "properties": {
            "entries": { "type": "array", "items": entry },
            "cursor": { "type": "string", "description": "`after` of the next page." },
            "more": { "type": "boolean", "description": "Whether the next page has entries." },
        },
    })
}

fn gone() -> Value {
    let problem = json!({ "$ref": format!("#/components/schemas/{}", problems::NAME) });
    let oldest =
        json!({ "required": ["oldest"], "properties": { "oldest": { "type": "string" } } });
    let content = json!({
        "application/problem+json": { "schema": { "allOf": [problem, oldest] } },
    });
    json!({ "description": "Entries behind the cursor are not kept any more.", "content": content })
}
