//! Tables of changes, made on the documents that programs write.

#![expect(clippy::needless_pass_by_value, reason = "what is given is a `json!(..)`")]

mod calls;

use serde_json::{Value, json};

use super::*;
use Level::{BreaksCalls, Incompatible, NotChecked, Warning};

/// A program of one type `cart` with this state and these definitions.
fn program(state: &Value, definitions: &Value) -> Program {
    document(&json!({
        "schema": 1,
        "persist": "write_through",
        "state": state,
        "methods": {},
        "$defs": definitions,
    }))
}

fn document(cart: &Value) -> Program {
    let text = json!({ "format": 1, "types": { "cart": cart } }).to_string();
    Program::read(text.as_bytes()).expect("a document")
}

fn told(findings: &[Finding]) -> Vec<(Level, &str, &str)> {
    findings.iter().map(|it| (it.level, it.place.as_str(), it.what.as_str())).collect()
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn int(name: &str) -> Value {
    let (format, minimum) = match name.split_at(1) {
        ("u", bits) => (format!("uint{bits}"), Some(0)),
        (_, bits) => (format!("int{bits}"), None),
    };
    let mut schema = json!({ "type": "integer", "format": format });
    if let Some(minimum) = minimum {
        schema["minimum"] = json!(minimum);
    }
    schema
}

fn text() -> Value {
    json!({ "type": "string" })
}

/// A change of a field `f`, and what is told of it: how bad, where in the field, and what.
type FieldCase = (Value, Value, Option<(Level, &'static str, &'static str)>);

fn check_field(cases: Vec<FieldCase>) {
    let definitions = json!({ "Line": object(json!({ "n": int("u8") }), &["n"]) });
    let of = |f: &Value| program(&object(json!({ "f": f }), &["f"]), &definitions);
    for (old, new, expected) in cases {
        let found = compare(&of(&old), &of(&new));
        match (expected, told(&found).as_slice()) {
            (None, []) => {}
            (Some((level, place, what)), [(found_level, found_place, found_what)]) => {
                let place = format!("cart.f{place}");
                assert_eq!((level, place.as_str()), (*found_level, *found_place), "{old} -> {new}");
                assert!(found_what.contains(what), "{old} -> {new}: {found_what}");
            }
            (_, found) => panic!("{old} -> {new}: {found:?}, not {expected:?}"),
        }
    }
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn map(of: Value) -> Value {
    json!({ "type": "object", "additionalProperties": of })
}

#[test]
fn numbers_may_grow_and_not_shrink() {
    let (double, single) = (
        json!({ "type": "number", "format": "double" }),
        json!({ "type": "number", "format": "float" }),
    );
    check_field(vec![
        (int("u8"), int("u8"), None),
        (int("u8"), int("u32"), None),
        (int("i32"), int("i64"), None),
        (int("u32"), int("i64"), None),
        (int("u32"), double.clone(), None),
        (int("u32"), int("u8"), Some((Incompatible, "", "was u32 and is u8"))),
        (int("u32"), int("i32"), Some((Incompatible, "", "was u32 and is i32"))),
        (int("i8"), int("u64"), Some((Incompatible, "", "was i8 and is u64"))),
        (int("u64"), int("u128"), Some((Incompatible, "", "was u64 and is u128"))),
        (int("u128"), int("u128"), None),
        (double.clone(), int("u32"), Some((Incompatible, "", "was f64 and is u32"))),
        (single.clone(), double.clone(), None),
        (double, single, Some((Incompatible, "", "was f64 and is f32"))),
    ]);
}

#[test]
fn other_types_and_options_are_told() {
    let nullable = |of: &str| json!({ "type": [of, "null"] });
    let line = json!({ "$ref": "#/$defs/Line" });
    let maybe_line = json!({ "anyOf": [line, { "type": "null" }] });
    let character = json!({ "type": "string", "minLength": 1, "maxLength": 1 });
    let uuid = json!({ "type": "string", "format": "uuid" });
    let no_option = "is no `Option` any more";
    check_field(vec![
        (int("u8"), text(), Some((Incompatible, "", "was u8 and is String"))),
        (text(), json!({ "type": "boolean" }), Some((Incompatible, "", "was String and is bool"))),
        (text(), uuid.clone(), Some((NotChecked, "", "is a text of another kind"))),
        (uuid.clone(), uuid, None),
        (character.clone(), text(), None),
        (text(), character, Some((Incompatible, "", "was String and is char"))),
        (text(), nullable("string"), None),
        (nullable("string"), nullable("string"), None),
        (nullable("string"), text(), Some((Incompatible, "", no_option))),
        (json!({ "type": "null" }), nullable("string"), None),
        (line.clone(), maybe_line.clone(), None),
        (maybe_line.clone(), maybe_line.clone(), None),
        (maybe_line, line, Some((Incompatible, "", no_option))),
        (text(), json!(true), None),
        (json!(true), text(), Some((Incompatible, "", "was any value and is String"))),
    ]);
}

#[test]
fn lists_and_maps_are_compared_inside() {
    let set = json!({ "type": "array", "items": int("u8"), "uniqueItems": true });
    let tuple = |items: &[Value]| {
        let len = items.len();
        json!({ "type": "array", "prefixItems": items, "minItems": len, "maxItems": len })
    };
    let numbered = |pattern: &str| {
        let patterns = json!({ pattern: text() });
        json!({ "type": "object", "additionalProperties": false, "patternProperties": patterns })
    };
    let (unsigned, signed) = (numbered("^\\d+$"), numbered("^-?\\d+$"));
    check_field(vec![
        (list(int("u8")), list(int("u16")), None),
        (list(int("u16")), list(int("u8")), Some((Incompatible, "[]", "was u16 and is u8"))),
        (list(int("u8")), set.clone(), Some((Warning, "", "was a list and is a set"))),
        (set, list(int("u8")), None),
        (tuple(&[int("u8"), text()]), tuple(&[int("u8"), text()]), None),
        (
            tuple(&[int("u8"), text()]),
            tuple(&[int("u8"), int("u8")]),
            Some((Incompatible, ".1", "was String and is u8")),
        ),
        (
            tuple(&[int("u8")]),
            tuple(&[int("u8"), text()]),
            Some((Incompatible, "", "had 1 items and has 2")),
        ),
        (
            list(text()),
            tuple(&[text()]),
            Some((Incompatible, "", "had any number of items and has 1")),
        ),
        (tuple(&[text()]), list(text()), None),
        (map(int("u8")), map(int("u8")), None),
        (map(int("u8")), map(text()), Some((Incompatible, ".*", "was u8 and is String"))),
        (
            map(text()),
            unsigned.clone(),
            Some((Incompatible, ".*", "was a map of texts and is a map of numbers")),
        ),
        (signed.clone(), unsigned.clone(), Some((Incompatible, ".*", "was a map of signed keys"))),
        (unsigned, signed, Some((NotChecked, ".*", "has keys whose size"))),
        (
            map(text()),
            object(json!({}), &[]),
            Some((Incompatible, "", "was a map and is a struct")),
        ),
        (object(json!({ "a": text() }), &["a"]), map(text()), None),
        (
            object(json!({ "a": text() }), &["a"]),
            map(int("u8")),
            Some((Incompatible, ".a", "was String and is u8")),
        ),
    ]);
}

#[test]
fn what_cannot_be_judged_is_named_and_never_compatible() {
    let unknown = json!({ "x-tenure-unknown": "chrono::Date" });
    let either = |of: [Value; 2]| json!({ "anyOf": of });
    let has_none = Some((NotChecked, "", "`chrono::Date` has no schema"));
    let flat = json!({ "type": "object", "x-tenure-unknown": "chrono::Date" });
    check_field(vec![
        (unknown.clone(), unknown.clone(), has_none),
        (text(), unknown.clone(), has_none),
        (unknown.clone(), text(), has_none),
        (unknown.clone(), json!(true), has_none),
        (list(unknown.clone()), json!(true), has_none),
        (flat.clone(), flat, has_none),
        (either([text(), unknown.clone()]), either([text(), unknown]), has_none),
        (either([text(), int("u8")]), either([text(), int("u8")]), None),
        (
            either([text(), int("u8")]),
            either([int("u8"), text()]),
            Some((NotChecked, "", "changed, and is of a form")),
        ),
        (text(), json!({ "not": text() }), Some((NotChecked, "", "changed, and is of a form"))),
    ]);
}

/// A cart whose lines have these properties.
fn line(properties: Value, required: &[&str]) -> Program {
    let lines = json!({ "type": "array", "items": { "$ref": "#/$defs/Line" } });
    let state = object(json!({ "lines": lines }), &["lines"]);
    program(&state, &json!({ "Line": object(properties, required) }))
}

#[test]
fn fields_that_come_and_go_are_told_with_what_to_do() {
    let old = || line(json!({ "item": text(), "qty": int("u32") }), &["item", "qty"]);
    let found = compare(&old(), &line(json!({ "item": text() }), &["item"]));
    assert_eq!(
        told(&found),
        [(Warning, "cart.lines[].qty", "is gone; what there is of it is dropped")]
    );

    let found = compare(
        &old(),
        &line(
            json!({ "item": text(), "qty": int("u32"), "note": text() }),
            &["item", "note", "qty"],
        ),
    );
    assert_eq!(
        told(&found),
        [(
            Incompatible,
            "cart.lines[].note",
            "is new and has no default: stored records do not have it"
        )]
    );
    assert!(found[0].advice.starts_with("add #[serde(default)], or raise"), "{}", found[0].advice);

    let found = compare(
        &old(),
        &line(json!({ "item": text(), "qty": int("u32"), "note": text() }), &["item", "qty"]),
    );
    assert!(found.is_empty(), "{found:?}");

    let renamed =
        |schema: Value| line(json!({ "item": text(), "count": schema }), &["count", "item"]);
    let found = compare(&old(), &renamed(int("u32")));
    assert_eq!(found[0].place, "cart.lines[].count");
    assert!(found[0].advice.contains("#[serde(alias = \"qty\")]"), "{}", found[0].advice);
    let mut aliased = int("u32");
    aliased["x-tenure-aliases"] = json!(["qty"]);
    assert!(compare(&old(), &renamed(aliased.clone())).is_empty());
    aliased["format"] = json!("uint8");
    assert_eq!(
        told(&compare(&old(), &renamed(aliased))),
        [(Incompatible, "cart.lines[].qty", "was u32 and is u8, which does not hold all of it")]
    );
}

#[test]
fn names_that_clash_and_fields_that_are_needed_are_told() {
    let old = || line(json!({ "item": text(), "qty": int("u32") }), &["item", "qty"]);
    let mut both = int("u32");
    both["x-tenure-aliases"] = json!(["item"]);
    let found = compare(&old(), &line(json!({ "qty": both }), &["qty"]));
    assert!(found.iter().any(|it| it.what.contains("is read as `qty`")), "{found:?}");

    let loose = line(json!({ "item": text(), "qty": int("u32") }), &["item"]);
    let found = compare(&loose, &old());
    assert_eq!(told(&found)[0].1, "cart.lines[].qty");
    assert!(found[0].what.starts_with("could be left out and is needed now"));

    let mut strict = object(json!({ "item": text() }), &["item"]);
    strict["additionalProperties"] = json!(false);
    let strict = program(
        &object(json!({ "lines": { "type": "array", "items": strict } }), &["lines"]),
        &json!({}),
    );
    assert_eq!(
        told(&compare(&old(), &strict)),
        [(Incompatible, "cart.lines[].qty", "is gone, and unknown names are refused")]
    );
}

/// An enum that is told by its property `kind`.
fn tagged(variants: &[(&str, Value)]) -> Value {
    let variant = |(name, of): &(&str, Value)| {
        let kind = json!({ "type": "string", "const": name });
        object(json!({ "kind": kind, "by": of }), &["kind", "by"])
    };
    json!({ "oneOf": variants.iter().map(variant).collect::<Vec<_>>() })
}

/// A cart with such an enum.
fn of(state: &Value) -> Program {
    program(&object(json!({ "at": state }), &["at"]), &json!({}))
}

#[test]
fn variants_are_compared_by_name_in_every_form_of_enum() {
    let external = |more: Vec<Value>| {
        let mut all = vec![
            json!({ "type": "string", "enum": ["Open", "Closed"] }),
            json!({ "type": "object", "properties": { "Paid": object(json!({ "by": text() }), &["by"]) }, "required": ["Paid"], "additionalProperties": false }),
        ];
        all.extend(more);
        json!({ "oneOf": all })
    };
    let units = |names: &[&str]| json!({ "type": "string", "enum": names });
    let newtype = |name: &str, of: Value| json!({ "type": "object", "properties": { name: of }, "required": [name], "additionalProperties": false });
    for (old, new, expected) in [
        (external(vec![]), external(vec![newtype("Late", int("u8"))]), None),
        (
            external(vec![newtype("Late", int("u8"))]),
            external(vec![]),
            Some("cart.at.Late the variant `Late` is gone"),
        ),
        (
            external(vec![newtype("Late", int("u16"))]),
            external(vec![newtype("Late", int("u8"))]),
            Some("cart.at.Late was u16 and is u8"),
        ),
        (
            external(vec![newtype("Late", int("u16"))]),
            external(vec![json!({ "type": "string", "const": "Late" })]),
            Some("cart.at.Late the variant `Late` holds its content otherwise"),
        ),
        (
            external(vec![newtype("Late", int("u16"))]),
            external(vec![
                json!({ "type": "object", "properties": { "Overdue": int("u16") }, "required": ["Overdue"], "x-tenure-aliases": ["Late"] }),
            ]),
            None,
        ),
        (units(&["A", "B"]), units(&["B", "A", "C"]), None),
        (units(&["A", "B"]), units(&["A"]), Some("cart.at.B the variant `B` is gone")),
        (units(&["A", "B"]), text(), None),
        (text(), units(&["A"]), Some("cart.at was String and is an enum")),
        (tagged(&[("a", text())]), tagged(&[("a", text()), ("b", text())]), None),
        (
            tagged(&[("a", text()), ("b", text())]),
            tagged(&[("a", text())]),
            Some("cart.at.b the variant `b` is gone"),
        ),
        (
            tagged(&[("a", text())]),
            tagged(&[("a", int("u8"))]),
            Some("cart.at.a.by was String and is u8"),
        ),
    ] {
        let found = compare(&of(&old), &of(&new));
        let told = found.iter().map(|it| format!("{} {}", it.place, it.what)).collect::<Vec<_>>();
        match (expected, told.as_slice()) {
            (None, []) => {}
            (Some(expected), [one]) => assert!(one.starts_with(expected), "{old} -> {new}: {one}"),
            (_, told) => panic!("{old} -> {new}: {told:?}, not {expected:?}"),
        }
    }
}

#[test]
fn unknown_variants_are_read_as_the_one_for_others() {
    let mut other = tagged(&[("a", text())]);
    other["oneOf"].as_array_mut().unwrap().push(json!({ "type": "object", "properties": { "kind": { "type": "string", "const": "rest" } }, "required": ["kind"], "x-tenure-other": true }));
    let found = compare(&of(&tagged(&[("a", text()), ("b", text())])), &of(&other));
    assert_eq!(
        told(&found),
        [(
            Warning,
            "cart.at.b",
            "the variant `b` is gone; it is read as the one that is #[serde(other)]"
        )]
    );
}

#[test]
fn types_that_hold_themselves_are_compared_once() {
    let tree = |leaf: Value| {
        let node = object(
            json!({ "leaf": leaf, "children": { "type": "array", "items": { "$ref": "#/$defs/Tree" } } }),
            &["children", "leaf"],
        );
        program(&json!({ "$ref": "#/$defs/Tree" }), &json!({ "Tree": node }))
    };
    assert!(compare(&tree(text()), &tree(text())).is_empty());
    assert_eq!(
        told(&compare(&tree(text()), &tree(int("u8")))),
        [(Incompatible, "cart.leaf", "was String and is u8")]
    );
    // Nested in itself without a name it ends as well.
    let mut deep = text();
    for _ in 0..80 {
        deep = json!({ "type": "array", "items": deep });
    }
    let deep = program(&deep, &json!({}));
    let found = compare(&deep, &deep);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].level, found[0].what.as_str()),
        (NotChecked, "is nested too deep to be compared")
    );
    // A definition that is nothing but itself.
    let round = program(
        &json!({ "$ref": "#/$defs/A" }),
        &json!({ "A": { "$ref": "#/$defs/B" }, "B": { "$ref": "#/$defs/A" } }),
    );
    compare(&round, &round);
}

/// A document of `cart` with these changes of its members.
fn cart(changes: Value) -> Program {
    let mut cart = json!({ "schema": 1, "persist": "write_through", "state": object(json!({ "n": int("u8") }), &["n"]), "methods": {} });
    cart.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    document(&cart)
}

#[test]
fn rules_of_the_type_are_compared() {
    let changed = object(json!({ "n": text() }), &["n"]);
    let with_upgrade = |read: Value| {
        let mut program = cart(json!({ "schema": 2, "state": changed }));
        program.types.get_mut("cart").unwrap().upgrades.insert(1, (read, serde_json::Map::new()));
        program
    };
    let old_state = object(json!({ "n": int("u8") }), &["n"]);
    let event = |name: &str| json!({ "type": "string", "enum": [name] });
    for (old, new, expected) in [
        (json!({}), cart(json!({ "persist": "write_behind" })), vec![]),
        (json!({ "persist": "volatile" }), cart(json!({})), vec![]),
        (json!({}), cart(json!({ "persist": "volatile" })), vec!["cart is volatile now"]),
        (
            json!({}),
            cart(json!({ "persist": "event_sourced" })),
            vec!["cart was write_through and is event_sourced"],
        ),
        (json!({ "schema": 2 }), cart(json!({})), vec!["cart its schema was 2 and is 1"]),
        (
            json!({}),
            cart(json!({ "schema": 2, "state": changed })),
            vec!["cart its schema was 1 and is 2, and nothing reads"],
        ),
        (json!({}), with_upgrade(old_state), vec![]),
        (json!({}), with_upgrade(changed.clone()), vec!["cart (schema 1).n was u8 and is String"]),
        (json!({}), cart(json!({ "state": changed })), vec!["cart.n was u8 and is String"]),
        (json!({ "event": event("A") }), cart(json!({ "event": event("A") })), vec![]),
        (
            json!({ "event": event("A") }),
            cart(json!({ "event": event("B") })),
            vec!["cart event.A the variant `A` is gone"],
        ),
        (
            json!({ "event": event("A") }),
            cart(json!({})),
            vec!["cart event the type has no events"],
        ),
    ] {
        let found = compare(&cart(old.clone()), &new);
        assert_eq!(found.len(), expected.len(), "{old}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            let told = format!("{} {}", found.place, found.what);
            assert!(told.starts_with(expected), "{old}: {told}");
        }
    }
    let none = Program::read(br#"{ "format": 1, "types": {} }"#).expect("a document");
    assert_eq!(told(&compare(&cart(json!({})), &none))[0].0, Incompatible);
    let volatile = cart(json!({ "persist": "volatile" }));
    assert_eq!(told(&compare(&volatile, &none))[0].0, BreaksCalls);
    assert!(compare(&none, &cart(json!({}))).is_empty());
    let unknown = cart(json!({ "state": { "x-tenure-unknown": "Cart" } }));
    assert_eq!(told(&compare(&none, &unknown)), [(NotChecked, "cart", "`Cart` has no schema")]);
}

#[test]
fn documents_are_written_the_same_and_damaged_ones_refused() {
    let state =
        object(json!({ "title": text(), "b": int("u8"), "a": int("u8") }), &["title", "a", "b"]);
    let program = program(&state, &json!({ "B": text(), "A": text() }));
    let text = program.write();
    let again = Program::read(text.as_bytes()).expect("what is written is read");
    assert_eq!(again, program);
    assert_eq!(again.write(), text);
    assert!(text.find("\"A\"") < text.find("\"B\"") && text.contains("\"title\""), "{text}");
    for (text, expected) in [
        ("", "is damaged"),
        ("{", "is damaged"),
        ("{}", "does not say its format"),
        (r#"{"format": 1}"#, "is damaged: missing field `types`"),
        (r#"{"format": 2, "types": 7}"#, "has format 2, this program knows format 1"),
    ] {
        let error = Program::read(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
