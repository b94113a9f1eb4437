use super::Walk;
use crate::schemas::change::Change;
use crate::schemas::form::{Alternative, Kind};

impl Walk<'_> {
    pub(super) fn choices(&mut self, old: &[Alternative], new: &[Alternative], place: &str) {
        for alternative in old {
            let name = &alternative.name;
            let place = format!("{place}.{name}");
            let Some(read_as) = find(new, name) else {
                let other = new.iter().find(|it| it.is_other && is_tagged_alike(it, alternative));
                let change = match other {
                    Some(_) => Change::Other(name.clone()),
                    None => Change::Variant(name.clone()),
                };
                self.tell(&place, change);
                continue;
            };
            if read_as.kind != alternative.kind {
                self.tell(&place, Change::VariantForm(name.clone()));
            } else if let (Some(old), Some(new)) = (&alternative.content, &read_as.content) {
                self.schemas(old, new, &place);
            }
        }
    }
}

fn find<'a>(all: &'a [Alternative], name: &str) -> Option<&'a Alternative> {
    all.iter()
        .find(|it| it.name == *name)
        .or_else(|| all.iter().find(|it| it.aliases.iter().any(|alias| alias == name)))
}

/// Only a variant that is told by its tag alone can be read as another one.
fn is_tagged_alike(other: &Alternative, alternative: &Alternative) -> bool {
    match (&other.kind, &alternative.kind) {
        (Kind::Tagged(other), Kind::Tagged(tag)) => other == tag,
        (Kind::Unit, Kind::Unit) => true,
        _ => false,
    }
}
