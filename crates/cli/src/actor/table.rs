//! Actors as lines of a table.

use serde_json::Value;

const LIVE: [&str; 6] = ["KEY", "TAG", "BYTES", "IDLE", "WAITING", "IS"];
const STORED: [&str; 7] = ["KEY", "TAG", "SCHEMA", "BYTES", "EVENTS", "WRITTEN", "IS"];

/// Lines for `actors`. `widths` are those of the page before, so that pages stay in line.
pub(super) fn table(
    actors: &[Value],
    is_stored: bool,
    has_head: bool,
    widths: &mut Vec<usize>,
) -> String {
    let head = if is_stored { &STORED[..] } else { &LIVE[..] };
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let lines = actors.iter().map(|actor| if is_stored { stored(actor) } else { live(actor) });
    let lines: Vec<Vec<String>> = has_head.then_some(head).into_iter().chain(lines).collect();
    aligned(&lines, widths)
}

/// Lines whose cells stand below each other; `widths` are those of the lines before.
pub(crate) fn aligned(lines: &[Vec<String>], widths: &mut Vec<usize>) -> String {
    widths.resize(lines.first().map_or(0, Vec::len).max(widths.len()), 0);
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(widths.iter());
        let padded: Vec<String> = cells.map(|(cell, &width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn live(actor: &Value) -> Vec<String> {
    let is = words(actor, &["running", "unsaved", "paused"]);
    let idle = format!("{}s", cell(&actor["idle_seconds"]));
    vec![
        cell(&actor["key"]),
        cell(&actor["tag"]),
        cell(&actor["bytes"]),
        idle,
        cell(&actor["waiting"]),
        is,
    ]
}

fn stored(actor: &Value) -> Vec<String> {
    let is = match &actor["error"] {
        Value::String(error) => format!("unreadable: {error}"),
        _ => words(actor, &["deleted"]),
    };
    vec![
        cell(&actor["key"]),
        cell(&actor["tag"]),
        cell(&actor["schema"]),
        cell(&actor["bytes"]),
        cell(&actor["events"]),
        actor["written_at_ms"].as_u64().map_or_else(|| "-".to_owned(), utc),
        is,
    ]
}

fn words(actor: &Value, names: &[&str]) -> String {
    let set = names.iter().filter(|name| actor[**name] == true);
    let set: Vec<&str> = set.copied().collect();
    if set.is_empty() { "-".to_owned() } else { set.join(",") }
}

/// A value for a person; text without quotes, and nothing that moves a terminal's cursor.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => {
            text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
        }
        Value::Null => "-".to_owned(),
        value => value.to_string(),
    }
}

/// A Unix time as `2026-11-22T10:00:00Z`.
pub(super) fn utc(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (year, month, day) = civil(seconds / 86_400);
    let of_day = seconds % 86_400;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds * 1_000 + 999), expected);
        }
    }

    #[test]
    fn columns_stay_in_line_over_pages() {
        let actor = |key: &str| {
            serde_json::json!({ "key": key, "tag": "1-2", "bytes": 7,
            "idle_seconds": 3, "waiting": 0, "running": true, "unsaved": true })
        };
        let mut widths = Vec::new();
        let first = table(&[actor("a-long-key\u{1b}")], false, true, &mut widths);
        let second = table(&[actor("b")], false, false, &mut widths);
        assert_eq!(
            first,
            "KEY          TAG  BYTES  IDLE  WAITING  IS\n\
             a-long-key\u{fffd}  1-2  7      3s    0        running,unsaved\n"
        );
        assert_eq!(second, "b            1-2  7      3s    0        running,unsaved\n");
    }
}
