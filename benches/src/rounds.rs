//! Runs the cases in rounds, each in a process of its own.
//!
//! Within a round what is compared runs side by side, so that a busy moment of the machine hits
//! both.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::cases::SERVER;
use crate::plan::{Row, Source, is_of_peers, preparation};
use crate::report::Report;

const CASE_TIME_MAX: Duration = Duration::from_secs(180);
const EXIT_POLL_PERIOD: Duration = Duration::from_millis(20);

/// Where the cases run.
pub(crate) struct Bench {
    pub(crate) quick: bool,
    pub(crate) folder: PathBuf,
    pub(crate) peers: Option<PathBuf>,
    /// The database of the cases that need one.
    pub(crate) server: Option<String>,
}

/// The values of every round.
#[derive(Default)]
pub(crate) struct Results {
    rounds: Vec<BTreeMap<String, Report>>,
}

impl Results {
    /// The value of each round; a round without one is left out.
    pub(crate) fn values(&self, source: &Source) -> Vec<f64> {
        (0..self.rounds.len()).filter_map(|round| self.value(round, source)).collect()
    }

    /// The value of one round.
    pub(crate) fn value(&self, round: usize, source: &Source) -> Option<f64> {
        self.rounds[round].get(&source.case)?.values.get(source.value).copied()
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.len()
    }
}

impl Bench {
    /// Runs every case of `rows` once a round.
    ///
    /// # Errors
    /// A case that must run before others failed. Another case that fails leaves a gap.
    pub(crate) fn run(&self, rows: &[Row], rounds: usize) -> anyhow::Result<Results> {
        let cases = cases_of(rows);
        let prepared: BTreeSet<String> =
            cases.iter().filter_map(|case| preparation(case)).collect();
        for case in &prepared {
            println!("preparing {case}");
            self.run_case(case)?;
        }
        let mut results = Results::default();
        for round in 1..=rounds {
            let mut reports = BTreeMap::new();
            for (at, case) in cases.iter().enumerate() {
                let place = format!("round {round}/{rounds}, case {}/{}", at + 1, cases.len());
                match self.run_case(case) {
                    Ok(report) => {
                        println!("{place}: {case}: {}", in_words(&report));
                        reports.insert(case.clone(), report);
                    }
                    Err(error) => println!("{place}: {case}: FAILED: {error:#}"),
                }
            }
            results.rounds.push(reports);
        }
        Ok(results)
    }

    fn run_case(&self, case: &str) -> anyhow::Result<Report> {
        let own = std::env::current_exe()?;
        let program: &Path = match &self.peers {
            Some(peers) if is_of_peers(case) => peers,
            _ => &own,
        };
        let mut command = Command::new(program);
        command.args(["case", case, "--folder"]).arg(&self.folder);
        command.envs(self.server.iter().map(|url| (SERVER, url)));
        if self.quick {
            command.arg("--quick");
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if began.elapsed() > CASE_TIME_MAX {
                child.kill()?;
                child.wait()?;
                bail!("it took longer than {} s", CASE_TIME_MAX.as_secs());
            }
            std::thread::sleep(EXIT_POLL_PERIOD);
        };
        // A case answers with one line, which a pipe holds until it is read.
        let mut text = String::new();
        child.stdout.take().context("its output is piped")?.read_to_string(&mut text)?;
        if !status.success() {
            bail!("it ended with {status}");
        }
        let line = text.lines().last().context("it answered nothing")?;
        serde_json::from_str(line).with_context(|| format!("it answered {line:?}"))
    }
}

/// Every case once, in the order of the rows: ours beside what it is compared with.
fn cases_of(rows: &[Row]) -> Vec<String> {
    let mut cases: Vec<String> = Vec::new();
    for row in rows {
        let against = row.against.iter().flat_map(|against| &against.sources);
        for source in std::iter::once(&row.ours).chain(against) {
            if !cases.contains(&source.case) {
                cases.push(source.case.clone());
            }
        }
    }
    cases
}

fn in_words(report: &Report) -> String {
    let values = report.values.iter().map(|(name, value)| format!("{name} {value:.1}"));
    values.collect::<Vec<_>>().join(", ")
}
