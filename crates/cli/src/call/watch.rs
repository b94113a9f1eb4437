//! `tenure call --watch`: a method that only reads, again and again.

use std::time::Duration;

use serde_json::Value;

use super::reply::{show, show_headers};
use super::request::{headers, timeout};
use crate::command_line::Call;
use crate::failure::Failure;
use crate::http::{Question, Reply, Server, escape};
use crate::screen::Screen;

/// Asks until interrupted, and prints a reply that is another than the one before.
///
/// A node that goes away is waited for, once it has answered at all.
pub(super) fn run(
    server: &Server,
    call: &Call,
    path: &str,
    argument: Option<&str>,
    period: Duration,
    screen: &Screen,
) -> Result<(), Failure> {
    let path = format!("{path}{}", query(argument)?);
    let mut tag: Option<String> = None;
    let mut shown: Option<Vec<u8>> = None;
    let mut is_away = false;
    loop {
        let mut question = Question::new("GET", path.clone());
        question.headers = headers(call)?;
        question.headers.extend(tag.clone().map(|tag| ("if-none-match", tag)));
        question.timeout = Some(timeout(call));
        match server.ask(&question).and_then(known_or_accepted) {
            Ok(reply) => {
                is_away = false;
                tag = reply.header("etag").map(str::to_owned).or(tag);
                // A state may change and the reply stay the same.
                if reply.status != 304 && shown.as_ref() != Some(&reply.body) {
                    if call.verbose {
                        show_headers(&reply, screen);
                    }
                    show(&reply, server, screen)?;
                    shown = Some(reply.body);
                }
            }
            Err(failure) if shown.is_none() || !may_pass(&failure) => return Err(failure),
            Err(failure) => {
                if !std::mem::replace(&mut is_away, true) {
                    screen.note(&format!("{}; waiting for it", failure.text));
                }
            }
        }
        std::thread::sleep(period);
    }
}

fn known_or_accepted(reply: Reply) -> Result<Reply, Failure> {
    if reply.status == 304 { Ok(reply) } else { reply.accepted() }
}

/// Whether asking again may help: a node that is away comes back, a method that is missing does not.
fn may_pass(failure: &Failure) -> bool {
    let Some(problem) = &failure.problem else { return failure.exit == crate::failure::FAILED };
    let is_retryable = problem.get("retryable").and_then(Value::as_bool) == Some(true);
    // Nothing was changed by a read, so one whose outcome is unknown may be made again.
    is_retryable || problem.get("outcome").and_then(Value::as_str) == Some("unknown")
}

/// Named arguments as a query.
fn query(argument: Option<&str>) -> Result<String, Failure> {
    let value = argument.map(|text| serde_json::from_str(text).expect("it was read before"));
    let named = match value {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(Value::Object(named)) => named,
        Some(_) => {
            return Err(Failure::usage("with --watch an argument has its name")
                .advice("write it as '{\"floor\": 3}'"));
        }
    };
    let pairs: Vec<String> = named
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Array(_) | Value::Object(_) | Value::Null => {
                    let text = format!("with --watch `{name}` can only be a plain value");
                    return Err(Failure::usage(text));
                }
                value => value.to_string(),
            };
            Ok(format!("{}={}", escape(name), escape(&value)))
        })
        .collect::<Result<_, _>>()?;
    Ok(if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) })
}
