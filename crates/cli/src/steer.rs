//! `tenure drain`, `cordon` and `uncordon`: what a node is told, through its admin server.

use serde_json::json;

use crate::command_line::Reach;
use crate::failure::Failure;
use crate::http::{Port, Question, Server};
use crate::screen::Screen;

pub(crate) fn drain(reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    tell(reach, "drain")?;
    screen.result(&json!({ "draining": true }), || {
        "it drains: its actors move to others, then it stops".to_owned()
    })
}

pub(crate) fn cordon(reach: &Reach, screen: &Screen, is_cordoned: bool) -> Result<(), Failure> {
    tell(reach, if is_cordoned { "cordon" } else { "uncordon" })?;
    screen.result(&json!({ "cordoned": is_cordoned }), || {
        let said = match is_cordoned {
            true => "it takes no new actors; those that live there stay",
            false => "it takes new actors again",
        };
        said.to_owned()
    })
}

fn tell(reach: &Reach, what: &str) -> Result<(), Failure> {
    let server = Server::new(&reach.admin, Port::Admin)?;
    server.ask(&Question::new("POST", format!("/admin/v1/node/{what}")))?.accepted().map(drop)
}
