use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use super::stored::StoreReport;
use crate::schemas::{Finding, Level};

/// Everything that was found.
pub(super) struct Report<'a> {
    /// The worst first.
    pub(super) findings: Vec<Finding>,
    /// Whether the file is to be written.
    pub(super) is_update: bool,
    /// Whether there was one to compare with.
    pub(super) has_file: bool,
    /// Whether it says what the program is.
    pub(super) is_recorded: bool,
    pub(super) types: usize,
    pub(super) file: &'a Path,
    pub(super) store: StoreReport,
}

impl Report<'_> {
    /// How many findings are a reason to refuse the program.
    pub(super) fn problems(&self) -> usize {
        self.count(Level::Incompatible) + self.count(Level::BreaksCalls)
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|it| it.level == level).count()
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Finding { level, place, what, advice, .. } in &self.findings {
            let word = word(*level);
            writeln!(text, "{word:<14}{place}: {what}").expect("a text takes all");
            if !advice.is_empty() {
                writeln!(text, "{:<14}{advice}", "").expect("a text takes all");
            }
        }
        for line in self.store.lines() {
            writeln!(text, "{line}").expect("a text takes all");
        }
        if self.has_file {
            self.verdict(&mut text);
        }
        if self.problems() == 0 && !self.is_recorded && !self.is_update {
            let note =
                "the program is not the one of the file any more; write it with `check --update`";
            writeln!(text, "{note}").expect("a text takes all");
        }
        text
    }

    fn verdict(&self, text: &mut String) {
        let types =
            if self.types == 1 { "1 type".to_owned() } else { format!("{} types", self.types) };
        let mut counts = Vec::new();
        for (level, word) in [(Level::Warning, "warned of"), (Level::NotChecked, "not checked")] {
            let count = self.count(level);
            if count > 0 {
                counts.push(format!("{count} {word}"));
            }
        }
        let counts =
            if counts.is_empty() { String::new() } else { format!(", {}", counts.join(", ")) };
        let file = self.file.display();
        match (self.problems(), self.count(Level::NotChecked)) {
            (0, 0) => writeln!(text, "compatible with {file}: {types}{counts}"),
            (0, _) => writeln!(text, "nothing incompatible with {file} found: {types}{counts}"),
            (problems, _) => writeln!(text, "refused: {types}, {problems} incompatible{counts}"),
        }
        .expect("a text takes all");
    }

    pub(super) fn json(&self) -> String {
        let report = json!({
            "compatible": self.problems() == 0,
            "types": self.types,
            "recorded": self.is_recorded,
            "findings": self.findings,
            "store": self.store.json(),
        });
        format!("{report:#}\n")
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Incompatible => "incompatible",
        Level::BreaksCalls => "breaks calls",
        Level::Warning => "warning",
        Level::NotChecked => "not checked",
    }
}
