//! The headers of responses.

use serde_json::{Value, json};

/// A header that stands among the components.
pub(super) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// All headers of responses, by name.
pub(super) fn components() -> Value {
    let text = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    json!({
        "ETag": text("The state that the turn left or, where it only read, met."),
        "Node": text("The node that answered."),
        "Durability": {
            "description": "Whether all that the reply tells of this actor is stored.",
            "schema": { "enum": ["durable", "pending"] },
        },
        "Replayed": {
            "description": "The reply was given before to a call with this Idempotency-Key.",
            "schema": { "const": "true" },
        },
        "ServerTiming": text("Where the time of the call went, in milliseconds."),
        "PreferenceApplied": text("The preference that was honoured."),
        "RetryAfter": {
            "description": "When to try again, in seconds.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "WWWAuthenticate": text("How to say who asks."),
    })
}
