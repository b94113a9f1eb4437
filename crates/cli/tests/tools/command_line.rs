//! Help, completions, and ways to end.

use std::process::Stdio;

use crate::world::{command, ran, ran_with};

const VERBS: &[&[&str]] = &[
    &["new"],
    &["call"],
    &["actor"],
    &["actor", "ls"],
    &["actor", "get"],
    &["actor", "deactivate"],
    &["actor", "delete"],
    &["backup"],
    &["restore"],
    &["store", "migrate"],
    &["store", "export"],
    &["store", "import"],
    &["store", "verify"],
    &["doctor"],
    &["completions"],
];

#[test]
fn every_verb_has_help_with_examples() {
    let help = ran(command(&["--help"]));
    let help = help.good(&["--help"]);
    for word in ["--url", "TENURE_URL", "--admin", "--output", "Exit codes", "Examples:"] {
        assert!(help.contains(word), "{word} is missing:\n{help}");
    }
    for verb in VERBS {
        assert!(help.contains(verb[0]), "{verb:?} is missing:\n{help}");
        let ran = ran(command(&[verb, &["--help"][..]].concat()));
        let help = ran.good(verb);
        for word in ["Examples:\n  tenure ", &verb.join(" ")] {
            assert!(help.contains(word), "{verb:?}: {word} is missing:\n{help}");
        }
    }
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = ran(command(&["completions", shell]));
        assert!(ran.good(&[shell]).contains("deactivate"), "{shell}");
    }
    let script = ran(command(&["completions", "bash"])).out;
    let mut bash = std::process::Command::new("bash");
    bash.arg("-n");
    ran_with(bash, &script).good(&["bash -n"]);
    let unknown = ["completions", "tcsh"];
    assert!(ran(command(&unknown)).bad(2, &unknown).contains("possible values"));
}

#[test]
fn what_cannot_be_meant_ends_with_2() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["call"],
        &["call", "counter", "42"],
        &["actor"],
        &["actor", "frobnicate"],
        &["backup", "a", "b"],
        &["restore"],
        &["store"],
        &["store", "export"],
        &["store", "import"],
        &["store", "verify"],
        &["new"],
        &["completions"],
        &["doctor", "now"],
        &["call", "counter", "42", "get", "-o", "yaml"],
    ] {
        ran(command(arguments)).bad(2, arguments);
    }
    ran(command(&["--version"])).good(&["--version"]);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    // Where the pipe took all of it before it was closed, nothing went wrong.
    assert!(matches!(ended.status.code(), Some(0 | 1)), "{}", ended.status);
}
