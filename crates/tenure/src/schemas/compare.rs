//! Compares two programs, type by type.

use serde_json::Value;

use super::change::{Change, Finding, Level, Subject};
use super::document::{MethodShape, Program, TypeShape};
use super::walk::{Rooted, walk};

/// What a program that is `new` cannot read or understand of what the `old` one stored and says, and
/// what cannot be told.
pub(crate) fn compare(old: &Program, new: &Program) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, old) in &old.types {
        let mut report = Report { type_name: name, findings: &mut findings };
        match new.types.get(name) {
            Some(new) => types(old, new, &mut report),
            None if old.is_stored() => report.tell(
                Level::Incompatible,
                name,
                "the program has this type no more: what is stored of its actors stays, and nobody \
                 reads it",
                "register the type again, or name the one that replaces it with #[actor(name = \"..\")]",
            ),
            None => report.tell(
                Level::BreaksCalls,
                name,
                "the program has this type no more",
                "register the type again",
            ),
        }
    }
    for (name, new) in new.types.iter().filter(|(name, _)| !old.types.contains_key(*name)) {
        // Nothing to compare with; what has no schema is still told.
        types(new, new, &mut Report { type_name: name, findings: &mut findings });
    }
    findings.sort_by(|a, b| (a.level, &a.place).cmp(&(b.level, &b.place)));
    findings.dedup();
    findings
}

struct Report<'a> {
    type_name: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Report<'_> {
    fn tell(&mut self, level: Level, place: &str, what: &str, advice: &str) {
        self.findings.push(Finding {
            level,
            type_name: self.type_name.to_owned(),
            place: place.to_owned(),
            what: what.to_owned(),
            advice: advice.to_owned(),
        });
    }

    /// Tells in what `old` cannot be read as `new`.
    fn walk(&mut self, subject: Subject, old: Rooted<'_>, new: Rooted<'_>, place: &str) {
        for found in walk(old, new, place) {
            self.change(subject, &found.change, &found.place);
        }
    }

    fn change(&mut self, subject: Subject, change: &Change, place: &str) {
        if let Some(level) = change.level(subject) {
            self.tell(level, place, &change.what(subject), &change.advice(subject));
        }
    }
}

fn types(old: &TypeShape, new: &TypeShape, report: &mut Report<'_>) {
    let name = report.type_name.to_owned();
    if old.is_stored() {
        stored(old, new, report);
    }
    if let Some(written) = &old.event {
        let place = format!("{name} event");
        match &new.event {
            Some(read) => report.walk(
                Subject::Event,
                (written, &old.definitions),
                (read, &new.definitions),
                &place,
            ),
            // Those who subscribed see none any more; the store forgets them.
            None => report.tell(Level::Warning, &place, "the type has no events any more", ""),
        }
    }
    for (method, old_method) in &old.methods {
        let place = format!("{name}.{method}");
        match new.methods.get(method) {
            Some(new_method) => methods((old, old_method), (new, new_method), &place, report),
            None => report.tell(
                Level::BreaksCalls,
                &place,
                "the method is gone: callers of the old program, and stored reminders, are refused",
                "keep it until nobody calls it",
            ),
        }
    }
}

/// What is stored: the state, by its schema.
fn stored(old: &TypeShape, new: &TypeShape, report: &mut Report<'_>) {
    let name = report.type_name.to_owned();
    let mut refuse =
        |what: &str, advice: &str| report.tell(Level::Incompatible, &name, what, advice);
    if !new.is_stored() {
        return refuse(
            "is volatile now: what is stored of its actors is not read any more",
            "keep `persist`, or give the volatile type another name",
        );
    }
    if old.is_event_sourced() != new.is_event_sourced() {
        let what = format!("was {} and is {}", old.persist, new.persist);
        return refuse(
            &format!("{what}: neither reads what the other stored"),
            "give the type another name, and move its actors with code that calls both",
        );
    }
    if new.schema < old.schema {
        let (old, new) = (old.schema, new.schema);
        return refuse(
            &format!(
                "its schema was {old} and is {new}: records of {old} are newer than the program"
            ),
            &format!("write #[actor(schema = {old})] or more"),
        );
    }
    let Some(written) = &old.state else { return };
    if new.schema == old.schema {
        if let Some(read) = &new.state {
            let (written, read) = ((written, &old.definitions), (read, &new.definitions));
            report.walk(Subject::State, written, read, &name);
        }
        return;
    }
    let from = old.schema;
    match new.upgrades.get(&from) {
        Some((read, definitions)) => {
            let place = format!("{name} (schema {from})");
            report.walk(Subject::State, (written, &old.definitions), (read, definitions), &place);
        }
        None => refuse(
            &format!(
                "its schema was {from} and is {}, and nothing reads records of {from}",
                new.schema
            ),
            &format!("write a function with #[upgrade(from = {from})]"),
        ),
    }
    if old.is_event_sourced() {
        report.tell(
            Level::Warning,
            &name,
            "its schema was raised, and events have no upgrades: they are read as they are",
            "",
        );
    }
}

fn methods(
    (old, old_method): (&TypeShape, &MethodShape),
    (new, new_method): (&TypeShape, &MethodShape),
    place: &str,
    report: &mut Report<'_>,
) {
    let mut broken =
        |what: &str, advice: &str| report.tell(Level::BreaksCalls, place, what, advice);
    if old_method.is_shared && !new_method.is_shared {
        broken(
            "was read-only and is not: GET is refused",
            "keep it, and add a method that changes",
        );
    }
    if !old_method.is_internal && new_method.is_internal {
        broken(
            "is internal now: callers over HTTP are refused",
            "keep it open until nobody calls it",
        );
    }
    let (takes, took) = (count(&new_method.arguments), count(&old_method.arguments));
    let is_called = !old_method.is_internal && !new_method.is_internal;
    // One argument is the body itself, two are an object of names, none is nothing.
    if is_called && takes != took && takes.min(took) < 2 {
        broken(
            &format!(
                "took {took} arguments and takes {takes}: callers over HTTP write them otherwise"
            ),
            "add a method beside it",
        );
    }
    let mut compare = |subject, old: Rooted<'_>, new: Rooted<'_>, what: &str| {
        report.walk(subject, old, new, &format!("{place} {what}"));
    };
    compare(
        Subject::Message,
        (&old_method.arguments, &old.definitions),
        (&new_method.arguments, &new.definitions),
        "argument",
    );
    // The new program writes replies, and callers of the old one read them.
    compare(
        Subject::Reply,
        (&new_method.reply, &new.definitions),
        (&old_method.reply, &old.definitions),
        "reply",
    );
    match (&old_method.error, &new_method.error) {
        (Some(read), Some(written)) => {
            let (written, read) = ((written, &new.definitions), (read, &old.definitions));
            compare(Subject::Reply, written, read, "error");
        }
        (None, Some(_)) => report.tell(
            Level::BreaksCalls,
            place,
            "can fail now: callers of the old program do not know its error",
            "add a method beside it",
        ),
        (_, None) => {}
    }
}

/// How many arguments there are.
fn count(arguments: &Value) -> usize {
    arguments.get("properties").and_then(Value::as_object).map_or(0, |all| all.len())
}

#[cfg(test)]
mod tests;
