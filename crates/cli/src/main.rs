//! The `tenure` command: new projects, calls, actors, backups, and a doctor for nodes.

mod actor;
mod backup;
mod call;
mod certs;
mod command_line;
mod doctor;
mod failure;
mod feed;
mod http;
mod meter;
mod part;
mod project;
mod restore;
mod screen;
mod session;
mod steer;
mod store;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use command_line::{Cli, Format, Verb};
use failure::Failure;
use screen::Screen;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let screen = Screen::new(cli.reach.output);
            screen.end(run(&cli, &screen))
        }
        Err(error) => refuse(&error, &arguments),
    }
}

fn run(cli: &Cli, screen: &Screen) -> Result<(), Failure> {
    match &cli.verb {
        Verb::New(new) => project::new(new, screen),
        Verb::Call(call) => call::run(call, &cli.reach, screen),
        Verb::Actor(verb) => actor::run(verb, &cli.reach, screen),
        Verb::Feed(verb) => feed::run(verb, &cli.reach, screen),
        Verb::Session(verb) => session::run(verb, &cli.reach, screen),
        Verb::Backup(backup) => backup::run(backup, &cli.reach, screen),
        Verb::Restore(restore) => restore::run(restore, screen),
        Verb::Store(verb) => store::run(verb, screen),
        Verb::Drain => steer::drain(&cli.reach, screen),
        Verb::Cordon => steer::cordon(&cli.reach, screen, true),
        Verb::Uncordon => steer::cordon(&cli.reach, screen, false),
        Verb::Certs(wanted) => certs::run(wanted, screen),
        Verb::Doctor(doctor) => doctor::run(doctor, &cli.reach, screen),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tenure", &mut script);
            screen.raw(&script)
        }
    }
}

/// Tells of a command line that cannot be read; shows help and version, which come this way too.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let is_wish = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_wish || !wants_json(arguments) {
        // Fails only where nobody reads it.
        let _ = error.print();
        return ExitCode::from(if is_wish { 0 } else { failure::USAGE });
    }
    let text = error.to_string();
    // The first paragraph says what is wrong; usage and tips are for people.
    let text = text.split("\n\n").next().unwrap_or_default().trim();
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let failure = Failure::usage(text).advice("`tenure --help` lists every command");
    Screen::new(Format::Json).end(Err(failure))
}

/// Whether a command line that cannot be read asks for JSON.
fn wants_json(arguments: &[OsString]) -> bool {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    words.windows(2).any(|pair| ["-o", "--output"].contains(&&*pair[0]) && pair[1] == "json")
        || words.iter().any(|word| ["-ojson", "-o=json", "--output=json"].contains(&&**word))
}
