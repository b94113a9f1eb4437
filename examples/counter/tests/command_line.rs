//! The program's command line: what it prints, and what it refuses.

use std::path::Path;
use std::process::{Command, Output};

fn counter(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_counter"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_command_and_flag() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = counter(folder.path(), &["--help"]);
    assert!(help.status.success());
    let said = text(&help.stdout);
    for word in ["serve", "dev", "check", "config", "--config", "--set", "--listen", "--admin-listen", "--data"] {
        assert!(said.contains(word), "{word} is missing:\n{said}");
    }
}

#[test]
fn config_print_says_who_set_what() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tenure.toml"), "[calls]\ndeadline = \"7s\"\n").expect("a file");
    let arguments = ["config", "print", "--origin", "--listen", "127.0.0.1:9"];
    let printed = counter(folder.path(), &arguments);
    assert!(printed.status.success(), "{}", text(&printed.stderr));
    let said = text(&printed.stdout);
    for line in ["deadline = \"7s\"", "# file tenure.toml", "# command line", "# default"] {
        assert!(said.contains(line), "{line} is missing:\n{said}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("wrong.toml"), "[gateway]\nlissten = \":1\"\n").expect("a file");
    std::fs::write(folder.path().join("broken.toml"), "[gateway\n").expect("a file");
    for (arguments, expected) in [
        (&["dev", "--nodes", "0"][..], "write a number from 1 to 16"),
        (&["--set", "calls.deadlin=1s"][..], "perhaps `calls.deadline`"),
        (&["--set", "calls.deadline=soon"][..], "write a duration as 200ms"),
        (&["--set", "calls.deadline"][..], "write KEY=VALUE"),
        (&["--config", "wrong.toml"][..], "file wrong.toml: there is no setting `gateway.lissten`"),
        (&["--config", "broken.toml"][..], "broken.toml"),
        (&["--config", "none.toml"][..], "none.toml"),
        (&["sevre"][..], "serve"),
    ] {
        let refused = counter(folder.path(), arguments);
        assert!(!refused.status.success(), "{arguments:?} was accepted");
        let said = text(&refused.stderr);
        assert!(said.contains(expected), "{arguments:?}:\n{said}");
    }
    // Nothing of this touched the disk.
    assert!(!folder.path().join(".tenure").exists());
}

#[test]
fn fresh_deletes_stores_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let precious = folder.path().join("data");
    std::fs::create_dir(&precious).expect("a folder");
    std::fs::write(precious.join("thesis.txt"), "years of work").expect("a file");
    let refused = counter(folder.path(), &["dev", "--fresh", "--data", "data"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("no store"), "{}", text(&refused.stderr));
    assert!(precious.join("thesis.txt").exists());
}

#[test]
fn check_compares_with_the_file_and_names_what_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |arguments: &[&str], code: i32| {
        let ended = counter(folder.path(), &[&["check"], arguments].concat());
        let said = text(&ended.stdout) + &text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {said}");
        said
    };
    assert!(check(&[], 2).contains("write it with `check --update`"));
    check(&["--update"], 0);
    assert!(check(&[], 0).contains("compatible with tenure.schemas.json: 1 type\n"));
    // As if the program before this one had kept a text.
    let file = folder.path().join("tenure.schemas.json");
    let written = std::fs::read_to_string(&file).expect("it was written");
    let mut old: serde_json::Value = serde_json::from_str(&written).expect("JSON");
    let state = &mut old["types"]["counter"]["$defs"]["Counter"]["properties"];
    assert_eq!(state["value"]["format"], "int64");
    state["value"] = serde_json::json!({ "type": "string" });
    std::fs::write(&file, old.to_string()).expect("a file");
    let said = check(&[], 1);
    assert!(said.contains("counter.value: was String and is i64"), "{said}");
    let help = check(&["--help"], 0);
    for word in ["--update", "--force", "--schemas", "--records", "--no-store", "--output", "Ends with 0"] {
        assert!(help.contains(word), "{word} is missing:\n{help}");
    }
}
