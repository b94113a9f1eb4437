//! What a command shows: text for a person, or one JSON document for a program.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::command_line::Format;
use crate::failure::Failure;

/// Where a command's words go: results to standard output, everything else to standard error.
pub(crate) struct Screen {
    format: Format,
}

impl Screen {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Shows a result: `text` to a person, `document` to a program.
    pub(crate) fn result(
        &self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.text(&text()),
            Format::Json => {
                let json = serde_json::to_string(document).expect("results are plain");
                self.raw(format!("{json}\n").as_bytes())
            }
        }
    }

    /// Prints lines for a person.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        self.raw(format!("{}\n", printable(text)).as_bytes())
    }

    /// Prints bytes as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::said(),
            _ => Failure::new(format!("standard output cannot be written: {error}"))
                .advice("look where the output goes: is that disk full?"),
        })
    }

    /// Tells a person something beside the result; a program is told nothing.
    pub(crate) fn note(&self, text: &str) {
        if !self.is_json() {
            // Nobody can be told that nobody can be told.
            let _ = writeln!(io::stderr(), "{}", printable(text));
        }
    }

    /// Shows how far something is, where somebody looks on; the next words replace these.
    pub(crate) fn progress(&self, text: &str) {
        if !self.is_json() && io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }

    /// Asks a person. `None` where there is nobody to ask.
    pub(crate) fn ask(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let _ = write!(io::stderr(), "{} [y/N] ", printable(question));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
    }

    /// Tells how a command ended.
    pub(crate) fn end(&self, ended: Result<(), Failure>) -> ExitCode {
        let Err(failure) = ended else { return ExitCode::SUCCESS };
        let told = match self.format {
            Format::Text => failure.to_text().map(|text| printable(&text)),
            Format::Json => failure.to_json().map(|json| json.to_string()),
        };
        if let Some(told) = told {
            let _ = writeln!(io::stderr(), "{told}");
        }
        ExitCode::from(failure.exit)
    }
}

/// Text from elsewhere must not move the cursor or recolour the terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
