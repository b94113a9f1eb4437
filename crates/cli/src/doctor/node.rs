//! What the node itself answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::finding::Finding;
use crate::failure::Failure;
use crate::http::{Question, Reply, Server};

/// A node that needs longer to say how it is does not serve either.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far clocks may be apart before times in logs and reminders mislead.
const SKEW_MAX_SECONDS: u64 = 5;
/// 2025-01-01: no clock that is right shows an earlier time.
const EARLIEST_SECONDS: u64 = 1_735_689_600;

pub(super) fn check(calls: &Server, admin: &Server) -> Vec<Finding> {
    let page = ask(admin, "/admin/v1/node").and_then(|reply| {
        let reply = reply.accepted()?;
        let page = reply.json().filter(|page| page["version"].is_string());
        Ok((page.ok_or_else(|| admin.foreign())?, reply))
    });
    let called = ask(calls, "/v1/");
    let node = page.as_ref().ok().and_then(|(page, _)| page["node"].as_str());
    let mut findings = vec![calls_finding(calls, called, node)];
    match page {
        Err(failure) => findings.push(broken("admin", &failure)),
        Ok((page, reply)) => {
            findings
                .push(Finding::ok("admin", format!("{} answers; {}", admin.base(), told(&page))));
            findings.push(version(&page));
            findings.extend(health(admin));
            findings.extend(feeds(admin));
            findings.push(clock(&reply));
        }
    }
    findings
}

/// What is kept of feeds; nothing where the node has none, or is too old to tell.
fn feeds(admin: &Server) -> Option<Finding> {
    let page = ask(admin, "/admin/v1/feeds").ok()?.accepted().ok()?.json()?;
    let feeds = page["feeds"].as_array().filter(|feeds| !feeds.is_empty())?;
    let name = |feed: &Value| feed["name"].as_str().unwrap_or("?").to_owned();
    let damaged = feeds.iter().filter(|feed| feed["error"].is_string());
    let damaged: Vec<_> = damaged.map(name).collect();
    let bytes: u64 = feeds.iter().filter_map(|feed| feed["bytes"].as_u64()).sum();
    let found = format!("{} with {bytes} bytes", feeds.len());
    Some(match damaged.is_empty() {
        true => Finding::ok("feeds", found),
        false => {
            let found = format!("{found}; damaged: {}", damaged.join(", "));
            Finding::warning(
                "feeds",
                found,
                "`tenure feed read NAME` names the entry; restore a backup",
            )
        }
    })
}

pub(super) fn ask(server: &Server, path: &str) -> Result<Reply, Failure> {
    server.ask(&Question { timeout: Some(PATIENCE), ..Question::new("GET", path) })
}

fn broken(check: &'static str, failure: &Failure) -> Finding {
    let todo = failure.advice_text().unwrap_or("look into the node's log");
    Finding::broken(check, &failure.text, todo)
}

fn calls_finding(calls: &Server, called: Result<Reply, Failure>, node: Option<&str>) -> Finding {
    const CHECK: &str = "calls";
    let reply = match called {
        Ok(reply) => reply,
        Err(failure) => return broken(CHECK, &failure),
    };
    let name = reply.json().and_then(|problem| Some(problem.get("node")?.as_str()?.to_owned()));
    match (name, node) {
        (None, _) => broken(CHECK, &calls.foreign()),
        (Some(_), _) if reply.status == 503 => {
            let failure = reply.accepted().err().unwrap_or_else(|| calls.foreign());
            broken(CHECK, &failure)
        }
        (Some(name), Some(node)) if name != node => Finding::warning(
            CHECK,
            format!("{} is node {name}, but the admin server is that of {node}", calls.base()),
            "name two ports of one node with --url and --admin",
        ),
        (Some(name), _) => Finding::ok(CHECK, format!("{} answers; node {name}", calls.base())),
    }
}

fn told(page: &Value) -> String {
    let types = page["types"].as_array().map_or(0, Vec::len);
    let uptime = page["uptime_seconds"].as_f64().unwrap_or_default();
    format!(
        "node {}, incarnation {}, up {uptime:.0} s, store {}, {types} actor type{}",
        page["node"].as_str().unwrap_or("?"),
        page["incarnation"],
        page["store"].as_str().unwrap_or("?"),
        if types == 1 { "" } else { "s" },
    )
}

fn version(page: &Value) -> Finding {
    let (own, node) = (env!("CARGO_PKG_VERSION"), page["version"].as_str().unwrap_or_default());
    match own == node {
        true => Finding::ok("versions", format!("the node and this command are {own}")),
        false => Finding::warning(
            "versions",
            format!("the node is {node}, this command {own}"),
            "install the command of the node's version",
        ),
    }
}

fn health(admin: &Server) -> Vec<Finding> {
    let live = match ask(admin, "/livez").map(|reply| reply.status) {
        Ok(200) => Finding::ok("live", "its runtime ticks"),
        Ok(_) | Err(_) => Finding::broken(
            "live",
            "its runtime does not tick: a handler blocks every thread, or the machine stands still",
            "look for handlers that loop or wait without await; then restart the node",
        ),
    };
    let ready = match ask(admin, "/readyz") {
        Err(failure) => vec![broken("ready", &failure)],
        Ok(reply) if reply.status == 200 => vec![Finding::ok("ready", "it takes calls")],
        Ok(reply) => unready(&reply.json().unwrap_or_default()),
    };
    std::iter::once(live).chain(ready).collect()
}

fn unready(page: &Value) -> Vec<Finding> {
    let reasons = page["reasons"].as_array().cloned().unwrap_or_default();
    let finding = |reason: &Value| {
        let condition = reason["condition"].as_str().unwrap_or("?");
        let todo = match condition {
            "starting" => "wait; a start after a crash reads the journals first",
            "draining" => "it was told to stop: start another, or wait for its restart",
            "store" => "look at the disk: is it full, does it fail? the node tries again by itself",
            _ => "look into the node's log",
        };
        let text = reason["reason"].as_str().unwrap_or("it says no more");
        Finding::broken("ready", format!("{condition}: {text}"), todo)
    };
    match reasons.is_empty() {
        true => vec![Finding::broken("ready", "it does not say why not", "look into its log")],
        false => reasons.iter().map(finding).collect(),
    }
}

/// The clock of this machine, and the node's beside it.
fn clock(reply: &Reply) -> Finding {
    const CHECK: &str = "clock";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if now < EARLIEST_SECONDS {
        let todo = "set it, and keep it right with NTP: reminders follow the wall clock";
        return Finding::broken(CHECK, "this machine's clock is years behind", todo);
    }
    let Some(node) = reply.header("date").and_then(http_date) else {
        return Finding::skipped(CHECK, "the node does not say its time");
    };
    let skew = now.abs_diff(node);
    match skew > SKEW_MAX_SECONDS {
        true => Finding::warning(
            CHECK,
            format!("the node's clock and this machine's are {skew} s apart"),
            "keep both right with NTP: reminders follow the node's wall clock",
        ),
        false => Finding::ok(CHECK, format!("the node's and this machine's are {skew} s apart")),
    }
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` as seconds of Unix time (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split([' ', ':']).skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let month = MONTHS.find(words.next()?)? as u64 / 3;
    let year: u64 = words.next()?.parse().ok()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    let (hour, minute, second) = (number()?, number()?, number()?);
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leaps(year) != leaps(year.checked_sub(1)?);
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334].get(month as usize)?;
    let of_year = before + u64::from(is_leap && month > 1) + day.checked_sub(1)?;
    let since_1970 = year.checked_sub(1_970)? * 365 + leaps(year - 1) - leaps(1_969);
    Some(((since_1970 + of_year) * 24 + hour) * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 29 Feb 2000 12:34:56 GMT", Some(951_827_696)),
            ("Mon, 01 Mar 2100 00:00:00 GMT", Some(4_107_542_400)),
            ("Sun, 06 Xxx 1994 08:49:37 GMT", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), expected, "{text}");
        }
    }
}
