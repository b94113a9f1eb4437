//! Whether everything that was asked for could be read, as the node's counters say.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::node::ask;
use crate::http::Server;

const CHECK: &str = "records";
const ERRORS: &str = "tenure_call_errors_total{";

/// The codes of calls that ended because of what is stored, what that means, and what to do.
const CODES: [(&str, &str, &str); 3] = [
    (
        "damaged",
        "what is stored of an actor is damaged",
        "the node's log names the actors; restore a backup (`tenure restore --help`)",
    ),
    (
        "incompatible",
        "the program cannot read what is stored",
        "the node's log names the actors; deploy the program that wrote them, or add what `check` asks for",
    ),
    (
        "storage",
        "the store failed",
        "look at the disk and into the node's log; calls that say so may be made again",
    ),
];

pub(super) fn check(admin: &Server) -> Vec<Finding> {
    match ask(admin, "/metrics").and_then(crate::http::Reply::accepted) {
        Err(failure) => vec![Finding::skipped(CHECK, format!("not known: {}", failure.text))],
        Ok(reply) => judge(&String::from_utf8_lossy(&reply.body)),
    }
}

fn judge(metrics: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (code, what, todo) in CODES {
        let counts = counts(metrics, code);
        if counts.is_empty() {
            continue;
        }
        let of: Vec<_> = counts.iter().map(|(name, times)| format!("{times} of {name}")).collect();
        let found =
            format!("calls failed since the node started because {what}: {}", of.join(", "));
        findings.push(match code {
            // It may have passed.
            "storage" => Finding::warning(CHECK, found, todo),
            _ => Finding::broken(CHECK, found, todo),
        });
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "whatever was asked for could be read and saved"));
    }
    findings
}

/// How many calls of each type ended with this code.
fn counts<'a>(metrics: &'a str, code: &str) -> BTreeMap<&'a str, u64> {
    let code = format!("code=\"{code}\"");
    let mut counts = BTreeMap::new();
    for line in metrics.lines() {
        let Some((labels, value)) = line.strip_prefix(ERRORS).and_then(|it| it.split_once('}'))
        else {
            continue;
        };
        let times = value.split_whitespace().next().and_then(|it| it.parse::<f64>().ok());
        let name = labels.split(',').find_map(|it| it.strip_prefix("type=\"")?.strip_suffix('"'));
        if let (Some(times), Some(name), true) = (times, name, labels.contains(&code))
            && times > 0.0
        {
            *counts.entry(name).or_insert(0) += times as u64;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn what_could_not_be_read_is_found() {
        let line = |code: &str, times: u32| {
            format!("tenure_call_errors_total{{type=\"cart\",code=\"{code}\"}} {times}\n")
        };
        for (metrics, expected, said) in [
            (line("damaged", 0) + &line("overloaded", 7), Level::Ok, "could be read"),
            (line("damaged", 3), Level::Broken, "3 of cart"),
            (line("incompatible", 1), Level::Broken, "1 of cart"),
            (line("storage", 2), Level::Warning, "2 of cart"),
            (String::new(), Level::Ok, "could be read"),
        ] {
            let findings = judge(&metrics);
            assert_eq!(findings.len(), 1, "{metrics}");
            assert_eq!(findings[0].level, expected, "{metrics}");
            assert!(findings[0].found.contains(said), "{metrics}: {}", findings[0].found);
        }
    }
}
