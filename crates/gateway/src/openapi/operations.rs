//! The operations on the actors of one type.

use serde_json::{Map, Value, json};
use tenure_actor::{ActorSchemas, MethodSchemas};

use super::{arguments, parameters, responses};

/// Adds the paths of `actor`. `schemas` are the document's, which its own refer to.
pub(super) fn add(
    paths: &mut Map<String, Value>,
    actor: &ActorSchemas,
    schemas: &Map<String, Value>,
    is_guarded: bool,
) {
    let type_name = actor.name;
    let key = json!([parameters::reference("Key")]);
    let path = format!("/v1/{type_name}/{{key}}");
    for method in actor.methods.iter().filter(|it| !it.internal) {
        let name = method.name;
        let mut item = json!({ "parameters": key, "post": call(actor, method, is_guarded) });
        if !method.exclusive
            && let Some(query) = arguments::query(method, schemas)
        {
            item["get"] = get(actor, method, query, is_guarded);
        }
        paths.insert(format!("{path}/{name}"), item);
        let item = json!({ "parameters": key, "post": send(actor, method, is_guarded) });
        paths.insert(format!("{path}/{name}/send"), item);
    }
    let named = ["IdempotencyKey", "IfMatch"];
    let delete = json!({
        "operationId": format!("{type_name}.delete"),
        "tags": [type_name],
        "summary": "Deletes the actor: state, events, reminders and remembered keys.",
        "parameters": referred(&named),
        "responses": responses::of_delete(is_guarded),
    });
    paths.insert(path, json!({ "parameters": key, "delete": delete }));
}

fn call(actor: &ActorSchemas, method: &MethodSchemas, is_guarded: bool) -> Value {
    let mut operation = described(actor, method, "post");
    let mut named = vec!["IfMatch", "IdempotencyKey"];
    if actor.persist.is_stored() {
        named.push("Prefer");
    }
    operation["parameters"] = referred(&named);
    operation["requestBody"] = arguments::body(method);
    operation["responses"] = responses::of_call(actor, method, false, is_guarded);
    operation
}

fn get(
    actor: &ActorSchemas,
    method: &MethodSchemas,
    mut query: Vec<Value>,
    is_guarded: bool,
) -> Value {
    let mut operation = described(actor, method, "get");
    let mut named = vec!["IfMatch", "IfNoneMatch"];
    if actor.persist.is_stored() {
        named.push("Prefer");
    }
    if let Value::Array(headers) = referred(&named) {
        query.extend(headers);
    }
    operation["parameters"] = query.into();
    operation["responses"] = responses::of_call(actor, method, true, is_guarded);
    operation
}

fn send(actor: &ActorSchemas, method: &MethodSchemas, is_guarded: bool) -> Value {
    let mut operation = described(actor, method, "send");
    let summary = operation["summary"].as_str().unwrap_or(method.name);
    operation["summary"] = format!("As a message, whose result nobody learns: {summary}").into();
    let mut named = vec!["Delay", "IdempotencyKey"];
    if actor.persist.is_stored() {
        named.push("Durable");
    }
    operation["parameters"] = referred(&named);
    operation["requestBody"] = arguments::body(method);
    operation["responses"] = responses::of_send(is_guarded);
    operation
}

fn described(actor: &ActorSchemas, method: &MethodSchemas, kind: &str) -> Value {
    let mut operation = json!({
        "operationId": format!("{}.{}.{kind}", actor.name, method.name),
        "tags": [actor.name],
    });
    match method.docs.lines().next().filter(|line| !line.is_empty()) {
        Some(summary) => {
            operation["summary"] = summary.into();
            operation["description"] = method.docs.as_str().into();
        }
        None => operation["summary"] = method.name.into(),
    }
    operation
}

fn referred(names: &[&str]) -> Value {
    names.iter().copied().chain(parameters::EVERY).map(parameters::reference).collect()
}
