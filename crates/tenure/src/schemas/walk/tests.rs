//! Laws: what is called compatible is read, and nothing is incompatible with itself.
//!
//! Types are drawn at random, changed at random, and values of the old one are read as the new one by
//! serde's rules, which are written down here a second time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::schemas::change::{Level, Subject};

#[derive(Clone, Debug, PartialEq)]
enum Model {
    Integer(&'static str, i64, i64),
    Float,
    Boolean,
    Text,
    Option(Box<Model>),
    List(Box<Model>),
    Pair(Box<Model>, Box<Model>),
    Map(Box<Model>),
    /// Fields by name, and whether a missing one has a default.
    Struct(BTreeMap<String, (Model, bool)>),
    /// Variants by name, and what they hold.
    Enum(BTreeMap<String, Option<Model>>),
}

const INTEGERS: [Model; 4] = [
    Model::Integer("uint8", 0, 255),
    Model::Integer("uint32", 0, 4_294_967_295),
    Model::Integer("int16", -32_768, 32_767),
    Model::Integer("int64", i64::MIN, i64::MAX),
];

/// Draws numbers from a seed; proptest makes the seed small, and the case can be run again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn model(&mut self, depth: usize) -> Model {
        let inner = |draw: &mut Self| Box::new(draw.model(depth - 1));
        match self.below(if depth == 0 { 7 } else { 13 }) {
            0..4 => INTEGERS[self.below(4)].clone(),
            4 => Model::Float,
            5 => Model::Boolean,
            6 => Model::Text,
            7 => match self.model(depth - 1) {
                // serde does not tell `Some(None)` from `None`.
                already @ Model::Option(_) => already,
                other => Model::Option(Box::new(other)),
            },
            8 => Model::List(inner(self)),
            9 => Model::Pair(inner(self), inner(self)),
            10 => Model::Map(inner(self)),
            11 => {
                let names = ["a", "b", "c"].into_iter().filter(|_| self.below(3) > 0);
                let names: Vec<_> = names.collect();
                let field =
                    |name: &str| (name.to_owned(), (self.model(depth - 1), self.below(3) == 0));
                Model::Struct(names.into_iter().map(field).collect())
            }
            _ => {
                let variant = |name: &str| {
                    let held = (self.below(2) == 0).then(|| self.model(depth - 1));
                    (name.to_owned(), held)
                };
                Model::Enum(["A", "B"].into_iter().map(variant).collect())
            }
        }
    }

    /// The model with a few changes in it.
    fn changed(&mut self, model: &Model, depth: usize) -> Model {
        if self.below(8) == 0 {
            return self.model(depth);
        }
        let depth = depth.saturating_sub(1);
        let inside = |draw: &mut Self, inner: &Model| Box::new(draw.changed(inner, depth));
        match model {
            Model::Integer(..) if self.below(4) == 0 => INTEGERS[self.below(4)].clone(),
            Model::Text | Model::Boolean | Model::Struct(_) if self.below(6) == 0 => {
                Model::Option(Box::new(model.clone()))
            }
            Model::Option(inner) if self.below(6) == 0 => (**inner).clone(),
            Model::Option(inner) => match *inside(self, inner) {
                already @ Model::Option(_) => already,
                other => Model::Option(Box::new(other)),
            },
            Model::List(inner) => Model::List(inside(self, inner)),
            Model::Pair(first, second) => Model::Pair(inside(self, first), inside(self, second)),
            Model::Map(inner) => Model::Map(inside(self, inner)),
            Model::Struct(fields) => {
                let mut fields = fields.clone();
                for (field, has_default) in fields.values_mut() {
                    *field = *inside(self, field);
                    *has_default ^= self.below(6) == 0;
                }
                if self.below(4) == 0 {
                    fields.insert("d".to_owned(), (self.model(0), self.below(2) == 0));
                }
                if self.below(4) == 0 {
                    fields.pop_first();
                }
                Model::Struct(fields)
            }
            Model::Enum(variants) => {
                let mut variants = variants.clone();
                variants.values_mut().flatten().for_each(|held| *held = *inside(self, held));
                if self.below(4) == 0 {
                    variants.insert("C".to_owned(), None);
                }
                if self.below(6) == 0 && variants.len() > 1 {
                    variants.pop_first();
                }
                Model::Enum(variants)
            }
            other => other.clone(),
        }
    }

    fn value(&mut self, model: &Model) -> Value {
        match model {
            Model::Integer(_, min, max) => match self.below(3) {
                0 => json!(min),
                1 => json!(max),
                _ => json!(7),
            },
            Model::Float => json!(0.5),
            Model::Boolean => json!(true),
            Model::Text => json!("text"),
            Model::Option(_) if self.below(2) == 0 => Value::Null,
            Model::Option(inner) => self.value(inner),
            Model::List(inner) => (0..self.below(3)).map(|_| self.value(inner)).collect(),
            Model::Pair(first, second) => json!([self.value(first), self.value(second)]),
            Model::Map(inner) => {
                (0..self.below(3)).map(|n| (n.to_string(), self.value(inner))).collect()
            }
            Model::Struct(fields) => {
                let mut object = Map::new();
                for (name, (field, has_default)) in fields {
                    // What has a default may have been added after the record was stored.
                    if !has_default || self.below(2) == 0 {
                        object.insert(name.clone(), self.value(field));
                    }
                }
                Value::Object(object)
            }
            Model::Enum(variants) => {
                let nth = self.below(variants.len());
                let (name, held) = variants.iter().nth(nth).expect("below its length");
                match held {
                    None => json!(name),
                    Some(held) => json!({ name.clone(): self.value(held) }),
                }
            }
        }
    }
}

impl Model {
    fn schema(&self) -> Value {
        match self {
            Model::Integer(format, ..) => json!({ "type": "integer", "format": format }),
            Model::Float => json!({ "type": "number", "format": "double" }),
            Model::Boolean => json!({ "type": "boolean" }),
            Model::Text => json!({ "type": "string" }),
            Model::Option(inner) => json!({ "anyOf": [inner.schema(), { "type": "null" }] }),
            Model::List(inner) => json!({ "type": "array", "items": inner.schema() }),
            Model::Pair(first, second) => json!({
                "type": "array",
                "prefixItems": [first.schema(), second.schema()],
                "minItems": 2,
                "maxItems": 2,
            }),
            Model::Map(inner) => {
                json!({ "type": "object", "additionalProperties": inner.schema() })
            }
            Model::Struct(fields) => {
                let properties: Map<_, _> = fields
                    .iter()
                    .map(|(name, (field, _))| (name.clone(), field.schema()))
                    .collect();
                let is_needed = |(field, has_default): &(Model, bool)| {
                    !has_default && !matches!(field, Model::Option(_))
                };
                let required: Vec<_> = fields
                    .iter()
                    .filter(|(_, field)| is_needed(field))
                    .map(|(name, _)| name)
                    .collect();
                json!({ "type": "object", "properties": properties, "required": required })
            }
            Model::Enum(variants) => {
                let variant = |(name, held): (&String, &Option<Model>)| match held {
                    None => json!({ "type": "string", "const": name }),
                    Some(held) => json!({
                        "type": "object",
                        "properties": { name.clone(): held.schema() },
                        "required": [name],
                        "additionalProperties": false,
                    }),
                };
                json!({ "oneOf": variants.iter().map(variant).collect::<Vec<_>>() })
            }
        }
    }

    /// Whether serde reads `value` as this.
    fn reads(&self, value: &Value) -> bool {
        match (self, value) {
            (Model::Integer(_, min, max), Value::Number(number)) => {
                number.as_i64().is_some_and(|number| (*min..=*max).contains(&number))
            }
            (Model::Float, Value::Number(_))
            | (Model::Boolean, Value::Bool(_))
            | (Model::Text, Value::String(_))
            | (Model::Option(_), Value::Null) => true,
            (Model::Option(inner), value) => inner.reads(value),
            (Model::List(inner), Value::Array(all)) => all.iter().all(|it| inner.reads(it)),
            (Model::Pair(first, second), Value::Array(all)) => {
                matches!(all.as_slice(), [a, b] if first.reads(a) && second.reads(b))
            }
            (Model::Map(inner), Value::Object(all)) => all.values().all(|it| inner.reads(it)),
            (Model::Struct(fields), Value::Object(all)) => {
                fields.iter().all(|(name, (field, has_default))| match all.get(name) {
                    Some(value) => field.reads(value),
                    None => *has_default || matches!(field, Model::Option(_)),
                })
            }
            (Model::Enum(variants), Value::String(name)) => variants.get(name) == Some(&None),
            (Model::Enum(variants), Value::Object(all)) => {
                all.iter().all(|(name, value)| match variants.get(name) {
                    Some(Some(held)) => held.reads(value),
                    _ => false,
                })
            }
            _ => false,
        }
    }
}

fn found(old: &Model, new: &Model) -> Vec<Found> {
    let none = Definitions::new();
    walk((&old.schema(), &none), (&new.schema(), &none), "it")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_compatible_is_read(seed: u64) {
        let mut draw = Draw(seed);
        let old = draw.model(3);
        let new = draw.changed(&old, 3);
        let found = found(&old, &new);
        let is_doubted = found.iter().any(|it| {
            !matches!(it.change.level(Subject::State), Some(Level::Warning) | None)
        });
        for _ in 0..16 {
            let value = draw.value(&old);
            prop_assert!(old.reads(&value), "{old:?} reads its own {value}");
            prop_assert!(is_doubted || new.reads(&value), "{old:?} -> {new:?}: {value}");
        }
    }

    #[test]
    fn nothing_is_incompatible_with_itself(seed: u64) {
        let model = Draw(seed).model(4);
        prop_assert_eq!(found(&model, &model), vec![]);
    }

    #[test]
    fn a_field_that_is_needed_and_new_is_found_wherever_it_is(seed: u64) {
        let mut draw = Draw(seed);
        let held = Model::Struct(BTreeMap::from([("a".to_owned(), (draw.model(1), false))]));
        let mut more = held.clone();
        let Model::Struct(fields) = &mut more else { unreachable!() };
        fields.insert("new".to_owned(), (Model::Text, false));
        let (mut old, mut new, mut place) = (held, more, String::new());
        for _ in 0..draw.below(5) {
            let (wrap, step): (fn(Box<Model>) -> Model, &str) = match draw.below(4) {
                0 => (Model::List, "[]"),
                1 => (Model::Map, ".*"),
                2 => (|it| Model::Struct(BTreeMap::from([("f".to_owned(), (*it, false))])), ".f"),
                _ => (|it| Model::Enum(BTreeMap::from([("V".to_owned(), Some(*it))])), ".V"),
            };
            (old, new) = (wrap(Box::new(old)), wrap(Box::new(new)));
            place = format!("{step}{place}");
        }
        let found = found(&old, &new);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(&found[0].place, &format!("it{place}.new"));
    }
}
