//! `tenure actor`: actors live and stored, through the admin server.

mod table;

use std::fmt::Write;

use serde_json::{Value, json};

use crate::command_line::{Actor, ActorVerb, Ls, Reach};
use crate::failure::Failure;
use crate::http::{Port, Question, Server, actor_path, escape};
use crate::screen::Screen;
pub(crate) use table::{aligned, cell};
use table::{table, utc};

pub(crate) fn run(verb: &ActorVerb, reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    let server = Server::new(&reach.admin, Port::Admin)?;
    match verb {
        ActorVerb::Ls(ls) => list(&server, ls, screen),
        ActorVerb::Get(actor) => get(&server, actor, screen),
        ActorVerb::Deactivate(actor) => {
            let path = format!("{}/deactivate", path(actor)?);
            let mut question = Question::new("POST", path);
            question.body = Some(b"");
            server.ask(&question)?.accepted()?;
            let Actor { type_name, key } = actor;
            let done = json!({ "type": type_name, "key": key, "deactivated": true });
            screen.result(&done, || format!("{type_name}/{key} is not in memory"))
        }
        ActorVerb::Delete { actor, yes } => delete(&server, actor, *yes, screen),
    }
}

fn path(actor: &Actor) -> Result<String, Failure> {
    Ok(format!("/admin/v1/actors/{}", actor_path(&actor.type_name, &actor.key)?))
}

fn get(server: &Server, actor: &Actor, screen: &Screen) -> Result<(), Failure> {
    let page = server.document(path(actor)?)?;
    screen.result(&page, || one(&page))
}

/// One actor for a person.
fn one(page: &Value) -> String {
    let mut text = format!("{}/{}\n", cell(&page["type"]), cell(&page["key"]));
    for part in ["live", "stored"] {
        let _ = match &page[part] {
            Value::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .filter(|(name, _)| !["key", "next_reminders"].contains(&name.as_str()))
                    .map(|(name, value)| format!("{}={}", name.replace('_', "-"), cell(value)))
                    .collect();
                writeln!(text, "{part}: {}", members.join(" "))
            }
            _ => writeln!(text, "{part}: no"),
        };
    }
    text.push_str(&reminders(&page["stored"]));
    match &page["error"] {
        Value::String(error) => text.push_str(&format!("state: not readable: {error}")),
        _ => {
            let state = serde_json::to_string_pretty(&page["state"]).expect("it came as JSON");
            text.push_str(&format!("state: {state}"));
        }
    }
    text
}

/// What waits with an actor, a line each.
fn reminders(stored: &Value) -> String {
    let mut text = String::new();
    let listed = stored["next_reminders"].as_array().map_or(&[][..], Vec::as_slice);
    for reminder in listed {
        let due = reminder["due_at_ms"].as_u64().map_or_else(String::new, utc);
        let every = match reminder["every_ms"].as_u64() {
            Some(ms) => format!(", every {} s", ms as f64 / 1_000.0),
            None => String::new(),
        };
        let calls = match &reminder["error"] {
            Value::String(error) => format!("not readable: {error}"),
            _ => format!("calls {}", cell(&reminder["method"])),
        };
        text.push_str(&format!("reminder {}: {calls} at {due}{every}\n", cell(&reminder["name"])));
    }
    let more = stored["reminders"].as_u64().unwrap_or(0).saturating_sub(listed.len() as u64);
    if more > 0 {
        text.push_str(&format!("and {more} later ones\n"));
    }
    text
}

fn delete(server: &Server, actor: &Actor, yes: bool, screen: &Screen) -> Result<(), Failure> {
    let path = path(actor)?;
    let Actor { type_name, key } = actor;
    if !yes {
        let question = format!("delete {type_name}/{key} with all its events and reminders?");
        match screen.ask(&question) {
            Some(true) => {}
            Some(false) => {
                return Err(Failure::new("nothing was deleted").advice("answer y if it is meant"));
            }
            None => {
                return Err(Failure::usage("nobody can be asked; nothing was deleted")
                    .advice("say --yes if it is meant"));
            }
        }
    }
    server.ask(&Question::new("DELETE", path))?.accepted()?;
    let done = json!({ "type": type_name, "key": key, "deleted": true });
    screen.result(&done, || format!("{type_name}/{key} is deleted"))
}

fn list(server: &Server, ls: &Ls, screen: &Screen) -> Result<(), Failure> {
    let mut after = ls.after.clone();
    let mut is_first = true;
    let mut widths = Vec::new();
    loop {
        let page = page(server, ls, after.as_deref())?;
        let actors = page["actors"].as_array().ok_or_else(|| server.foreign())?;
        let next = page["next"].as_str();
        let goes_on = ls.all && next.is_some();
        if screen.is_json() {
            print_json(actors, next, is_first, goes_on, screen)?;
        } else if is_first && actors.is_empty() {
            let which = if ls.stored { "stored" } else { "in memory" };
            screen.note(&format!("no {} is {which}", ls.type_name));
        } else {
            screen.raw(table(actors, ls.stored, is_first, &mut widths).as_bytes())?;
        }
        match next {
            Some(next) if goes_on => after = Some(next.to_owned()),
            Some(next) => {
                // The store cannot tell without reading on.
                let are = if ls.stored { "may be" } else { "are" };
                screen.note(&format!("there {are} more: add --all, or --after '{next}'"));
                return Ok(());
            }
            None => return Ok(()),
        }
        is_first = false;
    }
}

/// One document, however many pages it has: they are not kept in memory together.
fn print_json(
    actors: &[Value],
    next: Option<&str>,
    is_first: bool,
    goes_on: bool,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut text = String::new();
    if is_first {
        text.push_str("{\"actors\":[");
    }
    for (index, actor) in actors.iter().enumerate() {
        if !is_first || index > 0 {
            text.push(',');
        }
        text.push_str(&actor.to_string());
    }
    if !goes_on {
        text.push_str(&format!("],\"next\":{}}}\n", json!(next)));
    }
    screen.raw(text.as_bytes())
}

fn page(server: &Server, ls: &Ls, after: Option<&str>) -> Result<Value, Failure> {
    if ls.type_name.is_empty() {
        return Err(Failure::usage("say which type, as in `tenure actor ls counter`"));
    }
    let mut path = format!("/admin/v1/actors?type={}&limit={}", escape(&ls.type_name), ls.limit);
    if ls.stored {
        path.push_str("&stored=true");
    }
    if let Some(after) = after {
        path.push_str(&format!("&after={}", escape(after)));
    }
    server.document(path)
}
