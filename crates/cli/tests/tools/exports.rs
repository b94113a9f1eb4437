//! `tenure store export`, `import` and `verify`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tenure_postgres_server::PostgresServer;

use crate::world::{Ran, Service, command, ran};

/// A folder with stores and files.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("text").to_owned()
    }

    /// A stopped node's store with `actors` counters, the first of them with an outcome and a reminder.
    fn store(&self, name: &str, actors: i64) {
        let counter = Service::start(&self.path(name));
        for n in 0..actors {
            let (key, by) = (n.to_string(), (n + 7).to_string());
            counter.said(&["call", "counter", &key, "add", &by, "--key", "one"]);
        }
        let later = ["call", "counter", "0", "add", "1", "--send", "--durable", "--delay", "1h"];
        counter.said(&later);
        counter.said(&["call", "counter", "gone", "add", "1"]);
        counter.said(&["actor", "delete", "counter", "gone", "--yes"]);
        assert!(counter.terminate().success());
    }
}

/// `tenure store` without any settings from outside.
fn store(arguments: &[&str]) -> Ran {
    let mut command = command(&[&["store"], arguments].concat());
    command.env_remove("TENURE_STORE");
    ran(command)
}

fn document(ran: &Ran, what: &[&str]) -> Value {
    serde_json::from_str(ran.good(what)).expect("a document")
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).expect("the file is there")
}

#[test]
fn actors_go_from_engine_to_engine_and_every_export_is_the_same_file() {
    let place = Place::new();
    place.store("from", 20);
    let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}"));
    let url = server.url();
    store(&["migrate", &url]).good(&["migrate"]);
    let [from, to] = ["from", "to"].map(|name| place.text(name));
    let [first, second, third] = ["1", "2", "3"].map(|name| place.text(name));

    let export = ["export", &first, "--data", &from, "-o", "json"];
    let exported = document(&store(&export), &export);
    assert_eq!((&exported["actors"], &exported["rows"]), (&20.into(), &21.into()), "{exported}");
    let verify = ["verify", &first, "-o", "json"];
    assert_eq!(document(&store(&verify), &verify)["digest"], exported["digest"]);
    let import = ["import", &first, "--store", &url];
    let imported = store(&import);
    assert!(imported.good(&import).contains("20 actors, 21 rows"), "{}", imported.out);
    // What the environment names is a store as well.
    let mut again = command(&["store", "export", &second]);
    again.env("TENURE_STORE", &url);
    ran(again).good(&["export"]);
    assert_eq!(read(&place.path("2")), read(&place.path("1")));
    store(&["import", &second, "--data", &to]).good(&["import"]);
    store(&["export", &third, "--data", &to]).good(&["export"]);
    assert_eq!(read(&place.path("3")), read(&place.path("1")));
    for named in [["--data", &from], ["--data", &to], ["--store", &url]] {
        let compare = [&["export", &second, "--verify"], &named[..]].concat();
        let compared = store(&compare);
        assert!(compared.good(&compare).contains(" has what "), "{}", compared.out);
    }

    // The program serves what was imported: states, remembered calls, reminders.
    let counter = Service::start(&place.path("to"));
    assert_eq!(counter.said(&["call", "counter", "3", "get"]), "10");
    let repeated = counter.json(&["call", "counter", "3", "add", "10", "--key", "one"]);
    assert_eq!((&repeated["reply"], &repeated["replayed"]), (&10.into(), &true.into()));
    let shown = counter.said(&["actor", "get", "counter", "0"]);
    assert!(shown.contains("reminder sent:"), "{shown}");
    counter.said(&["call", "counter", "3", "add", "1"]);
    assert!(counter.terminate().success());
    let compare = ["export", &first, "--verify", "--data", &to];
    let differs = store(&compare);
    assert!(
        differs.bad(1, &compare).contains("counter/3 is another in the store"),
        "{}",
        differs.err
    );
}

#[test]
fn a_file_that_was_altered_or_cut_anywhere_makes_no_store() {
    let place = Place::new();
    place.store("from", 1);
    let (file, altered) = (place.text("file"), place.text("altered"));
    store(&["export", &file, "--data", &place.text("from")]).good(&["export"]);
    let whole = read(&place.path("file"));
    assert!(whole.len() < 600, "{} bytes", whole.len());
    let new = place.text("new");
    let import = ["import", &altered, "--data", &new];
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        for bytes in [&flipped[..], &whole[..at]] {
            fs::write(&altered, bytes).expect("a file");
            let refused = store(&import);
            let told = refused.bad(1, &import);
            assert!(told.contains("altered: the export"), "{at}: {told}");
            assert!(!place.path("new").exists(), "{at}");
        }
    }
    fs::write(&altered, &whole).expect("a file");
    store(&import).good(&import);
}

#[test]
fn what_cannot_be_is_told_with_what_to_do_and_changes_nothing() {
    let place = Place::new();
    place.store("from", 3);
    let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}"));
    let url = server.url();
    let (file, from) = (place.text("file"), place.text("from"));
    let (new, thesis) = (place.text("new"), place.text("thesis.txt"));
    fs::write(&thesis, "years of work").expect("a file");
    store(&["export", &file, "--data", &from]).good(&["export"]);
    let running = Service::start(&place.path("running"));
    running.said(&["call", "counter", "42", "add", "5"]);
    let busy = place.text("running");
    for (code, arguments, expected) in [
        (2, &["export", &new][..], "no store is named"),
        (2, &["export", &new, "--data", &from, "--store", &url], "cannot be used with"),
        (2, &["export", &new, "--store", "mysql://db"], "begins with postgres://"),
        (2, &["export", &thesis, "--data", &from], "is no export; it stays"),
        (1, &["export", &new, "--data", &place.text("none")], "there is no store in"),
        (1, &["export", &new, "--data", &busy], "stop its node; or `tenure backup` it"),
        (1, &["export", &new, "--store", &url], "there is no store in"),
        (1, &["export", &thesis, "--verify", "--data", &from], "does not begin as an export does"),
        (1, &["export", &new, "--verify", "--data", &from], "No such file"),
        (1, &["import", &file, "--data", &from], "there is a store already"),
        (1, &["import", &file, "--data", &busy], "open in another process"),
        (1, &["import", &file, "--store", &url], "make them with `tenure store migrate`"),
        (1, &["import", &thesis, "--data", &new], "does not begin as an export does"),
        (1, &["verify", &thesis], "does not begin as an export does"),
        (1, &["verify", &new], "No such file"),
    ] {
        let ran = store(arguments);
        assert!(ran.bad(code, arguments).contains(expected), "{arguments:?}:\n{}", ran.err);
    }
    assert!(!place.path("new").exists() && !place.path("none").exists());
    assert_eq!(fs::read_to_string(&thesis).expect("it stays"), "years of work");
    // Tables that have something are named, and stay.
    store(&["migrate", &url]).good(&["migrate"]);
    store(&["import", &file, "--store", &url]).good(&["import"]);
    let again = ["import", &file, "--store", &url];
    let refused = store(&again);
    assert!(refused.bad(1, &again).contains("it has counter/0 already"), "{}", refused.err);
    store(&["export", &file, "--verify", "--store", &url]).good(&["compare"]);
}
