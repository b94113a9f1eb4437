//! Whether two schemas are the same, whatever their form, and what in them is unknown.

use std::collections::BTreeSet;

use serde_json::Value;
use tenure_actor::UNKNOWN_KEYWORD;

use super::form::{Definitions, reference};

/// Compares two schemas word by word, and what they refer to likewise.
#[derive(Default)]
pub(super) struct Same {
    seen: BTreeSet<(String, String)>,
    /// The types in them that have no schema.
    pub(super) unknown: BTreeSet<String>,
}

impl Same {
    pub(super) fn check(
        &mut self,
        (old, old_definitions): (&Value, &Definitions),
        (new, new_definitions): (&Value, &Definitions),
    ) -> bool {
        for (schema, _) in [(old, old_definitions), (new, new_definitions)] {
            let name = schema.get(UNKNOWN_KEYWORD).and_then(Value::as_str);
            self.unknown.extend(name.map(str::to_owned));
        }
        match (old, new) {
            (Value::Array(old), Value::Array(new)) => {
                old.len() == new.len()
                    && old.iter().zip(new).all(|(old, new)| {
                        self.check((old, old_definitions), (new, new_definitions))
                    })
            }
            (Value::Object(old_object), Value::Object(new_object)) => {
                if !self.follow((old, old_definitions), (new, new_definitions)) {
                    return false;
                }
                old_object.len() == new_object.len()
                    && old_object.iter().all(|(key, old)| {
                        key == "$ref"
                            || new_object.get(key).is_some_and(|new| {
                                self.check((old, old_definitions), (new, new_definitions))
                            })
                    })
            }
            _ => old == new,
        }
    }

    fn follow(
        &mut self,
        (old, old_definitions): (&Value, &Definitions),
        (new, new_definitions): (&Value, &Definitions),
    ) -> bool {
        let (old, new) = match (reference(old), reference(new)) {
            (None, None) => return old.get("$ref") == new.get("$ref"),
            (Some(old), Some(new)) => (old, new),
            _ => return false,
        };
        if !self.seen.insert((old.to_owned(), new.to_owned())) {
            return true;
        }
        match (old_definitions.get(old), new_definitions.get(new)) {
            (Some(old), Some(new)) => self.check((old, old_definitions), (new, new_definitions)),
            _ => false,
        }
    }
}
