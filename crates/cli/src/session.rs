//! `tenure session`: open WebSockets and event streams, through the admin server.

use serde_json::{Value, json};

use crate::actor::{aligned, cell};
use crate::command_line::{Kick, Reach, SessionLs, SessionVerb};
use crate::failure::Failure;
use crate::http::{Port, Question, Server, escape};
use crate::screen::Screen;

const HEAD: [&str; 5] = ["ID", "USER", "PROTOCOL", "PEER", "AGE"];

pub(crate) fn run(verb: &SessionVerb, reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    let server = Server::new(&reach.admin, Port::Admin)?;
    match verb {
        SessionVerb::Ls(ls) => list(&server, ls, screen),
        SessionVerb::Kick(kick) => end(&server, kick, screen),
    }
}

fn list(server: &Server, ls: &SessionLs, screen: &Screen) -> Result<(), Failure> {
    let mut path = format!("/admin/v1/sessions?limit={}", ls.limit);
    for (name, value) in [("user", &ls.user), ("after", &ls.after)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    let page = server.document(path)?;
    let sessions = page["sessions"].as_array().ok_or_else(|| server.foreign())?;
    if screen.is_json() {
        return screen.raw(format!("{page}\n").as_bytes());
    }
    if sessions.is_empty() {
        screen.note("no such session is open");
        return Ok(());
    }
    let mut table = vec![HEAD.map(str::to_owned).to_vec()];
    table.extend(sessions.iter().map(line));
    screen.raw(aligned(&table, &mut Vec::new()).as_bytes())?;
    if let Some(next) = page["next"].as_str() {
        screen.note(&format!("there are more: add --after '{next}'"));
    }
    Ok(())
}

fn line(session: &Value) -> Vec<String> {
    let shown = ["id", "user", "protocol", "peer"].map(|name| cell(&session[name]));
    let age = format!("{}s", cell(&session["age_seconds"]));
    shown.into_iter().chain([age]).collect()
}

fn end(server: &Server, kick: &Kick, screen: &Screen) -> Result<(), Failure> {
    let path = match (&kick.user, &kick.id) {
        (Some(user), _) => format!("/admin/v1/sessions?user={}", escape(user)),
        (None, Some(id)) if !id.is_empty() => format!("/admin/v1/sessions/{}", escape(id)),
        _ => {
            return Err(Failure::usage("say which session, or whose")
                .advice("`tenure session ls` lists them; --user NAME ends all of one user"));
        }
    };
    let reply = server.ask(&Question::new("DELETE", path))?.accepted()?;
    let ended = match (&kick.user, reply.json()) {
        (None, _) => 1,
        (Some(_), page) => {
            let ended = page.as_ref().and_then(|page| page["ended"].as_u64());
            ended.ok_or_else(|| server.foreign())?
        }
    };
    screen.result(&json!({ "ended": ended }), || match ended {
        1 => "1 session is ended".to_owned(),
        ended => format!("{ended} sessions are ended"),
    })
}
