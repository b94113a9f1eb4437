//! `tenure doctor`: what is wrong with a node or its machine, and what to do.

mod finding;
mod folder;
mod limits;
mod node;
mod ports;
mod records;

use serde::Serialize;

use crate::command_line::{Doctor, Reach};
use crate::failure::Failure;
use crate::http::{Port, Server};
use crate::screen::Screen;
use finding::{Finding, Level};

#[derive(Serialize)]
struct Report {
    ok: bool,
    findings: Vec<Finding>,
}

pub(crate) fn run(doctor: &Doctor, reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    let calls = Server::new(&reach.url, Port::Calls)?;
    let admin = Server::new(&reach.admin, Port::Admin)?;
    if doctor.live {
        return live(&admin, screen);
    }
    let mut findings = node::check(&calls, &admin);
    findings.extend(records::check(&admin));
    findings.push(ports::check(&calls, "calls port", CALLS_OPEN));
    findings.push(ports::check(&admin, "admin port", ADMIN_OPEN));
    match admin.is_here() {
        true => {
            let folder = folder::find(doctor.data.as_deref());
            findings.extend(folder::check(folder.as_deref()));
            findings.extend(limits::check(folder.as_deref()));
        }
        false => {
            let why = "the node is on another machine; run the doctor there";
            findings.push(Finding::skipped("machine", why));
        }
    }
    let broken = findings.iter().filter(|it| it.level == Level::Broken).count();
    let report = Report { ok: broken == 0, findings };
    screen.result(&report, || describe(&report))?;
    if report.ok { Ok(()) } else { Err(Failure::said()) }
}

fn live(admin: &Server, screen: &Screen) -> Result<(), Failure> {
    match node::ask(admin, "/livez")?.status {
        200 => screen.result(&serde_json::json!({ "live": true }), || "live".to_owned()),
        _ => Err(Failure::new("the node is not live: its runtime does not tick")
            .advice("look for handlers that loop or wait without await; then restart the node")),
    }
}

const CALLS_OPEN: &str = "whoever reaches it can call every method, unless the program has an authorisation hook: \
                          put a proxy with TLS before it, or listen on 127.0.0.1";
const ADMIN_OPEN: &str = "it asks nobody who they are, and it deletes actors and hands out backups: listen on 127.0.0.1 \
                          (--admin-listen), or keep the network private";

fn describe(report: &Report) -> String {
    let mut lines = Vec::new();
    for Finding { check, level, found, todo } in &report.findings {
        let word = match level {
            Level::Ok => "ok",
            Level::Skipped => "-",
            Level::Warning => "warning",
            Level::Broken => "BROKEN",
        };
        lines.push(format!("{word:<8} {check}: {found}"));
        lines.extend(todo.as_ref().map(|todo| format!("         -> {todo}")));
    }
    let count = |level| report.findings.iter().filter(|it| it.level == level).count();
    let (broken, warnings) = (count(Level::Broken), count(Level::Warning));
    lines.push(match (broken, warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        _ => format!("broken: {broken}, warnings: {warnings}"),
    });
    lines.join("\n")
}
