//! What the program shows: its first lines, and its log.
#![expect(clippy::print_stderr, reason = "this file is the program's voice on its terminal")]

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tenure_actor::{ActorType, ArgumentSchema, MethodSchemas, Shape};
use tracing_subscriber::EnvFilter;

use super::service::Service;
use crate::config::{LogFormat, Settings};
use crate::node::stores;
use crate::{Error, Node, Result};

/// The development mode.
pub(super) struct Dev {
    /// The stored actors were deleted first.
    pub(super) fresh: bool,
}

/// Deletes the stored actors; `false` if there were none.
pub(super) fn wipe(settings: &Settings) -> Result<bool> {
    if settings.store_url.is_some() {
        let place = stores::place(settings);
        let what = format!(
            "--fresh deletes only an embedded store, and actors are in {place}; delete the schema there yourself"
        );
        return Err(Error::Usage(what.into()));
    }
    tenure_store_embedded::wipe(&settings.store_path)
        .map(|_| true)
        .map_err(|error| Error::Start(Error::chain(&error)))
}

pub(super) fn print(text: &str) {
    // Whoever reads may stop reading, as `head` does: that is no error of the program's.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Ends a check that could not be made.
pub(super) fn end_unchecked(error: &Error) -> ! {
    eprintln!("Error: {error}");
    std::process::exit(2);
}

/// Ends a node of several that cannot go on. Nobody may be left to read why.
pub(super) fn gone(why: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "Error: {why}");
    std::process::exit(1);
}

/// Ends a process that was started as a sentinel and has done what it is for.
pub(super) fn end_as_sentinel() -> ! {
    std::process::exit(0)
}

/// Logs to stderr: what `RUST_LOG` says, else what a person wants to see.
pub(super) fn start_logging(format: LogFormat, dev: bool) {
    // The embedded engine tells of every file it opens; a person wants to hear of trouble only.
    let quiet = "info,fjall=warn,lsm_tree=warn";
    let default = if dev { format!("{quiet},tenure_gateway=debug") } else { quiet.to_owned() };
    let wished = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|it| !it.trim().is_empty());
    let (filter, wrong) = match wished.map(EnvFilter::try_new) {
        None => (EnvFilter::new(default), None),
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(default), Some(error)),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Somebody who embeds the program may have set up logging already.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if let Some(error) = wrong {
        tracing::warn!(%error, "RUST_LOG cannot be read and is not used; write it as info,access=off");
    }
}

/// Says that the node serves, and what to try.
pub(super) fn ready(
    node: &Node,
    settings: &Settings,
    service: &Service,
    dev: Option<&Dev>,
    took: Duration,
) {
    let (calls, admin) = (service.calls_address(), service.admin_address());
    let version = env!("CARGO_PKG_VERSION");
    let data = stores::place(settings);
    let kept = match dev {
        None => "",
        Some(Dev { fresh: true }) => " (fresh)",
        Some(Dev { fresh: false }) => " (kept; --fresh to wipe)",
    };
    let types: Vec<_> =
        node.types().iter().map(|it| format!("{} v{}", it.name, it.schema)).collect();
    say(&format!("tenure {version}   data {data}{kept}   types: {}", types.join(", ")));
    say(&format!(
        "{} ready in {:.1} s   try: {}",
        node.name(),
        took.as_secs_f64(),
        node.types().iter().find_map(|it| example(it, calls)).unwrap_or_default()
    ));
    say(&ready_line(service.scheme(), calls, admin));
    if dev.is_some() {
        say(&format!("dashboard on http://{admin}/   ctrl-c to stop"));
    }
}

/// What a node says when it serves. Other programs read it, too.
fn ready_line(scheme: &str, calls: SocketAddr, admin: SocketAddr) -> String {
    format!("ready: calls on {scheme}://{calls}, admin on http://{admin}")
}

/// The addresses in what a node says when it serves: for calls, and of its admin server.
pub(super) fn ready_addresses(line: &str) -> Option<(String, String)> {
    let (calls, admin) = line.strip_prefix("ready: calls on ")?.split_once(", admin on http://")?;
    let (_, calls) = calls.split_once("://")?;
    Some((calls.to_owned(), admin.to_owned()))
}

pub(super) fn stopping(signal: &str, budget: Duration) {
    print(&stopping_line(signal, budget));
}

pub(super) fn stopping_line(signal: &str, budget: Duration) -> String {
    format!("{signal}: stopping; what is in flight has {} s\n", budget.as_secs())
}

/// The name of one node of several.
pub(super) fn node_name(number: u32) -> String {
    format!("node-{number}")
}

/// A line of one node of several.
pub(super) fn line_of_node(number: u32, line: &str) -> String {
    format!("node-{number} | {line}\n")
}

/// Prints a line. A node serves, and above all stops in good order, although nobody reads it any more.
fn say(line: &str) {
    print(&format!("{line}\n"));
}

/// A command that calls a method of a type, as far as possible one that needs no thought: it reads, or
/// takes one plain value.
fn example(actor_type: &ActorType, calls: SocketAddr) -> Option<String> {
    let schemas = actor_type.schemas();
    let called = schemas.methods.iter().filter(|it| !it.internal);
    let described = called.filter_map(|it| Some((it, body(it)?)));
    let (method, body) = described.min_by_key(|(it, _)| match it.shape {
        Shape::One { .. } => 0,
        Shape::None if !it.exclusive => 1,
        Shape::None | Shape::Named(_) => 2,
    })?;
    let path = format!("{calls}/v1/{}/42/{}", actor_type.name, method.name);
    Some(match method.shape {
        Shape::None if !method.exclusive => format!("curl -w '\\n' {path}"),
        _ => format!("curl -w '\\n' -d {body} {path}"),
    })
}

/// A body that the method understands; `None` where nobody knows one.
fn body(method: &MethodSchemas) -> Option<String> {
    let value = |argument: &ArgumentSchema| match argument.schema.get("type")?.as_str()? {
        "integer" | "number" => Some("5"),
        "string" if argument.schema.get("format").is_none() => Some("\"text\""),
        "boolean" => Some("true"),
        _ => None,
    };
    match method.shape {
        Shape::None => Some("''".to_owned()),
        Shape::One { .. } => {
            let value = value(method.arguments.first()?)?;
            Some(if value == "5" { value.to_owned() } else { format!("'{value}'") })
        }
        Shape::Named(_) => {
            let fields: Option<Vec<_>> = method
                .arguments
                .iter()
                .map(|it| Some(format!("\"{}\": {}", it.name, value(it)?)))
                .collect();
            Some(format!("'{{{}}}'", fields?.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_node_serves_is_read_from_what_it_says() {
        let (calls, admin) = (([127, 0, 0, 1], 7070).into(), ([127, 0, 0, 1], 7071).into());
        for scheme in ["http", "https"] {
            let read = ready_addresses(&ready_line(scheme, calls, admin));
            assert_eq!(read, Some((calls.to_string(), admin.to_string())));
        }
        assert_eq!(ready_addresses("ready: never"), None);
    }
}
