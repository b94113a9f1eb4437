//! The responses of an operation.

use serde_json::{Map, Value, json};
use tenure_actor::{ActorSchemas, MethodSchemas};

use super::headers::header;
use super::problems;

/// What a call, by `POST` or `GET`, can be answered.
pub(super) fn of_call(
    actor: &ActorSchemas,
    method: &MethodSchemas,
    by_get: bool,
    is_guarded: bool,
) -> Value {
    let mut statuses = vec![400, 404, 412, 413, 422, 429, 500, 502, 503, 504, 508];
    if !by_get {
        statuses.extend([408, 409, 415]);
    }
    let mut all = problems_of(&statuses, is_guarded);
    let reply: Value = method.reply.clone().into();
    all.insert(
        "200".to_owned(),
        json!({
            "description": "The reply.",
            "headers": headers_of_reply(actor),
            "content": { "application/json": { "schema": reply } },
        }),
    );
    if by_get {
        let headers = json!({ "ETag": header("ETag"), "X-Tenure-Node": header("Node") });
        let about = "The client has this state already.";
        all.insert("304".to_owned(), json!({ "description": about, "headers": headers }));
    }
    add_errors(&mut all, method);
    Value::Object(all)
}

/// Adds how the method itself may fail.
pub(super) fn add_errors(all: &mut Map<String, Value>, method: &MethodSchemas) {
    let Some(error) = &method.error else { return };
    let response = problems::of_application(error.as_value());
    if method.error_statuses.is_empty() {
        all.insert("4XX".to_owned(), response.clone());
    }
    for status in &method.error_statuses {
        let mut response = response.clone();
        if problems::may_be_told_later(*status) {
            response["headers"] = problems::headers(&["RetryAfter"]);
        }
        all.insert(status.to_string(), response);
    }
}

/// What a message can be answered.
pub(super) fn of_send(is_guarded: bool) -> Value {
    let mut all = problems_of(&[400, 404, 408, 409, 413, 415, 422, 429, 502, 503, 504], is_guarded);
    let headers = json!({ "X-Tenure-Node": header("Node"), "X-Durability": header("Durability") });
    let about = "The message is in the actor's mailbox, or kept until its time has come.";
    all.insert("202".to_owned(), json!({ "description": about, "headers": headers }));
    Value::Object(all)
}

/// What a deletion can be answered.
pub(super) fn of_delete(is_guarded: bool) -> Value {
    let mut all = problems_of(&[400, 404, 409, 412, 422, 429, 500, 502, 503, 504, 508], is_guarded);
    let headers = json!({ "X-Tenure-Node": header("Node"), "X-Durability": header("Durability") });
    let about = "The actor is gone, or never was.";
    all.insert("204".to_owned(), json!({ "description": about, "headers": headers }));
    Value::Object(all)
}

pub(super) fn problems_of(statuses: &[u16], is_guarded: bool) -> Map<String, Value> {
    let mut statuses = statuses.to_vec();
    // An application's own hook may refuse a call even where no scheme is described.
    statuses.push(403);
    if is_guarded {
        statuses.push(401);
    }
    problems::references(&statuses)
}

fn headers_of_reply(actor: &ActorSchemas) -> Value {
    let mut all = json!({
        "ETag": header("ETag"),
        "X-Tenure-Node": header("Node"),
        "Server-Timing": header("ServerTiming"),
        "Idempotency-Replayed": header("Replayed"),
    });
    if actor.persist.is_stored() {
        all["X-Durability"] = header("Durability");
        all["Preference-Applied"] = header("PreferenceApplied");
    }
    all
}
