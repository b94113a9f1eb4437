//! Compares what was written under one schema with what is read under another, place by place.

mod choice;
mod object;

use std::collections::BTreeSet;

use serde_json::Value;

use super::change::Change;
use super::form::{Definitions, Form, Integer, List, read, reference};
use super::same::Same;

/// Schemas that are nested deeper are not followed.
const DEPTH_MAX: usize = 64;

/// A change, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: String,
    pub(super) change: Change,
}

/// One comparison, on its way.
pub(super) struct Walk<'a> {
    old: &'a Definitions,
    new: &'a Definitions,
    found: Vec<Found>,
    /// Pairs of definitions that were compared, or are being compared: types may hold themselves.
    seen: BTreeSet<(String, String)>,
    depth: usize,
}

/// A schema with what it refers to.
pub(super) type Rooted<'a> = (&'a Value, &'a Definitions);

/// Says in what `old` cannot be read as `new`. Places begin with `place`.
pub(super) fn walk(old: Rooted<'_>, new: Rooted<'_>, place: &str) -> Vec<Found> {
    let mut walk =
        Walk { old: old.1, new: new.1, found: Vec::new(), seen: BTreeSet::new(), depth: 0 };
    walk.schemas(old.0, new.0, place);
    walk.found
}

impl Walk<'_> {
    fn tell(&mut self, place: &str, change: Change) {
        self.found.push(Found { place: place.to_owned(), change });
    }

    fn schemas(&mut self, old: &Value, new: &Value, place: &str) {
        if let (Some(old), Some(new)) = (reference(old), reference(new))
            && !self.seen.insert((old.to_owned(), new.to_owned()))
        {
            return;
        }
        if self.depth >= DEPTH_MAX {
            return self.tell(place, Change::Unjudged("is nested too deep to be compared"));
        }
        self.depth += 1;
        let (old_form, old_null) = read(self.old, old);
        let (new_form, new_null) = read(self.new, new);
        if let (Form::Unknown(name), _) | (_, Form::Unknown(name)) = (&old_form, &new_form) {
            self.tell(place, Change::Unknown(name.clone()));
        } else {
            let takes_null = new_null || matches!(new_form, Form::Anything | Form::Null);
            if old_null && !takes_null {
                self.tell(place, Change::NotNull);
            }
            let becomes_some = old_form == Form::Null && new_null;
            if !becomes_some {
                self.forms((old, &old_form), (new, &new_form), place);
            }
        }
        self.depth -= 1;
    }

    fn forms(
        &mut self,
        (old_schema, old): (&Value, &Form),
        (new_schema, new): (&Value, &Form),
        place: &str,
    ) {
        match (old, new) {
            (Form::Other, _) | (_, Form::Other) => self.others(old_schema, new_schema, place),
            (Form::Nothing, _) | (Form::Anything, Form::Anything) => {}
            (_, Form::Anything) => self.only_unknowns(old_schema, place),
            (Form::Null, Form::Null) | (Form::Boolean, Form::Boolean) => {}
            (Form::Integer(old), Form::Integer(new)) => self.integers(old, new, place),
            (Form::Integer(old), Form::Number { .. }) if !old.is_wide => {}
            (Form::Number { single: old }, Form::Number { single: new }) => {
                if *new && !old {
                    self.tell(place, narrowed("f64", "f32"));
                }
            }
            (
                Form::Text { format: old_format, is_character: old_one },
                Form::Text { format: new_format, is_character: new_one },
            ) => {
                if old_format != new_format {
                    let why =
                        "is a text of another kind, whose stored form these rules do not know";
                    self.tell(place, Change::Unjudged(why));
                } else if *new_one && !old_one {
                    self.tell(place, narrowed("String", "char"));
                }
            }
            (Form::List(old), Form::List(new)) => self.lists(old, new, place),
            (Form::Object(old), Form::Object(new)) => self.objects(old, new, place),
            (Form::Choice(old), Form::Choice(new)) => self.choices(old, new, place),
            (Form::Choice(all), Form::Text { format: None, is_character: false })
                if all.iter().all(|it| it.content.is_none()) => {}
            _ => self.tell(place, Change::Type { from: old.words(), to: new.words() }),
        }
    }

    /// Anything is read; what has no schema is still named.
    fn only_unknowns(&mut self, old: &Value, place: &str) {
        let mut same = Same::default();
        same.check((old, self.old), (old, self.old));
        for name in same.unknown {
            self.tell(place, Change::Unknown(name));
        }
    }

    fn others(&mut self, old: &Value, new: &Value, place: &str) {
        let mut same = Same::default();
        if !same.check((old, self.old), (new, self.new)) {
            let why =
                "changed, and is of a form that these rules do not judge (untagged or flattened)";
            return self.tell(place, Change::Unjudged(why));
        }
        for name in same.unknown {
            self.tell(place, Change::Unknown(name));
        }
    }

    fn integers(&mut self, old: &Integer, new: &Integer, place: &str) {
        let (from, to) = (old.name.clone(), new.name.clone());
        if old.is_wide != new.is_wide {
            self.tell(place, Change::Type { from, to });
        } else if old.min < new.min || old.max > new.max || (old.is_wide && from != to) {
            self.tell(place, Change::Narrowed { from, to });
        }
    }

    fn lists(&mut self, old: &List, new: &List, place: &str) {
        let fits =
            old.min >= new.min && new.max.is_none_or(|new| old.max.is_some_and(|old| old <= new));
        if !fits {
            let count = |list: &List| match (list.min, list.max) {
                (min, Some(max)) if min == max => max.to_string(),
                (0, None) => "any number of".to_owned(),
                (min, None) => format!("{min} or more"),
                (min, Some(max)) => format!("{min} to {max}"),
            };
            return self.tell(place, Change::Length { from: count(old), to: count(new) });
        }
        let nothing = Value::Bool(true);
        for (at, item) in old.first.iter().enumerate() {
            let read_as = new.first.get(at).or(new.items.as_ref()).unwrap_or(&nothing);
            self.schemas(item, read_as, &format!("{place}.{at}"));
        }
        let Some(items) = &old.items else { return };
        for (at, read_as) in new.first.iter().enumerate().skip(old.first.len()) {
            self.schemas(items, read_as, &format!("{place}.{at}"));
        }
        if let Some(read_as) = &new.items {
            self.schemas(items, read_as, &format!("{place}[]"));
        }
        if new.is_set && !old.is_set {
            self.tell(place, Change::Set);
        }
    }
}

fn narrowed(from: &str, to: &str) -> Change {
    Change::Narrowed { from: from.to_owned(), to: to.to_owned() }
}

#[cfg(test)]
mod tests;
