//! Marks of unfinished work: what is committed is finished, the rest is an issue.

use super::finding::Finding;
use super::source::Workspace;

/// Written in halves, or this file would find itself.
const WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
const MACROS: &[&str] = &[concat!("to", "do!"), concat!("unimple", "mented!")];

/// Checks every line of every code file.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &workspace.files {
        for (index, line) in file.text.lines().enumerate() {
            let mark = WORDS.iter().chain(MACROS).find(|mark| has_word(line, mark));
            if let Some(mark) = mark {
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    format!("`{mark}` marks unfinished work"),
                    "finish it, or open an issue and remove the mark",
                ));
            }
        }
    }
    findings
}

/// Says whether `word` stands in `line` by itself and not inside a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let ends_itself = word.ends_with('!') || !after.is_some_and(is_name);
        !before.is_some_and(is_name) && ends_itself
    })
}
