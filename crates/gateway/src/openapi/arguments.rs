//! How the arguments of a method are written: one rule for every text protocol.

use serde_json::{Map, Value, json};
use tenure_actor::{ArgumentSchema, MethodSchemas, Shape, UNKNOWN_KEYWORD};

/// The body of a `POST`.
pub(super) fn body(method: &MethodSchemas) -> Value {
    let (required, schema) = match method.shape {
        Shape::None => {
            let empty = json!({ "type": "object", "maxProperties": 0 });
            (false, json!({ "anyOf": [{ "type": "null" }, empty] }))
        }
        Shape::One { scalar, .. } => {
            let bare = method.arguments.first().map_or(json!({}), |it| it.schema.clone().into());
            let named: Value = method.message().into();
            (true, if scalar { json!({ "anyOf": [bare, named] }) } else { bare })
        }
        Shape::Named(_) => (true, method.message().into()),
    };
    json!({ "required": required, "content": { "application/json": { "schema": schema } } })
}

/// The parameters of a `GET`; `None` where an argument that must be there is no plain value.
pub(super) fn query(method: &MethodSchemas, schemas: &Map<String, Value>) -> Option<Vec<Value>> {
    let mut parameters = Vec::new();
    for argument in &method.arguments {
        match plain(argument, schemas) {
            // As forms have it, `?limit=` without a value is no `limit`.
            Some(schema) => parameters.push(json!({
                "name": argument.name,
                "in": "query",
                "required": !argument.is_optional,
                "allowEmptyValue": argument.is_optional,
                "schema": schema,
            })),
            None if argument.is_optional => {}
            None => return None,
        }
    }
    Some(parameters)
}

/// The schema of an argument that a query can hold: what is left out is null, so null itself is
/// never written.
fn plain(argument: &ArgumentSchema, schemas: &Map<String, Value>) -> Option<Value> {
    let schema: Value = argument.schema.clone().into();
    if schema.get(UNKNOWN_KEYWORD).is_some() {
        return Some(schema);
    }
    let schema = without_null(schema);
    is_plain(&schema, schemas, 0).then_some(schema)
}

fn without_null(mut schema: Value) -> Value {
    let is_null = |value: &Value| value.get("type").and_then(Value::as_str) == Some("null");
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|it| it != "null");
        if let [one] = &types[..] {
            schema["type"] = one.clone();
        }
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|it| !it.is_null());
    }
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|it| !is_null(it));
        if let [one] = &choices[..] {
            return one.clone();
        }
    }
    schema
}

/// Definitions are followed this far; nothing that is a plain value nests deeper.
const REFERENCES_MAX: usize = 8;

fn is_plain(schema: &Value, schemas: &Map<String, Value>, depth: usize) -> bool {
    if depth > REFERENCES_MAX {
        return false;
    }
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return schemas.get(name).is_some_and(|it| is_plain(it, schemas, depth + 1));
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices
            .iter()
            .all(|it| it.get("type").is_some() && is_plain(it, schemas, depth + 1));
    }
    let kind = schema.get("type").and_then(Value::as_str);
    matches!(kind, Some("integer" | "number" | "string" | "boolean"))
}
