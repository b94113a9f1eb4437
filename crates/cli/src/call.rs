//! `tenure call`: one call, one message, or a look again and again.

mod reply;
mod request;
mod watch;

use crate::command_line::{Call, Reach};
use crate::failure::Failure;
use crate::http::{Port, Question, Server, actor_path, escape};
use crate::screen::Screen;
use reply::{answered, show, show_headers};
use request::{headers, read_argument, sending, timeout};

pub(crate) fn run(call: &Call, reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    let server = Server::new(&reach.url, Port::Calls)?;
    let argument = read_argument(call)?;
    let path = format!("/v1/{}/{}", actor_path(&call.type_name, &call.key)?, method(call)?);
    if let Some(period) = call.watch {
        return watch::run(&server, call, &path, argument.as_deref(), period, screen);
    }
    let mut question = Question::new("POST", path);
    question.body = Some(argument.as_deref().unwrap_or_default().as_bytes());
    question.headers = headers(call)?;
    question.timeout = Some(timeout(call));
    if call.send {
        question.path.push_str("/send");
        question.path.push_str(&sending(call));
    }
    let reply = server.ask(&question)?;
    if call.verbose {
        show_headers(&reply, screen);
    }
    let reply = reply.accepted()?;
    if call.send && reply.status == 202 {
        let text = match (call.durable, call.delay) {
            (true, _) => "stored: it will be delivered",
            (false, Some(_)) => "kept by the node until its time has come",
            (false, None) => "sent",
        };
        return screen.result(&answered(&reply, None), || text.to_owned());
    }
    show(&reply, &server, screen)
}

fn method(call: &Call) -> Result<String, Failure> {
    match call.method.as_str() {
        "" => Err(Failure::usage("a call names a method")),
        method => Ok(escape(method)),
    }
}
