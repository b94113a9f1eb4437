//! What is seen: lines that were said, and under them, on a terminal, a foot that is drawn anew.

use std::fmt::Write as _;
use std::io;
use std::os::fd::AsFd;

use super::terminal;
use crate::app::screen;

/// What was printed so far. The cursor is at the beginning of the line under it.
pub(super) struct Display {
    is_terminal: bool,
    /// The foot as it was drawn: its lines, and the size of the terminal.
    drawn: (Vec<String>, (usize, usize)),
}

impl Display {
    /// Without a terminal there is no foot.
    pub(super) const fn new(is_terminal: bool) -> Self {
        Self { is_terminal, drawn: (Vec::new(), (0, 0)) }
    }

    /// Prints these lines, and the foot under them.
    pub(super) fn print(&mut self, lines: &str, foot: Vec<String>) {
        if !self.is_terminal {
            screen::print(lines);
            return;
        }
        let size = terminal::size(io::stdout().as_fd());
        let foot = fitted(foot, size);
        if lines.is_empty() && self.drawn == (foot.clone(), size) {
            return;
        }
        let mut text = erasing(&self.drawn.0, size.0);
        text.push_str(lines);
        for line in &foot {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = (foot, size);
        screen::print(&text);
    }
}

/// What takes these lines away again. Each of them takes several rows by now if the terminal was made narrower.
fn erasing(drawn: &[String], columns: usize) -> String {
    let rows = |line: &String| line.chars().count().div_ceil(columns).max(1);
    let mut text = String::new();
    match drawn.iter().map(rows).sum::<usize>() {
        0 => {}
        // CSI A: up; CSI J: erase what is below (ECMA-48, sections 8.3.22 and 8.3.39).
        rows => write!(text, "\r\x1b[{rows}A\x1b[J").expect("a string takes everything"),
    }
    text
}

/// The lines that fit, none so long that it would be broken, the last ones first: they say what happened.
fn fitted(lines: Vec<String>, (columns, rows): (usize, usize)) -> Vec<String> {
    let over = lines.len().saturating_sub(rows.saturating_sub(1));
    let cut = |line: String| line.chars().take(columns.saturating_sub(1)).collect();
    lines.into_iter().skip(over).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foot_is_cut_to_the_terminal() {
        let lines = || ["header", "äöü-6789", "last"].map(str::to_owned).to_vec();
        assert_eq!(fitted(lines(), (80, 24)), lines());
        assert_eq!(fitted(lines(), (7, 24)), ["header", "äöü-67", "last"]);
        assert_eq!(fitted(lines(), (80, 3)), ["äöü-6789", "last"]);
        assert_eq!(fitted(lines(), (1, 1)), Vec::<String>::new());
    }

    #[test]
    fn what_was_drawn_is_erased_also_after_the_terminal_became_narrower() {
        let drawn = ["12345678", "", "äöü"].map(str::to_owned);
        assert_eq!(erasing(&drawn, 8), "\r\x1b[3A\x1b[J");
        assert_eq!(erasing(&drawn, 4), "\r\x1b[4A\x1b[J");
        assert_eq!(erasing(&drawn, 2), "\r\x1b[7A\x1b[J");
        assert_eq!(erasing(&[], 80), "");
    }
}
