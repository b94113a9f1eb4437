use serde_json::{Value, json};

/// A parameter that stands among the components.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// What every operation may send besides its arguments.
pub(super) const EVERY: [&str; 3] = ["GrpcTimeout", "ConnectTimeoutMs", "Traceparent"];

/// Visible ASCII without quotes and backslashes, bare or in quotes.
const IDEMPOTENCY_KEY: &str = r#"^([!#-\[\]-~]{1,256}|"[!#-\[\]-~]{1,256}")$"#;
const TAGS: &str = r#"^(\*|(W/)?"[!#-~]+"(, ?(W/)?"[!#-~]+")*)$"#;
/// At most 24 hours.
const DELAY: &str = "^(([0-9]{1,7}|[1-7][0-9]{7}|8[0-5][0-9]{6}|86[0-3][0-9]{5}|86400000)ms\
|([0-9]{1,4}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)s\
|([0-9]{1,3}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)m\
|(1?[0-9]|2[0-4])h)$";

/// All of them, by name.
pub(super) fn components() -> Value {
    let header = |name: &str, about: &str, schema: Value| json!({ "name": name, "in": "header", "description": about, "schema": schema });
    let query = |name: &str, about: &str, schema: Value| json!({ "name": name, "in": "query", "description": about, "schema": schema });
    json!({
        "Key": {
            "name": "key",
            "in": "path",
            "required": true,
            "description": "Which actor: 1 to 512 bytes of UTF-8 without control characters, \
                            percent-encoded, a slash as %2F.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": 512,
                "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
            },
        },
        "IdempotencyKey": header(
            "Idempotency-Key",
            "Makes this call and its repetitions one effect on the actor, for 24 hours.",
            json!({ "type": "string", "pattern": IDEMPOTENCY_KEY, "examples": ["8e03978e-40d5"] }),
        ),
        "Prefer": header(
            "Prefer",
            "`wait=durable`: answer only when all that the reply tells is stored.",
            json!({ "type": "string", "examples": ["wait=durable"] }),
        ),
        "IfMatch": header(
            "If-Match",
            "Run only if the actor's state still has one of these tags, else 412.",
            json!({ "type": "string", "pattern": TAGS, "examples": ["\"0000002a-17\""] }),
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            "Answer 304 without a body if the actor's state has one of these tags.",
            json!({ "type": "string" }),
        ),
        "GrpcTimeout": header(
            "grpc-timeout",
            "How long the client waits: digits and a unit of H, M, S, m, u or n. Of this and \
             Connect-Timeout-Ms the shorter counts.",
            json!({ "type": "string", "pattern": "^[1-9][0-9]{0,7}[HMSmun]$", "examples": ["5S"] }),
        ),
        "ConnectTimeoutMs": header(
            "Connect-Timeout-Ms",
            "How long the client waits, in milliseconds.",
            json!({ "type": "integer", "minimum": 1, "maximum": 9_999_999_999_i64, "examples": [5_000] }),
        ),
        "Traceparent": header(
            "traceparent",
            "The trace that the call belongs to (W3C Trace Context); ignored where malformed.",
            json!({ "type": "string" }),
        ),
        "Delay": query(
            "delay",
            "Send the message after this time: a whole number and a unit of ms, s, m or h, at most \
             24 hours.",
            json!({ "type": "string", "pattern": DELAY, "examples": ["30s"] }),
        ),
        "Durable": query(
            "durable",
            "Keep the message with its actor until it is delivered, whatever happens to the node.",
            json!({ "type": "boolean" }),
        ),
    })
}
