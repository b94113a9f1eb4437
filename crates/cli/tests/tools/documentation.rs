//! docs/tools.md: every command in it is run, and prints what is written there.
//!
//! `..` in a line stands for anything, and a line of it alone for any number of lines.

use std::process::Command;

use crate::world::{Service, ran, repository};

struct Example {
    line: usize,
    command: String,
    printed: Vec<String>,
}

fn examples(page: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for (index, line) in page.lines().enumerate() {
        match line {
            "```console" => is_inside = true,
            "```" => is_inside = false,
            _ if !is_inside => {}
            line => match line.strip_prefix("$ ") {
                Some(command) => found.push(Example {
                    line: index + 1,
                    command: command.to_owned(),
                    printed: Vec::new(),
                }),
                None => found.last_mut().expect("a command first").printed.push(line.to_owned()),
            },
        }
    }
    found
}

fn fits(written: &[String], printed: &[&str]) -> bool {
    match (written, printed) {
        ([], printed) => printed.is_empty(),
        ([any, rest @ ..], printed) if any == ".." => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        ([line, rest @ ..], [first, after @ ..]) => fits_line(line, first) && fits(rest, after),
        (_, []) => false,
    }
}

fn fits_line(written: &str, printed: &str) -> bool {
    let Some((begin, rest)) = written.split_once("..") else { return written == printed };
    let Some(after) = printed.strip_prefix(begin) else { return false };
    let ends = (0..=after.len()).filter(|at| after.is_char_boundary(*at));
    ends.into_iter().any(|at| fits_line(rest, &after[at..]))
}

#[test]
fn every_command_in_the_page_does_what_it_says() {
    let page = std::fs::read_to_string(repository().join("docs/tools.md")).expect("the page");
    let folder = tempfile::tempdir().expect("a folder");
    let counter = Service::start(&folder.path().join(".tenure"));
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tenure")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a search path");
    let examples = examples(&page);
    for Example { line, command, printed } in &examples {
        let mut shell = Command::new("bash");
        shell
            .arg("-c")
            .arg(format!("{{ {command}\n}} 2>&1"))
            .current_dir(folder.path())
            .env("PATH", format!("{}:{path}", program.display()))
            .env("TENURE_URL", &counter.url)
            .env("TENURE_ADMIN", &counter.admin);
        let out = ran(shell).out;
        let out: Vec<&str> = out.lines().collect();
        assert!(fits(printed, &out), "docs/tools.md:{line}: {command}\n{}", out.join("\n"));
    }
    for verb in ["new", "call", "actor ls", "actor get", "actor deactivate", "actor delete"]
        .into_iter()
        .chain(["backup", "restore", "doctor", "completions"])
    {
        let begin = format!("tenure {verb} ");
        let has = examples.iter().any(|it| format!("{} ", it.command).contains(&begin));
        assert!(has, "docs/tools.md shows no `tenure {verb}`");
    }
}

#[test]
fn a_page_is_compared_line_by_line() {
    let written = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (page, printed, expected) in [
        ("a\nb", &["a", "b"][..], true),
        ("a", &["a", "b"], false),
        ("a\nb", &["a"], false),
        ("..\nb", &["a", "a", "b"], true),
        ("a ..c", &["a bc"], true),
        ("a ..c", &["a bd"], false),
        ("", &[], true),
    ] {
        assert_eq!(fits(&written(page), printed), expected, "{page} {printed:?}");
    }
}
