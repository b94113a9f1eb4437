//! Learns a ranking from the comparisons of one conversation, and tells its moderator.

#![expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use conversation::FEED;
use conversation::ranking::{Ledger, Page, Tally};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use ureq::Agent;

/// How long a page is waited for, and how much longer its reply may take.
const WAIT: Duration = Duration::from_secs(10);
const REPLY_MAX: Duration = Duration::from_secs(20);
/// How long to wait for a node that is away, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(2);
/// Pages that are not full are read no oftener.
const PACE: Duration = Duration::from_millis(500);
const PAGE_LEN: usize = 1_000;

/// Learns a ranking from the comparisons of one conversation, and tells its moderator
#[derive(Parser)]
#[command(name = "ranking", version)]
struct Cli {
    /// Where the conversation is served
    #[arg(long, default_value = "http://127.0.0.1:7070")]
    url: String,
    /// Its key
    #[arg(long, default_value = "films")]
    conversation: String,
    /// The word that only its moderators know
    #[arg(long, env = "MODERATOR")]
    moderator: String,
    /// Where counts and place in the feed are stored; a later run goes on from there
    #[arg(long, default_value = "ranking.json")]
    ledger: PathBuf,
    /// End when all there is was counted
    #[arg(long)]
    once: bool,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let config =
        Agent::config_builder().timeout_global(Some(REPLY_MAX)).http_status_as_error(false);
    let ledger = Ledger::new(cli.ledger.clone());
    let tally = ledger.read()?;
    // Whether an earlier run has told what it has stored is not known.
    let untold = tally.cursor.is_some();
    let mut learner = Learner { cli, agent: config.build().into(), ledger, tally, untold };
    let mut pause = RETRY_FIRST;
    loop {
        match learner.step() {
            Ok(has_more) => {
                pause = RETRY_FIRST;
                if learner.cli.once && !has_more {
                    return Ok(());
                }
                if !has_more {
                    // What comes meanwhile is one batch.
                    std::thread::sleep(PACE);
                }
            }
            Err(error) if error.is::<Away>() => {
                eprintln!("{error:#}; trying again");
                std::thread::sleep(pause);
                pause = (pause * 2).min(RETRY_MAX);
            }
            Err(error) => return Err(error),
        }
    }
}

struct Learner {
    cli: Cli,
    agent: Agent,
    ledger: Ledger,
    tally: Tally,
    /// The moderator does not know all that is stored.
    untold: bool,
}

/// The node does not answer, or not now: nothing is lost by asking again.
#[derive(Debug)]
struct Away(String);

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Away {}

impl Learner {
    /// Tells what is to be told, or takes one page; tells whether there is more.
    fn step(&mut self) -> anyhow::Result<bool> {
        if self.untold && !self.cli.once && self.tally.cursor.is_some() {
            self.tell()?;
            self.untold = false;
        }
        let Cli { url, once, conversation, .. } = &self.cli;
        let mut url = format!("{url}/v1/_feeds/{FEED}?limit={PAGE_LEN}");
        if !once {
            url.push_str(&format!("&wait={}s", WAIT.as_secs()));
        }
        if let Some(cursor) = &self.tally.cursor {
            url.push_str(&format!("&after={cursor}"));
        }
        let reply = self.agent.get(&url).call();
        let page: Page = serde_json::from_str(&text(reply)?).context("a page of the feed")?;
        let (has_more, is_first) = (page.more, self.tally.cursor.is_none());
        if self.tally.take(page, conversation) > 0 || is_first {
            // Cursor and counts are one transaction: what is told is stored before.
            self.ledger.write(&self.tally)?;
            self.untold = true;
        }
        if !has_more && self.untold {
            self.tell()?;
            self.untold = false;
        }
        Ok(has_more)
    }

    fn tell(&self) -> anyhow::Result<()> {
        let Cli { url, conversation, moderator, .. } = &self.cli;
        let conversation = utf8_percent_encode(conversation, NON_ALPHANUMERIC);
        let url = format!("{url}/v1/conversation/{conversation}/rank");
        let body = json!({"ranking": self.tally.ranking(), "moderator": moderator}).to_string();
        let reply = self.agent.post(&url).content_type("application/json").send(body);
        text(reply).map(drop)
    }
}

fn text(reply: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> anyhow::Result<String> {
    let mut reply = reply.map_err(|error| Away(format!("the node does not answer: {error}")))?;
    let body = reply.body_mut().read_to_string();
    let body = body.map_err(|error| Away(format!("the reply was cut off: {error}")))?;
    if reply.status().is_success() {
        return Ok(body);
    }
    let problem: Value = serde_json::from_str(&body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or(&body);
    let status = reply.status();
    if problem["retryable"] == true || status == 503 {
        return Err(Away(format!("{status}: {detail}")).into());
    }
    if status == 410 {
        bail!(
            "{detail}; entries were missed: delete the ledger to count again from the oldest that is kept"
        );
    }
    bail!("{status}: {detail}")
}
