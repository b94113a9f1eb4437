//! `tenure feed`: what is kept of feeds, and their entries.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use crate::command_line::{FeedRead, FeedVerb, Reach};
use crate::failure::Failure;
use crate::http::{Port, Question, Server, escape};
use crate::screen::Screen;

/// How long a page is waited for with --follow, and how much longer its reply may take.
const WAIT: Duration = Duration::from_secs(30);
const REPLY: Duration = Duration::from_secs(15);

pub(crate) fn run(verb: &FeedVerb, reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    match verb {
        FeedVerb::Ls => {
            let page = Server::new(&reach.admin, Port::Admin)?.document("/admin/v1/feeds")?;
            screen.result(&page, || table(&page))
        }
        FeedVerb::Read(read) => read_all(&Server::new(&reach.url, Port::Calls)?, read, screen),
    }
}

fn table(page: &Value) -> String {
    let feeds = page["feeds"].as_array().map_or(&[][..], Vec::as_slice);
    if feeds.is_empty() {
        return "no feed yet: one begins with its first entry".to_owned();
    }
    let name = |feed: &Value| feed["name"].as_str().unwrap_or_default().to_owned();
    let width = feeds.iter().map(|feed| name(feed).len()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  {:>12}  {:>14}", "NAME", "ENTRIES", "BYTES");
    for feed in feeds {
        let (entries, bytes) = (&feed["entries"], &feed["bytes"]);
        let (entries, bytes) = (entries.to_string(), bytes.to_string());
        // Writing to a text does not fail.
        let _ = write!(text, "\n{:width$}  {entries:>12}  {bytes:>14}", name(feed));
    }
    text
}

/// Prints entries, each on a line of its own, and at the end where to go on.
fn read_all(server: &Server, read: &FeedRead, screen: &Screen) -> Result<(), Failure> {
    let mut after = read.after.clone();
    loop {
        let mut path = format!("/v1/_feeds/{}?limit={}", escape(&read.name), read.limit);
        if let Some(after) = &after {
            path.push_str(&format!("&after={}", escape(after)));
        }
        if read.follow {
            path.push_str(&format!("&wait={}s", WAIT.as_secs()));
        }
        let mut question = Question::new("GET", path);
        question.timeout = Some(WAIT + REPLY);
        let page = server.ask(&question)?.accepted()?;
        let page = page.json().ok_or_else(|| server.foreign())?;
        let entries = page["entries"].as_array().ok_or_else(|| server.foreign())?;
        let cursor = page["cursor"].as_str().ok_or_else(|| server.foreign())?;
        let mut lines = String::new();
        for entry in entries {
            let _ = match screen.is_json() {
                true => writeln!(lines, "{entry}"),
                false => {
                    let cell = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
                    let (version, data) = (&entry["version"], &entry["data"]);
                    writeln!(lines, "{}/{} {version} {data}", cell("type"), cell("key"))
                }
            };
        }
        screen.raw(lines.as_bytes())?;
        let has_more = page["more"].as_bool().unwrap_or(false);
        let goes_on = read.follow || (read.all && has_more);
        if !goes_on {
            screen.note(&format!("go on with --after {cursor}"));
            return Ok(());
        }
        after = Some(cursor.to_owned());
    }
}
