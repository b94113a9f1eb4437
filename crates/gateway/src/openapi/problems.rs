//! Errors in the document: what a problem looks like, and which there are.

use serde_json::{Map, Value, json};

/// The component that describes a problem.
pub(super) const NAME: &str = "tenure.Problem";

/// Every status of a problem that is not the application's, with its component's name.
const RESPONSES: [(u16, &str, &str); 16] = [
    (400, "BadRequest", "Arguments, key, headers or query break a rule, which `detail` names."),
    (401, "Unauthenticated", "It is not known who asks."),
    (403, "Forbidden", "Who asks may not do this."),
    (404, "NotFound", "There is no such type, method or path."),
    (408, "RequestTimeout", "The body did not arrive in time."),
    (409, "InProgress", "A call with this Idempotency-Key has not ended."),
    (412, "VersionMismatch", "The actor's state has none of the tags of If-Match."),
    (413, "TooLarge", "A body, a chain of calls or a record over its bound."),
    (415, "UnsupportedMediaType", "The body is no JSON by its Content-Type."),
    (422, "KeyReused", "This Idempotency-Key belongs to another call."),
    (429, "ActorOverloaded", "This actor has too many waiting calls."),
    (500, "Failed", "The method panicked, or what is stored of the actor is damaged."),
    (502, "Incompatible", "What is stored, or another node sent, is not readable by this program."),
    (503, "Unavailable", "The node is overloaded or stopping, or its store failed."),
    (504, "Deadline", "The deadline passed first; `outcome` says whether the turn had begun."),
    (508, "Cycle", "The call would wait for itself."),
];

/// RFC 9457, with what a caller must know of the call.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457), and whether the call had an effect.",
        "required": ["type", "title", "status", "detail", "code", "outcome", "retryable"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "code": { "type": "string", "description": "One word for programs." },
            "outcome": {
                "enum": ["executed", "not-executed", "unknown"],
                "description": "Whether the turn ran to its end, had no effect, or nobody knows.",
            },
            "retryable": {
                "type": "boolean",
                "description": "The same call may be made again and may succeed later.",
            },
            "actor": { "type": "string" },
            "node": { "type": "string" },
            "traceId": { "type": "string" },
            "error": { "description": "The fields of the application's own error." },
        },
    })
}

/// The responses that stand among the components.
pub(super) fn responses() -> Value {
    let problem = json!({ "$ref": format!("#/components/schemas/{NAME}") });
    let of = |(status, name, about): &(u16, &str, &str)| {
        let mut response = response(about, &problem);
        match status {
            401 => response["headers"] = headers(&["WWWAuthenticate"]),
            status if may_be_told_later(*status) => response["headers"] = headers(&["RetryAfter"]),
            _ => {}
        }
        ((*name).to_owned(), response)
    };
    let mut all: Map<_, _> = RESPONSES.iter().map(of).collect();
    all.insert("Problem".to_owned(), response("Another problem.", &problem));
    Value::Object(all)
}

/// Whether a problem of this status may come with `Retry-After`.
pub(super) fn may_be_told_later(status: u16) -> bool {
    matches!(status, 409 | 429 | 503)
}

pub(super) fn headers(names: &[&str]) -> Value {
    let name = |name: &&str| match *name {
        "RetryAfter" => "Retry-After".to_owned(),
        _ => "WWW-Authenticate".to_owned(),
    };
    let all = names.iter().map(|it| (name(it), super::headers::header(it)));
    Value::Object(all.collect())
}

/// References to the problems that an operation can be answered, by status.
pub(super) fn references(statuses: &[u16]) -> Map<String, Value> {
    let reference = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    let listed = RESPONSES.iter().filter(|(status, ..)| statuses.contains(status));
    let mut all: Map<_, _> =
        listed.map(|(status, name, _)| (status.to_string(), reference(name))).collect();
    all.insert("default".to_owned(), reference("Problem"));
    all
}

/// The response of an application's error. Its status may be that of another problem too, which has
/// no `error`.
pub(super) fn of_application(error: &Value) -> Value {
    let problem = json!({ "$ref": format!("#/components/schemas/{NAME}") });
    let schema = json!({ "allOf": [problem, { "properties": { "error": error } }] });
    response("Refused by the application: `code` says why, `error` has the details.", &schema)
}

fn response(about: &str, schema: &Value) -> Value {
    let content = json!({ "application/problem+json": { "schema": schema } });
    json!({ "description": about, "content": content })
}
