//! Buys out events with many bots, over any of the nodes, and compares what each was told with the books of the house.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its terminal"
)]

mod bot;
mod check;
mod client;
mod event;
mod numbers;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::Parser;
use serde_json::json;

use bot::Bot;
use client::{Answer, Client};
use event::{Event, Figures};
use numbers::Numbers;

/// Buys out events with many bots
#[derive(Parser)]
#[command(name = "booth-bots", version)]
struct Cli {
    /// Where the nodes serve; a bot goes to the next one where one does not answer
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:7070")]
    url: Vec<String>,
    /// The event; those after the first have a number behind it
    #[arg(long, default_value = "demo")]
    event: String,
    /// How many sections the house has
    #[arg(long, default_value_t = 4)]
    sections: u32,
    /// How many rows a section has
    #[arg(long, default_value_t = 10)]
    rows: u32,
    /// How many seats a row has
    #[arg(long, default_value_t = 25)]
    seats_per_row: u32,
    /// For how many seconds a seat is held
    #[arg(long, default_value_t = 2)]
    hold_seconds: u32,
    /// How many bots
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    bots: u32,
    /// How many of a hundred holds are bought, as long as there are free seats; of the others half are released, half expire
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=100))]
    buy: u64,
    /// While so many seconds are not over, an event that is sold out is followed by the next
    #[arg(long, default_value_t = 0)]
    seconds: u64,
    /// For how many seconds one call may be tried again, or the books may wait for an agent
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// The same seed makes the same choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says how much was wrong.
fn run(cli: &Cli) -> anyhow::Result<u64> {
    let until = Instant::now() + Duration::from_secs(cli.seconds);
    let mut numbers = Numbers::new(cli.seed);
    let mut sum = Figures::default();
    for number in 1.. {
        let name = match number {
            1 => cli.event.clone(),
            _ => format!("{}-{number}", cli.event),
        };
        let figures = play(cli, &name, &mut numbers)?;
        println!("sold {name}: {figures}");
        sum.add(&figures);
        if Instant::now() >= until || figures.wrong > 0 {
            println!("{number} events, {} bots: {sum}; seed {}", cli.bots, cli.seed);
            break;
        }
    }
    Ok(sum.wrong)
}

/// Opens an event and sells it out.
fn play(cli: &Cli, name: &str, numbers: &mut Numbers) -> anyhow::Result<Figures> {
    let mut client = Client::new(&cli.url, 0, Duration::from_secs(cli.patience));
    let wish = json!({
        "sections": cli.sections, "rows": cli.rows, "seats_per_row": cli.seats_per_row,
        "hold_seconds": cli.hold_seconds,
    });
    let plan = match client.post(&format!("house/{name}/open"), &wish, None)? {
        Answer::Reply(plan) => plan,
        Answer::Refused { detail, .. } => bail!("{name} was not opened: {detail}"),
    };
    let event = Arc::new(Event::new(name, &plan, cli.buy)?);
    println!("open {name}: {} sections of {} seats", event.sections, event.seats);
    let begun = Instant::now();
    let bots: Vec<_> = (0..cli.bots)
        .map(|number| {
            let client = Client::new(&cli.url, number as usize, Duration::from_secs(cli.patience));
            let bot = Bot::new(Arc::clone(&event), client, number, numbers.fork());
            thread::spawn(move || bot.play())
        })
        .collect();
    let mut figures = Figures::default();
    let mut failed = None;
    for bot in bots {
        match bot.join().map_err(|_| anyhow!("a bot panicked"))? {
            Ok(played) => figures.add(&played),
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Err(error.context("a bot gave up"));
    }
    check::check(&event, &mut client)?;
    figures.add(&Figures { took: begun.elapsed(), again: client.again(), ..Figures::default() });
    for finding in event.findings() {
        println!("WRONG: {name}: {finding}");
        figures.wrong += 1;
    }
    Ok(figures)
}
