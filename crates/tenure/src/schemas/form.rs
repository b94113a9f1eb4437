//! Reads a schema as `schemars` writes it into one of the forms that data has in serde.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tenure_actor::{ALIASES_KEYWORD, OTHER_KEYWORD, UNKNOWN_KEYWORD};

/// What schemas refer to as `#/$defs/..`.
pub(super) type Definitions = Map<String, Value>;

/// References that lead to references end here.
const HOPS_MAX: usize = 32;

/// What values a schema is of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Anything,
    Nothing,
    /// Its type has no schema.
    Unknown(String),
    Null,
    Boolean,
    Integer(Integer),
    Number {
        single: bool,
    },
    Text {
        format: Option<String>,
        is_character: bool,
    },
    List(List),
    Object(Object),
    Choice(Vec<Alternative>),
    /// Nothing of the above: only itself can be compared with it.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Integer {
    pub(super) name: String,
    pub(super) min: i128,
    pub(super) max: i128,
    /// 128 bits are stored as bytes.
    pub(super) is_wide: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct List {
    pub(super) first: Vec<Value>,
    pub(super) items: Option<Value>,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    pub(super) is_set: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) required: BTreeSet<String>,
    pub(super) others: Others,
    /// The values of a map whose keys are integers, and whether those have a sign.
    pub(super) numbered: Option<(bool, Value)>,
    /// What is flattened into it has no schema.
    pub(super) unknown: Option<String>,
}

/// What becomes of properties that are not named.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Others {
    #[default]
    Ignored,
    Refused,
    Of(Value),
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alternative {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    /// Unknown variants are read as this one.
    pub(super) is_other: bool,
    /// What it holds.
    pub(super) content: Option<Value>,
}

/// How a variant is told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unit,
    External,
    Tagged(String),
}

impl Object {
    /// A map: no name is known before.
    pub(super) fn is_map(&self) -> bool {
        self.properties.is_empty()
            && (self.numbered.is_some() || matches!(self.others, Others::Of(_)))
    }
}

/// The names under which a property is read as well.
pub(super) fn aliases(schema: &Value) -> Vec<String> {
    let all = schema.get(ALIASES_KEYWORD).and_then(Value::as_array);
    all.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The definition that a schema refers to, if it is nothing but a reference.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
    schema.get("properties").is_none().then_some(name)
}

/// What a schema refers to, together with what is written beside the reference.
pub(super) fn resolve(definitions: &Definitions, schema: &Value) -> Value {
    let mut schema = schema.clone();
    for _ in 0..HOPS_MAX {
        let Some(object) = schema.as_object_mut() else { break };
        let Some(Value::String(name)) = object.remove("$ref") else { break };
        let target = name.strip_prefix("#/$defs/").and_then(|name| definitions.get(name));
        let Some(target) = target else { return Value::Bool(false) };
        let beside = std::mem::take(object);
        schema = target.clone();
        merge(&mut schema, beside);
    }
    schema
}

fn merge(schema: &mut Value, beside: Map<String, Value>) {
    let Some(object) = schema.as_object_mut() else { return };
    for (key, value) in beside {
        match (object.get_mut(&key), value) {
            (Some(Value::Object(own)), Value::Object(more)) => own.extend(more),
            (Some(Value::Array(own)), Value::Array(more)) => own.extend(more),
            (Some(_), _) => {}
            (None, value) => {
                object.insert(key, value);
            }
        }
    }
}

/// The form of a schema, and whether null is among its values beside.
pub(super) fn read(definitions: &Definitions, schema: &Value) -> (Form, bool) {
    read_within(definitions, schema, HOPS_MAX)
}

fn read_within(definitions: &Definitions, schema: &Value, hops: usize) -> (Form, bool) {
    let schema = resolve(definitions, schema);
    let mut object = match schema {
        Value::Bool(true) => return (Form::Anything, false),
        Value::Object(object) => object,
        _ => return (Form::Nothing, false),
    };
    let is_nullable = take_null(&mut object);
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(all)) = object.get(key)
            && all.len() == 1
            && is_nullable
            && hops > 0
        {
            let (form, _) = read_within(definitions, &all[0], hops - 1);
            return (form, true);
        }
    }
    (form(definitions, &object), is_nullable)
}

/// Takes null out of what a schema allows.
fn take_null(object: &mut Map<String, Value>) -> bool {
    let is_null = |value: &Value| value.get("type").and_then(Value::as_str) == Some("null");
    let mut found = false;
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(all)) = object.get_mut(key) {
            let before = all.len();
            all.retain(|value| !is_null(value));
            found |= all.len() < before;
        }
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        let before = types.len();
        types.retain(|value| value != "null");
        found |= types.len() < before;
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        let before = values.len();
        values.retain(|value| !value.is_null());
        found |= values.len() < before;
    }
    found
}

/// What is written in a schema for people alone.
pub(super) const WORDS: [&str; 8] = [
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$schema",
];

/// What says something of values, and is read elsewhere.
const ELSEWHERE: [&str; 3] = [ALIASES_KEYWORD, OTHER_KEYWORD, UNKNOWN_KEYWORD];

fn form(definitions: &Definitions, object: &Map<String, Value>) -> Form {
    let has_only = |known: &[&str]| {
        let is_known =
            |key: &&str| known.contains(key) || ELSEWHERE.contains(key) || WORDS.contains(key);
        object.keys().all(|key| is_known(&key.as_str()))
    };
    let unknown = object.get(UNKNOWN_KEYWORD).and_then(Value::as_str);
    if let (Some(name), true) = (unknown, has_only(&[])) {
        return Form::Unknown(name.to_owned());
    }
    if has_only(&["type", "enum", "const"])
        && (object.contains_key("enum") || object.contains_key("const"))
    {
        return units(object).map_or(Form::Other, Form::Choice);
    }
    if has_only(&["oneOf"]) && object.contains_key("oneOf") {
        return choice(definitions, object).map_or(Form::Other, Form::Choice);
    }
    let Some(kind) = object.get("type").and_then(Value::as_str) else {
        return if has_only(&[]) { Form::Anything } else { Form::Other };
    };
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    match kind {
        "null" if has_only(&["type"]) => Form::Null,
        "boolean" if has_only(&["type"]) => Form::Boolean,
        "integer" if has_only(&["type", "format", "minimum", "maximum"]) => integer(object),
        "number" if has_only(&["type", "format"]) => {
            let format = object.get("format").and_then(Value::as_str);
            Form::Number { single: format == Some("float") }
        }
        "string" if has_only(&["type", "format", "minLength", "maxLength"]) => Form::Text {
            format: object.get("format").and_then(Value::as_str).map(str::to_owned),
            is_character: number("maxLength") == Some(1),
        },
        "array" => list(object, has_only),
        "object" => self::object(object, has_only),
        _ => Form::Other,
    }
}

fn list(object: &Map<String, Value>, has_only: impl Fn(&[&str]) -> bool) -> Form {
    if !has_only(&["type", "items", "prefixItems", "minItems", "maxItems", "uniqueItems"]) {
        return Form::Other;
    }
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    let first = object.get("prefixItems").and_then(Value::as_array);
    Form::List(List {
        first: first.cloned().unwrap_or_default(),
        items: object.get("items").cloned(),
        min: number("minItems").unwrap_or(0),
        max: number("maxItems"),
        is_set: object.get("uniqueItems") == Some(&Value::Bool(true)),
    })
}

fn object(object: &Map<String, Value>, has_only: impl Fn(&[&str]) -> bool) -> Form {
    const KNOWN: [&str; 6] = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "unevaluatedProperties",
        "patternProperties",
    ];
    if !has_only(&KNOWN) {
        return Form::Other;
    }
    let others =
        ["additionalProperties", "unevaluatedProperties"].iter().find_map(|it| object.get(*it));
    let mut numbered = None;
    if let Some(patterns) = object.get("patternProperties").and_then(Value::as_object) {
        let one = patterns.iter().next().filter(|_| patterns.len() == 1);
        numbered = match one {
            Some((pattern, value)) if pattern == r"^\d+$" => Some((false, value.clone())),
            Some((pattern, value)) if pattern == r"^-?\d+$" => Some((true, value.clone())),
            _ => return Form::Other,
        };
    }
    let properties = object.get("properties").and_then(Value::as_object);
    let required = object.get("required").and_then(Value::as_array);
    let unknown = object.get(UNKNOWN_KEYWORD).and_then(Value::as_str);
    Form::Object(Object {
        properties: properties.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        required: required
            .into_iter()
            .flatten()
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
        others: match others {
            None | Some(Value::Bool(true)) => Others::Ignored,
            Some(Value::Bool(false)) => Others::Refused,
            Some(schema) => Others::Of(schema.clone()),
        },
        numbered,
        unknown: unknown.map(str::to_owned),
    })
}

fn integer(object: &Map<String, Value>) -> Form {
    let format = object.get("format").and_then(Value::as_str).unwrap_or_default();
    let (name, min, max) = match format {
        "int8" => ("i8", i8::MIN.into(), i8::MAX.into()),
        "int16" => ("i16", i16::MIN.into(), i16::MAX.into()),
        "int32" => ("i32", i32::MIN.into(), i32::MAX.into()),
        "int64" => ("i64", i64::MIN.into(), i64::MAX.into()),
        "int" => ("isize", i64::MIN.into(), i64::MAX.into()),
        "int128" => ("i128", i128::MIN, i128::MAX),
        "uint8" => ("u8", 0, u8::MAX.into()),
        "uint16" => ("u16", 0, u16::MAX.into()),
        "uint32" => ("u32", 0, u32::MAX.into()),
        "uint64" => ("u64", 0, u64::MAX.into()),
        "uint" => ("usize", 0, u64::MAX.into()),
        "uint128" => ("u128", 0, i128::MAX),
        _ => ("an integer", i128::MIN, i128::MAX),
    };
    let number = |key: &str| {
        let value = object.get(key)?;
        value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
    };
    Form::Integer(Integer {
        name: name.to_owned(),
        min: number("minimum").map_or(min, |stated| stated.max(min)),
        max: number("maximum").map_or(max, |stated| stated.min(max)),
        is_wide: format.ends_with("128"),
    })
}

/// Variants that hold nothing.
fn units(object: &Map<String, Value>) -> Option<Vec<Alternative>> {
    let values = match (object.get("enum"), object.get("const")) {
        (Some(Value::Array(values)), _) => values.clone(),
        (None, Some(value)) => vec![value.clone()],
        _ => return None,
    };
    let schema = Value::Object(object.clone());
    let unit = |value: &Value| {
        Some(Alternative {
            kind: Kind::Unit,
            name: value.as_str()?.to_owned(),
            aliases: aliases(&schema),
            is_other: object.contains_key(OTHER_KEYWORD),
            content: None,
        })
    };
    values.iter().map(unit).collect()
}

fn choice(definitions: &Definitions, object: &Map<String, Value>) -> Option<Vec<Alternative>> {
    let mut found = Vec::new();
    for schema in object.get("oneOf")?.as_array()? {
        let resolved = resolve(definitions, schema);
        let object = resolved.as_object()?;
        if object.contains_key("enum") || object.contains_key("const") {
            found.extend(units(object)?);
            continue;
        }
        let (properties, required) =
            (object.get("properties")?.as_object()?, object.get("required")?.as_array()?);
        let tag = properties.iter().find(|(name, value)| {
            value.get("const").is_some_and(Value::is_string)
                && required.iter().any(|it| it == *name)
        });
        let (kind, name, content) = match tag {
            Some((tag, value)) => {
                let name = value.get("const")?.as_str()?.to_owned();
                (Kind::Tagged(tag.clone()), name, without(&resolved, tag))
            }
            None => match (properties.iter().next(), required.as_slice()) {
                (Some((name, value)), [one]) if properties.len() == 1 && one == name => {
                    (Kind::External, name.clone(), value.clone())
                }
                _ => return None,
            },
        };
        found.push(Alternative {
            kind,
            name,
            aliases: aliases(&resolved),
            is_other: object.contains_key(OTHER_KEYWORD),
            content: Some(content),
        });
    }
    Some(found)
}

/// An object without one of its properties.
fn without(schema: &Value, name: &str) -> Value {
    let mut schema = schema.clone();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(name);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|it| it != name);
    }
    schema
}

impl Form {
    /// In the words of a Rust programmer.
    pub(super) fn words(&self) -> String {
        match self {
            Form::Anything => "any value".to_owned(),
            Form::Nothing => "no value".to_owned(),
            Form::Unknown(name) => name.clone(),
            Form::Null => "()".to_owned(),
            Form::Boolean => "bool".to_owned(),
            Form::Integer(integer) => integer.name.clone(),
            Form::Number { single: true } => "f32".to_owned(),
            Form::Number { single: false } => "f64".to_owned(),
            Form::Text { is_character: true, .. } => "char".to_owned(),
            Form::Text { format: Some(format), .. } => format!("a text as {format}"),
            Form::Text { .. } => "String".to_owned(),
            Form::List(list) if list.is_set => "a set".to_owned(),
            Form::List(list) if list.first.is_empty() && list.max.is_none() => "a list".to_owned(),
            Form::List(list) => format!("a list of {}", list.max.unwrap_or(list.min)),
            Form::Object(object) if object.is_map() => "a map".to_owned(),
            Form::Object(_) => "a struct".to_owned(),
            Form::Choice(_) => "an enum".to_owned(),
            Form::Other => "something else".to_owned(),
        }
    }
}
