//! A call as a request.

use std::io::Read;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::command_line::Call;
use crate::failure::Failure;

/// The longest that a node lets a call take, and some time to say so.
const PATIENCE: Duration = Duration::from_secs(660);
/// How much longer than its deadline a call's answer is waited for.
const GRACE: Duration = Duration::from_secs(10);
/// The argument, checked: an error at home is clearer than one from afar.
pub(super) fn read_argument(call: &Call) -> Result<Option<String>, Failure> {
    let Some(argument) = &call.argument else { return Ok(None) };
    let mut text = argument.clone();
    if argument == "-" {
        text.clear();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    }
    let checked: Result<&RawValue, _> = serde_json::from_str(&text);
    if let Err(error) = checked {
        let quoted = serde_json::to_string(&text).expect("text is JSON");
        let quoted = quoted.replace('\'', r"'\''");
        let advice = match text.trim_start().starts_with(['{', '[', '"']) {
            true => "in a shell, put JSON into single quotes: '{\"count\": 2}'".to_owned(),
            false => format!("if a text is meant, write '{quoted}'"),
        };
        let text = format!("the argument is no JSON: {error}");
        return Err(Failure::usage(text).advice(advice));
    }
    Ok(Some(text))
}

pub(super) fn headers(call: &Call) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if call.durable && !call.send {
        headers.push(("prefer", "wait=durable".to_owned()));
    }
    if let Some(key) = &call.idempotency_key {
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if key.is_empty() || key.len() > 256 || !key.bytes().all(fits) {
            let text = "--key takes 1 to 256 visible ASCII characters, none a quote or backslash";
            return Err(Failure::usage(text));
        }
        headers.push(("idempotency-key", key.clone()));
    }
    if let Some(deadline) = call.deadline {
        headers.push(("connect-timeout-ms", deadline.as_millis().to_string()));
    }
    if let Some(tag) = &call.if_match {
        let bare = tag.trim_matches('"');
        let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        if bare != "*" && (bare.is_empty() || !bare.bytes().all(fits)) {
            return Err(Failure::usage("--if-match takes a tag as 0000002a-17, or *")
                .advice("-v shows the tag of a reply as etag"));
        }
        let tag = if bare == "*" { bare.to_owned() } else { format!("\"{bare}\"") };
        headers.push(("if-match", tag));
    }
    Ok(headers)
}

/// How long to wait for an answer. The node keeps the deadline; this is for one that cannot.
pub(super) fn timeout(call: &Call) -> Duration {
    call.deadline.map_or(PATIENCE, |deadline| deadline.saturating_add(GRACE).min(PATIENCE))
}

pub(super) fn sending(call: &Call) -> String {
    let delay = call.delay.map(|delay| format!("delay={}ms", delay.as_millis()));
    let durable = call.durable.then(|| "durable=true".to_owned());
    let wishes: Vec<String> = delay.into_iter().chain(durable).collect();
    match wishes.is_empty() {
        true => String::new(),
        false => format!("?{}", wishes.join("&")),
    }
}
