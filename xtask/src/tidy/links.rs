//! Links between pages: each leads to a file that is there, and to a heading that it has.

use std::path::{Component, Path, PathBuf};

use super::finding::Finding;
use super::source::{SourceFile, Workspace};

/// The table of contents of the folder that it is in.
const CONTENTS: &str = "docs/SUMMARY.md";

/// Checks every relative link of every page, and that the table of contents has every page of its folder.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = missing(workspace);
    for page in &workspace.pages {
        for (line, link) in links(&page.text) {
            let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
            if !is_elsewhere && let Some(wrong) = look(workspace, page, link) {
                findings.push(Finding::new(&page.path, line, wrong, "mend the link"));
            }
        }
    }
    findings
}

/// Pages that the table of contents leaves out; decisions have a table of their own.
fn missing(workspace: &Workspace) -> Vec<Finding> {
    let contents = Path::new(CONTENTS);
    let Some(page) = workspace.pages.iter().find(|page| page.path == contents) else {
        return Vec::new();
    };
    let folder = contents.parent().expect("it is in a folder");
    let listed: Vec<PathBuf> = links(&page.text).map(|(_, link)| resolve(folder, link)).collect();
    let own = workspace.pages.iter().map(|page| &page.path).filter(|path| {
        path.starts_with(folder) && !path.starts_with(folder.join("adr")) && *path != contents
    });
    let left_out = own.filter(|path| !listed.contains(path));
    left_out
        .map(|path| {
            Finding::new(path, 1, format!("{CONTENTS} does not list it"), "add a line to it")
        })
        .collect()
}

/// What is wrong with a link.
fn look(workspace: &Workspace, page: &SourceFile, link: &str) -> Option<String> {
    let (target, heading) = link.split_once('#').unwrap_or((link, ""));
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let path = if target.is_empty() { page.path.clone() } else { resolve(folder, target) };
    if !workspace.root.join(&path).exists() {
        return Some(format!("links to {}, which is not there", path.display()));
    }
    if heading.is_empty() {
        return None;
    }
    let found = workspace.pages.iter().find(|page| page.path == path)?;
    let has_it = headings(&found.text).any(|slug| slug == heading);
    (!has_it)
        .then(|| format!("links to a heading that {} does not have: {heading}", path.display()))
}

fn resolve(folder: &Path, target: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

/// Every `[text](link)` outside of code, with its line.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(text).flat_map(|(line, text)| {
        let links = text.match_indices("](").filter_map(move |(start, _)| {
            let link = text[start + 2..].split_once(')')?.0;
            (!link.contains(char::is_whitespace)).then_some((line, link))
        });
        links.collect::<Vec<_>>()
    })
}

/// The headings as links name them: in small letters, spaces as minus, without other marks.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let lines = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    lines.map(|line| {
        let kept = line.trim_start_matches('#').trim().chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        });
        kept.collect()
    })
}

/// The lines that are not in blocks of code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((index + 1, line))
    })
}
