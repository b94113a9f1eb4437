//! Pages with commands: each is run in its order, and prints what is written there.
//!
//! A page has a service of its own, the counter of `tenure new`, where it says `localhost:7070`.
//! `..` in a line stands for anything, and a line of it alone for any number of lines.

use std::process::Command;

use crate::world::{Service, counter_program, ran, repository};

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

/// `cargo run` in the project of the page: its program is built already.
const CARGO: &str = r#"cargo() { [ "$1 $2" = "run --" ] || exit 9; shift 2; "$COUNTER" "$@"; }"#;

/// Runs all commands of a page and gives them.
fn follow(page: &str) -> Vec<Example> {
    let text = std::fs::read_to_string(repository().join(page)).expect("the page");
    let folder = tempfile::tempdir().expect("a folder");
    let counter = Service::start(&folder.path().join(".tenure"));
    // No meter of how far a transfer is: nobody looks on.
    std::fs::write(folder.path().join(".curlrc"), "silent\n").expect("a file");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_tenure")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a search path");
    let examples = examples(&text);
    for Example { line, command, printed } in &examples {
        let here = command
            .replace("localhost:7070", counter.url.trim_start_matches("http://"))
            .replace("localhost:7071", counter.admin.trim_start_matches("http://"));
        let mut shell = Command::new("bash");
        shell
            .arg("-c")
            .arg(format!("{CARGO}\n{{ {here}\n}} 2>&1"))
            .current_dir(folder.path())
            .env("PATH", format!("{}:{path}", program.display()))
            .env("CURL_HOME", folder.path())
            .env("COUNTER", counter_program())
            .env("TENURE_URL", &counter.url)
            .env("TENURE_ADMIN", &counter.admin);
        let out = ran(shell).out;
        let out: Vec<&str> = out.lines().collect();
        assert!(fits(printed, &out), "{page}:{line}: {command}\n{}", out.join("\n"));
    }
    examples
}

#[test]
fn calls_over_http_are_answered_as_the_page_says() {
    let examples = follow("docs/http.md");
    assert!(examples.len() >= 4, "{}", examples.len());
}

#[test]
fn a_backup_is_made_looked_at_and_restored_as_the_page_says() {
    let examples = follow("docs/how-to/backups.md");
    assert!(examples.len() >= 6, "{}", examples.len());
}

/// A promise without a test is none.
#[test]
fn every_test_that_the_guarantees_name_is_there() {
    let page = "docs/guarantees.md";
    let text = std::fs::read_to_string(repository().join(page)).expect("the page");
    let mut named = 0;
    for (before, after) in text.match_indices("`](").map(|(at, _)| text.split_at(at)) {
        let test = before.rsplit_once('`').expect("a name").1;
        let file = after[3..].split_once(')').expect("a link").0;
        let source = std::fs::read_to_string(repository().join("docs").join(file));
        let source = source.unwrap_or_else(|error| panic!("{page}: {file}: {error}"));
        let is_there = source.contains(&format!("fn {test}(")) || !file.ends_with(".rs");
        assert!(is_there, "{page}: {file} has no {test}");
        named += 1;
    }
    assert!(named >= 15, "{named} tests are named");
}

#[test]
fn the_first_calls_are_answered_as_they_say() {
    for page in ["README.md", "crates/cli/templates/counter/README.md"] {
        let text = std::fs::read_to_string(repository().join(page)).expect("the page");
        let folder = tempfile::tempdir().expect("a folder");
        let counter = Service::start(folder.path());
        let calls = text.lines().filter(|line| line.starts_with("curl "));
        let calls: Vec<_> =
            calls.map(|line| line.split_once('#').expect("what it prints")).collect();
        assert_eq!(calls.len(), 2, "{page}");
        for (call, printed) in calls {
            let here = call.replace("localhost:7070", &counter.url);
            let mut shell = Command::new("bash");
            shell.args(["-c", &here]);
            // The newline is the page's to bring.
            assert_eq!(ran(shell).out, format!("{}\n", printed.trim()), "{page}: {call}");
        }
    }
}

#[test]
fn every_command_in_the_page_does_what_it_says() {
    let examples = follow("docs/tools.md");
    for verb in ["new", "call", "actor ls", "actor get", "actor deactivate", "actor delete"]
        .into_iter()
        .chain(["backup", "restore", "store export", "store import", "store verify"])
        .chain(["doctor", "completions"])
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
