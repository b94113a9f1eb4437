//! The tables of results, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::load::Measured;
use crate::machine;
use crate::subject::{Service, Subject, Transport};

/// What `--write` replaces lies between these lines.
const BEGIN: &str = "<!-- begin: cargo xtask bench conversation --write -->";
const END: &str = "<!-- end -->";

/// What each subject came to with so many connections, round by round; nothing where it failed.
pub(crate) type Results = BTreeMap<(usize, Subject), Vec<Option<Measured>>>;

/// A goal of the project: ours beside a twin.
struct Goal {
    name: &'static str,
    ours: Subject,
    beside: Subject,
    value: fn(&Measured) -> f64,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }

    fn name(self) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {least:.2}"),
            Self::AtMost(most) => format!("at most {most:.2}"),
        }
    }
}

fn goals() -> Vec<Goal> {
    let http = Subject::http;
    let (postgres, durable) = (http(Service::Postgres), http(Service::OursDurable));
    let behind = http(Service::OursBehind);
    let socket = Subject::socket(Service::Postgres);
    let rate: fn(&Measured) -> f64 = |it| it.rate;
    let goal = |name, ours, beside, value, bound| Goal { name, ours, beside, value, bound };
    vec![
        goal("rate", durable, postgres, rate, Bound::AtLeast(3.5)),
        goal("rate", durable, http(Service::RedisAlways), rate, Bound::AtLeast(1.0)),
        goal("rate", behind, postgres, rate, Bound::AtLeast(4.5)),
        goal("rate", behind, http(Service::RedisEverysec), rate, Bound::AtLeast(1.2)),
        goal("rate", Subject::socket(Service::OursBehind), socket, rate, Bound::AtLeast(6.0)),
        goal("rate", Subject::socket(Service::OursDurable), socket, rate, Bound::AtLeast(6.0)),
        goal("processor time", durable, postgres, |it| it.cpu_us, Bound::AtMost(0.2)),
        goal("processor time", behind, postgres, |it| it.cpu_us, Bound::AtMost(0.2)),
        goal("p99", durable, postgres, |it| it.p99_ms, Bound::AtMost(1.0 / 3.0)),
        goal("p99", behind, postgres, |it| it.p99_ms, Bound::AtMost(1.0 / 3.0)),
    ]
}

/// The tables, and below them what the machine is.
pub(crate) fn render(results: &Results, seconds: u64) -> String {
    let mut text = String::new();
    let connections: std::collections::BTreeSet<usize> =
        results.keys().map(|(connections, _)| *connections).collect();
    for count in &connections {
        figures(&mut text, results, *count);
    }
    judged(&mut text, results, &connections.into_iter().collect::<Vec<_>>());
    let rounds = results.values().map(Vec::len).max().unwrap_or(0);
    let facts = machine::facts();
    writeln!(text, "\n{rounds} rounds of {seconds} s for each subject. {facts}.").expect("a text");
    text
}

fn figures(text: &mut String, results: &Results, connections: usize) {
    let head = "submissions/s | p50 | p99 | processor time each | writes each | load thread";
    write!(
        text,
        "\n### {} connections\n\n| subject | over | {head} |\n| --- | --- | --: | --: | --: | --: | --: | --: |\n",
        grouped(connections),
    )
    .expect("a text");
    for subject in Subject::ALL {
        let Some(rounds) = results.get(&(connections, subject)) else { continue };
        let of = |value: fn(&Measured) -> f64| median(rounds.iter().flatten().map(value).collect());
        writeln!(
            text,
            "| {} | {} | {} | {:.2} ms | {:.2} ms | {:.0} µs | {:.2} | {:.0} % |",
            subject.name(),
            subject.transport.name(),
            grouped(of(|it| it.rate) as usize),
            of(|it| it.p50_ms),
            of(|it| it.p99_ms),
            of(|it| it.cpu_us),
            of(|it| it.writes),
            of(|it| it.load_busy) * 100.0,
        )
        .expect("a text");
    }
}

fn judged(text: &mut String, results: &Results, connections: &[usize]) {
    text.push_str(
        "\n### Goals\n\n| what | ours | beside | over | connections | ratio | by round | goal | met |\n\
         | --- | --- | --- | --- | --: | --: | --: | --- | --- |\n",
    );
    for goal in goals() {
        for count in connections {
            let Some((ratio, by_round)) = ratios(results, &goal, *count) else { continue };
            let met = if goal.bound.is_met(ratio) { "yes" } else { "**no**" };
            let transport = match goal.ours.transport {
                Transport::Http => Transport::Http.name(),
                Transport::WebSocket => Transport::WebSocket.name(),
            };
            writeln!(
                text,
                "| {} | {} | {} | {transport} | {} | {ratio:.2} | {by_round:.2} | {} | {met} |",
                goal.name,
                goal.ours.name(),
                goal.beside.name(),
                grouped(*count),
                goal.bound.name(),
            )
            .expect("a text");
        }
    }
}

/// The ratio of the medians, and the median of each round's ratio.
fn ratios(results: &Results, goal: &Goal, connections: usize) -> Option<(f64, f64)> {
    let of = |subject: Subject| -> Option<Vec<Option<f64>>> {
        let rounds = results.get(&(connections, subject))?;
        Some(rounds.iter().map(|it| it.as_ref().map(goal.value)).collect())
    };
    let (ours, beside) = (of(goal.ours)?, of(goal.beside)?);
    let by_round =
        ours.iter().zip(&beside).filter_map(|(ours, beside)| Some((*ours)? / (*beside)?));
    let by_round = median(by_round.collect());
    let all = |values: Vec<Option<f64>>| median(values.into_iter().flatten().collect());
    let ratio = all(ours) / all(beside);
    ratio.is_finite().then_some((ratio, by_round))
}

/// How many goals are met, and how many were judged.
pub(crate) fn met(results: &Results, connections: &[usize]) -> (usize, usize) {
    let all = goals();
    let judged = all.iter().flat_map(|goal| connections.iter().map(move |it| (goal, *it)));
    let judged: Vec<bool> = judged
        .filter_map(|(goal, count)| Some(goal.bound.is_met(ratios(results, goal, count)?.0)))
        .collect();
    (judged.iter().filter(|met| **met).count(), judged.len())
}

/// Replaces the tables in the file.
///
/// # Errors
/// The file cannot be read or written, or has no place for them.
pub(crate) fn write(path: &Path, tables: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read {}", path.display()))?;
    let new = replaced(&text, tables).with_context(|| path.display().to_string())?;
    std::fs::write(path, new).with_context(|| format!("could not write {}", path.display()))
}

fn replaced(text: &str, tables: &str) -> anyhow::Result<String> {
    let begin = text.find(BEGIN).with_context(|| format!("there is no line `{BEGIN}`"))?;
    let rest = &text[begin..];
    let end = rest.find(END).with_context(|| format!("there is no `{END}` after it"))?;
    ensure!(end >= BEGIN.len(), "`{END}` is in the line that begins");
    Ok(format!("{}{BEGIN}\n{tables}\n{}", &text[..begin], &rest[end..]))
}

/// A whole number with its thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(rate: f64) -> Measured {
        Measured { rate, p50_ms: 1.0, p99_ms: 2.0, cpu_us: 30.0, writes: 1.0, load_busy: 0.5 }
    }

    #[test]
    fn goals_are_judged_by_ratios_of_medians() {
        let mut results = Results::new();
        let rounds = |rates: [f64; 3]| rates.map(|it| Some(measured(it))).to_vec();
        results.insert((64, Subject::http(Service::OursDurable)), rounds([30.0, 40.0, 50.0]));
        results.insert((64, Subject::http(Service::Postgres)), rounds([10.0, 20.0, 10.0]));
        let goal = &goals()[0];
        assert_eq!(ratios(&results, goal, 64), Some((4.0, 3.0)));
        assert!(goal.bound.is_met(3.5) && !goal.bound.is_met(3.4));
        assert_eq!(ratios(&results, goal, 1_024), None);
        // Rate, processor time and p99 of these two; the latter two are equal, so not met.
        assert_eq!(met(&results, &[64]), (1, 3));
        let text = render(&results, 5);
        // A round without a figure is left out of both.
        results.entry((64, goal.beside)).or_default()[1] = None;
        assert_eq!(ratios(&results, goal, 64), Some((4.0, 4.0)));
        assert!(text.contains("| ours, durable | HTTP | 40 | 1.00 ms |"), "{text}");
    }

    #[test]
    fn only_the_own_tables_are_replaced() {
        let text = format!("a\n{END}\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&text, "new").expect("there is a place");
        assert_eq!(new, format!("a\n{END}\n{BEGIN}\nnew\n{END}\nb\n"));
        assert!(replaced("nothing", "new").is_err());
    }

    #[test]
    fn thousands_are_apart_and_medians_are_in_the_middle() {
        assert_eq!((grouped(64), grouped(1_234_567)), ("64".to_owned(), "1,234,567".to_owned()));
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0])), (2.0, 2.5));
    }
}
