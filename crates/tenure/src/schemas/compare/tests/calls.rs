//! What callers of the old program meet.

use super::*;

fn by() -> Value {
    json!({ "by": int("i64") })
}

fn option() -> Value {
    json!({ "type": ["string", "null"] })
}

/// A method with these arguments, and changes of the rest of it.
fn method(arguments: Value, changes: Value) -> Value {
    let is_needed = |schema: &Value| schema["type"].is_string();
    let needed = arguments.as_object().unwrap().iter().filter(|(_, schema)| is_needed(schema));
    let required: Vec<_> = needed.map(|(name, _)| name.clone()).collect();
    let message = json!({
        "type": "object",
        "properties": arguments,
        "required": required,
        "additionalProperties": false,
    });
    let mut method = json!({ "arguments": message, "reply": int("i64") });
    method.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    method
}

fn of(add: &Value) -> Program {
    cart(json!({ "methods": { "add": add } }))
}

#[test]
fn calls_of_the_old_program_are_understood_or_told() {
    let old = method(by(), json!({}));
    let two = || json!({ "by": int("i64"), "to": text() });
    for (old, new, expected) in [
        (
            &old,
            method(json!({ "by": text() }), json!({})),
            vec!["cart.add argument.by was i64 and is String"],
        ),
        (
            &old,
            method(json!({ "n": int("i64") }), json!({})),
            vec!["cart.add argument.by is gone, and unknown names", "cart.add argument.n is new"],
        ),
        (
            &old,
            method(json!({ "by": int("i64"), "note": option() }), json!({})),
            vec!["cart.add took 1 arguments and takes 2"],
        ),
        (
            &old,
            method(json!({ "by": int("i64"), "note": option() }), json!({ "internal": true })),
            vec!["cart.add is internal now"],
        ),
        (&old, method(by(), json!({ "reply": int("u8") })), vec![]),
        (
            &old,
            method(by(), json!({ "reply": int("u64") })),
            vec!["cart.add reply was i64 and is u64, which holds more"],
        ),
        (
            &old,
            method(by(), json!({ "reply": { "type": ["integer", "null"], "format": "int64" } })),
            vec!["cart.add reply may be `None` now"],
        ),
        (&old, method(by(), json!({ "error": text() })), vec!["cart.add can fail now"]),
        (&method(by(), json!({ "error": text() })), method(by(), json!({})), vec![]),
        (
            &method(by(), json!({ "reads": true })),
            method(by(), json!({})),
            vec!["cart.add was read-only and is not"],
        ),
        (&old, method(by(), json!({ "reads": true })), vec![]),
        (
            &method(two(), json!({})),
            method(json!({ "by": int("i64"), "to": text(), "note": option() }), json!({})),
            vec![],
        ),
        (
            &method(two(), json!({})),
            method(json!({ "by": int("i64"), "to": text(), "note": text() }), json!({})),
            vec!["cart.add argument.note is new and has no default"],
        ),
    ] {
        let found = compare(&of(old), &of(&new));
        let told: Vec<_> = found.iter().map(|it| format!("{} {}", it.place, it.what)).collect();
        assert_eq!(told.len(), expected.len(), "{old} -> {new}: {told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}, not {expected}");
        }
        assert!(found.iter().all(|it| it.level == BreaksCalls), "{found:?}");
    }
}

#[test]
fn methods_that_go_and_replies_that_lose_something_are_told() {
    let old = method(by(), json!({}));
    let found = compare(&of(&old), &cart(json!({})));
    assert!(found[0].what.starts_with("the method is gone"), "{found:?}");
    let replies = |properties: Value, required: &[&str]| {
        of(&method(by(), json!({ "reply": object(properties, required) })))
    };
    let one = || replies(json!({ "a": text() }), &["a"]);
    let two = || replies(json!({ "a": text(), "b": text() }), &["a", "b"]);
    assert!(compare(&one(), &two()).is_empty(), "callers ignore what they do not know");
    assert_eq!(
        told(&compare(&two(), &one())),
        [(BreaksCalls, "cart.add reply.b", "is gone, and callers of the old program need it")]
    );
}
