use serde_json::Value;

use super::Walk;
use crate::schemas::change::Change;
use crate::schemas::form::{Object, Others, aliases};
use crate::schemas::same::Same;

impl Walk<'_> {
    pub(super) fn objects(&mut self, old: &Object, new: &Object, place: &str) {
        if let Some(name) = old.unknown.as_ref().or(new.unknown.as_ref()) {
            self.tell(place, Change::Unknown(name.clone()));
        }
        match (old.is_map(), new.is_map()) {
            (true, true) => self.maps(old, new, place),
            (true, false) => self.tell(place, words("a map", "a struct")),
            (false, true) if new.numbered.is_some() => self.tell(place, words("a struct", "a map")),
            (false, _) => self.structs(old, new, place),
        }
    }

    fn maps(&mut self, old: &Object, new: &Object, place: &str) {
        let place = format!("{place}.*");
        match (&old.numbered, &new.numbered) {
            (None, None) => {}
            (Some((old_sign, old)), Some((new_sign, new))) => {
                if *old_sign && !new_sign {
                    let (from, to) = ("a map of signed keys".into(), "one of unsigned ones".into());
                    return self.tell(&place, Change::Narrowed { from, to });
                }
                let why = "has keys whose size in bits is not in the schema";
                self.tell(&place, Change::Unjudged(why));
                return self.schemas(old, new, &place);
            }
            (old, _) => {
                let (from, to) = ("a map of numbers", "a map of texts");
                let change = if old.is_some() { words(from, to) } else { words(to, from) };
                return self.tell(&place, change);
            }
        }
        if let (Others::Of(old), Others::Of(new)) = (&old.others, &new.others) {
            self.schemas(old, new, &place);
        }
    }

    fn structs(&mut self, old: &Object, new: &Object, place: &str) {
        let mut read = Vec::new();
        for (name, schema) in &old.properties {
            let place = format!("{place}.{name}");
            let Some((now, read_as)) = find(new, name) else {
                match &new.others {
                    Others::Ignored => self.tell(&place, Change::Dropped),
                    Others::Refused => self.tell(&place, Change::Refused),
                    Others::Of(others) => self.schemas(schema, others, &place),
                }
                continue;
            };
            if read.contains(&now) {
                self.tell(&place, Change::Twice(now.clone()));
                continue;
            }
            read.push(now);
            if new.required.contains(now) && !old.required.contains(name) {
                self.tell(&place, Change::Required);
            }
            self.schemas(schema, read_as, &place);
        }
        for (name, schema) in &new.properties {
            if new.required.contains(name) && !read.contains(&name) {
                let perhaps = self.former_name(old, new, schema);
                self.tell(&format!("{place}.{name}"), Change::Missing { perhaps });
            }
        }
        if let Others::Of(rest) = &old.others {
            match &new.others {
                Others::Of(new) => self.schemas(rest, new, &format!("{place}.*")),
                _ => self.tell(place, Change::Unjudged("has a map flattened into it no more")),
            }
        }
    }

    /// The one property that is gone and looks as this one.
    fn former_name(&self, old: &Object, new: &Object, schema: &Value) -> Option<String> {
        let gone = old.properties.iter().filter(|(name, _)| find(new, name).is_none());
        let mut alike =
            gone.filter(|(_, gone)| Same::default().check((gone, self.old), (schema, self.new)));
        match (alike.next(), alike.next()) {
            (Some((name, _)), None) => Some(name.clone()),
            _ => None,
        }
    }
}

/// The property that a name is read as: its own, or one that has it as an alias.
fn find<'a>(object: &'a Object, name: &str) -> Option<(&'a String, &'a Value)> {
    object.properties.get_key_value(name).or_else(|| {
        object.properties.iter().find(|(_, schema)| aliases(schema).iter().any(|it| it == name))
    })
}

fn words(from: &str, to: &str) -> Change {
    Change::Type { from: from.to_owned(), to: to.to_owned() }
}
