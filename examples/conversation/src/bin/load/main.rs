//! Plays participants of a conversation, and tells what became of it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod films;
mod player;
mod socket;
mod spearman;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use conversation::{Ranking, normal};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use films::Films;
use player::{Played, Player, Table};
use socket::Socket;
use spearman::spearman;

const OPENING_MAX: usize = 128;
/// Films with fewer comparisons do not count in the correlation.
const COMPARISONS_MIN: u32 = 8;
/// What the kernel counts the time of processes in.
const TICKS_PER_SECOND: f64 = 100.0;
const QUESTION: &str = "Which film should everybody see?";

/// Plays participants of a conversation, and tells what became of it
#[derive(Parser)]
#[command(name = "load", version)]
struct Cli {
    /// Where the conversation is served
    #[arg(long, default_value = "http://127.0.0.1:7070")]
    url: String,
    /// Its key, without a dot
    #[arg(long, default_value = "films")]
    conversation: String,
    /// The word that only its moderators know
    #[arg(long, env = "MODERATOR")]
    moderator: String,
    /// How many take part
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(3..=100_000))]
    participants: u32,
    /// How many pairs each compares
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pairs: u32,
    /// The table of films: title,rating,votes
    #[arg(long, default_value = "examples/conversation/data/films.csv")]
    films: PathBuf,
    /// How many of its films are played
    #[arg(long, default_value_t = 500)]
    films_max: usize,
    /// The same seed makes the same choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how many seconds one thing may be tried, or waited for
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// The node's process, to tell how much processor time it took
    #[arg(long)]
    pid: Option<u32>,
    /// Do not wait for the ranking
    #[arg(long)]
    no_ranking: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(cli: &Cli) -> anyhow::Result<bool> {
    let address = cli.url.strip_prefix("http").context("write the URL as http://127.0.0.1:7070")?;
    let total = u64::from(cli.participants) * u64::from(cli.pairs);
    let style = ProgressStyle::with_template(
        "{elapsed_precise} {wide_bar} {pos} of {len} comparisons, {per_sec}",
    );
    let table = Arc::new(Table {
        url: format!("ws{}/connection/websocket", address.trim_end_matches('/')),
        conversation: cli.conversation.clone(),
        films: Films::read(&cli.films, cli.films_max)?,
        pairs: cli.pairs,
        patience: Duration::from_secs(cli.patience),
        doors: Semaphore::new(OPENING_MAX),
        answered: Barrier::new(cli.participants as usize),
        progress: ProgressBar::new(total).with_style(style?),
    });
    let mut moderator = Moderator::open(cli, &table).await?;
    let before = cli.pid.and_then(processor_time);
    let begun = Instant::now();
    let mut players = JoinSet::new();
    for number in 0..u64::from(cli.participants) {
        players.spawn(Player::new(Arc::clone(&table), number, cli.seed).play());
    }
    let (mut played, mut failed) = (Played::default(), Vec::new());
    while let Some(ended) = players.join_next().await {
        match ended? {
            Ok(one) => played.add(one),
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    let took = begun.elapsed();
    let used = cli.pid.and_then(processor_time).zip(before).map(|(after, before)| after - before);
    table.progress.finish_and_clear();
    if let Some(first) = failed.first() {
        bail!("{} of {} participants gave up; the first: {first}", failed.len(), cli.participants);
    }
    played.times.sort();
    let submissions = played.answers + played.comparisons;
    print_played(&played, submissions, took, used);
    let is_right = played.repeats == 0 && played.missing == 0;
    if cli.no_ranking {
        return Ok(is_right);
    }
    let ranking = moderator.ranking(&table, played.comparisons).await?;
    print_ranking(&ranking, &table.films);
    Ok(is_right)
}

fn print_played(played: &Played, submissions: u64, took: Duration, used: Option<f64>) {
    let line = |name: &str, value: String| println!("{name:<34} {value}");
    line("answers", played.answers.to_string());
    line("comparisons", played.comparisons.to_string());
    line("took", format!("{:.2} s", took.as_secs_f64()));
    line("submissions a second", format!("{:.0}", submissions as f64 / took.as_secs_f64()));
    let part = |part: f64| {
        let at = (played.times.len() as f64 * part) as usize;
        let time = played.times.get(at.min(played.times.len().saturating_sub(1)));
        time.map_or("-".to_owned(), |it| format!("{:.2} ms", it.as_secs_f64() * 1e3))
    };
    line("from a comparison to the next, p50", part(0.5));
    line("from a comparison to the next, p99", part(0.99));
    if let Some(used) = used {
        line("processor time of the node", format!("{used:.2} s"));
        line("processor time a submission", format!("{:.0} us", used * 1e6 / submissions as f64));
    }
    line("prompts handed out twice", played.repeats.to_string());
    line("own writes missing", played.missing.to_string());
    line("taken back by a crash, made again", played.again.to_string());
    line("reconnects", played.reconnects.to_string());
}

fn print_ranking(ranking: &Ranking, films: &Films) {
    let enough = ranking.ranked.iter().filter(|it| it.comparisons >= COMPARISONS_MIN);
    let pairs: Vec<_> = enough.map(|it| (it.strength, films.rating(&normal(&it.text)))).collect();
    println!("{:<34} {}", "films with 8 comparisons or more", pairs.len());
    let told = spearman(&pairs).map_or("-".to_owned(), |it| format!("{it:.3}"));
    println!("{:<34} {told}", "Spearman with the public rating");
    for (place, it) in ranking.ranked.iter().take(10).enumerate() {
        let (strength, margin) = (it.strength, it.margin);
        println!("{:>3}. {:<40} {strength:>6.2} +/- {margin:.2}", place + 1, it.text);
    }
}

/// The seconds of processor time that a process has used; `None` where the system does not say.
fn processor_time(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in the parentheses may have spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// Opens the conversation, and reads what was learnt.
struct Moderator {
    socket: Socket,
    word: String,
}

impl Moderator {
    async fn open(cli: &Cli, table: &Table) -> anyhow::Result<Self> {
        let topic = format!("conversation:{}", table.conversation);
        let socket = Socket::open(&table.url, &topic).await;
        let socket = socket.with_context(|| format!("{} is not there; start it first", cli.url))?;
        let mut it = Self { socket, word: cli.moderator.clone() };
        let word = &cli.moderator;
        it.call(table, "open", json!({"question": QUESTION, "moderator": word})).await?;
        it.call(table, "enter", json!({"phase": "comparing", "moderator": word})).await?;
        Ok(it)
    }

    async fn call(&mut self, table: &Table, method: &str, data: Value) -> anyhow::Result<Value> {
        let path = format!("conversation/{}/{method}", table.conversation);
        match self.socket.call(&path, &data).await? {
            Ok(reply) => Ok(reply),
            Err(refusal) => bail!("{path}: {}", refusal.message),
        }
    }

    /// The ranking, once it knows of all comparisons.
    async fn ranking(&mut self, table: &Table, comparisons: u64) -> anyhow::Result<Ranking> {
        let begun = Instant::now();
        let mut known = 0;
        while begun.elapsed() < table.patience {
            let read = self.call(table, "ranking", json!({"moderator": self.word.clone()})).await;
            match read {
                Ok(reply) => {
                    let ranking: Ranking = serde_json::from_value(reply)?;
                    known = ranking.comparisons;
                    if known >= comparisons {
                        return Ok(ranking);
                    }
                }
                // The node may have been away meanwhile.
                Err(_) => {
                    let topic = format!("conversation:{}", table.conversation);
                    if let Ok(socket) = Socket::open(&table.url, &topic).await {
                        self.socket = socket;
                    }
                }
            }
            sleep(Duration::from_millis(200)).await;
        }
        bail!("the ranking knows {known} of {comparisons} comparisons; is `ranking` running?")
    }
}
