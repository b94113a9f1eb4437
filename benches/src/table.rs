//! The table of results, in Markdown.

use std::path::Path;

use anyhow::Context;

use crate::machine;
use crate::plan::{Goal, Row, Unit, grouped};
use crate::rounds::Results;

/// What ends the lines that `--write` replaces.
const END: &str = "<!-- end -->";

/// What one row came to.
struct Outcome {
    ours: Option<f64>,
    baseline: Option<f64>,
    ratio: Option<f64>,
    round_ratio: Option<f64>,
}

/// The rows with their medians, and below them what the machine is.
pub(crate) fn render(rows: &[Row], results: &Results) -> String {
    let mut text = String::new();
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = row.section;
            text.push_str(&format!(
                "\n### {section}\n\n\
                 | case | ours | beside | baseline | ratio | by round | goal | met |\n\
                 | --- | --: | --- | --: | --: | --: | --- | --- |\n"
            ));
        }
        text.push_str(&line(row, &outcome(row, results)));
    }
    text.push_str(&format!("\n{} rounds. ", results.rounds()));
    let facts: Vec<String> =
        machine::facts().iter().map(|(name, fact)| format!("{name}: {fact}")).collect();
    text.push_str(&facts.join("; "));
    text.push_str(".\n");
    text
}

/// How many goals are met, and how many there are.
pub(crate) fn goals(rows: &[Row], results: &Results) -> (usize, usize) {
    let judged: Vec<bool> =
        rows.iter().filter_map(|row| is_met(row, &outcome(row, results))).collect();
    (judged.iter().filter(|met| **met).count(), judged.len())
}

/// Replaces the table in the file.
///
/// # Errors
/// The file cannot be read or written, or has no place for a table.
pub(crate) fn write(path: &Path, bench: &str, table: &str) -> anyhow::Result<()> {
    let begins = format!("<!-- begin: cargo xtask bench {bench} --write -->");
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read {}", path.display()))?;
    let begin = text.find(&begins).with_context(|| format!("there is no line `{begins}`"))?;
    let end = text[begin..].find(END).with_context(|| format!("no line `{END}` after it"))?;
    let new = format!("{}{begins}\n{table}\n{}", &text[..begin], &text[begin + end..]);
    std::fs::write(path, new).with_context(|| format!("could not write {}", path.display()))
}

fn outcome(row: &Row, results: &Results) -> Outcome {
    let ours = median(results.values(&row.ours));
    let sources = || row.against.iter().flat_map(|against| &against.sources);
    let baseline = largest(sources().map(|source| median(results.values(source))));
    let by_round = (0..results.rounds()).filter_map(|round| {
        let ours = results.value(round, &row.ours)?;
        Some(ours / largest(sources().map(|source| results.value(round, source)))?)
    });
    let round_ratio = median(by_round.collect());
    Outcome { ours, baseline, ratio: ours.zip(baseline).map(|(a, b)| a / b), round_ratio }
}

fn line(row: &Row, outcome: &Outcome) -> String {
    let value = |value: Option<f64>| value.map_or("missing".to_owned(), |it| show(it, row.unit));
    let ratio = |ratio: Option<f64>| ratio.map_or(String::new(), show_ratio);
    let goal = match row.goal {
        Goal::None => String::new(),
        Goal::RatioAtLeast(least) => format!("at least {}", show_ratio(least)),
        Goal::RatioAtMost(most) => format!("at most {}", show_ratio(most)),
        Goal::AtMost(most) => format!("at most {}", show(most, row.unit)),
    };
    let met = match (is_met(row, outcome), row.goal) {
        (Some(true), _) => "yes",
        (Some(false), _) => "**no**",
        (None, Goal::None) => "",
        (None, _) => "not measured",
    };
    let (name, baseline) = match &row.against {
        Some(against) => (against.name, value(outcome.baseline)),
        None => ("", String::new()),
    };
    format!(
        "| {} | {} | {name} | {baseline} | {} | {} | {goal} | {met} |\n",
        row.title,
        value(outcome.ours),
        ratio(outcome.ratio),
        ratio(outcome.round_ratio),
    )
}

fn is_met(row: &Row, outcome: &Outcome) -> Option<bool> {
    match row.goal {
        Goal::None => None,
        Goal::RatioAtLeast(least) => Some(outcome.ratio? >= least),
        Goal::RatioAtMost(most) => Some(outcome.ratio? <= most),
        Goal::AtMost(most) => Some(outcome.ours? <= most),
    }
}

fn show(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Unit::PerSecond if value >= 1e4 => format!("{:.1} k/s", value / 1e3),
        Unit::PerSecond => format!("{value:.0} /s"),
        Unit::Micros if value >= 1e3 => format!("{:.2} ms", value / 1e3),
        Unit::Micros => format!("{value:.2} µs"),
        Unit::Bytes => format!("{} B", grouped(value as usize)),
    }
}

fn show_ratio(ratio: f64) -> String {
    if ratio >= 10.0 { format!("{ratio:.1}") } else { format!("{ratio:.2}") }
}

fn largest(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(f64::max)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        len if len % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one() {
        for (values, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![9.0, 1.0, 2.0], Some(2.0)),
            (vec![4.0, 1.0], Some(2.5)),
        ] {
            assert_eq!(median(values.clone()), expected, "{values:?}");
        }
    }

    #[test]
    fn values_are_written_with_their_unit() {
        for (value, unit, expected) in [
            (12_345_678.0, Unit::PerSecond, "12.35 M/s"),
            (48_000.0, Unit::PerSecond, "48.0 k/s"),
            (950.4, Unit::PerSecond, "950 /s"),
            (210.0, Unit::Micros, "210.00 µs"),
            (10_000.0, Unit::Micros, "10.00 ms"),
            (7_505.3, Unit::Bytes, "7,505 B"),
        ] {
            assert_eq!(show(value, unit), expected);
        }
    }
}
