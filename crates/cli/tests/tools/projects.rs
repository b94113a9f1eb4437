//! `tenure new`: what it writes builds, passes its tests and serves.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{Service, command, ran, repository};

fn new(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(&[&["new"], arguments].concat());
    command.current_dir(folder);
    command
}

/// Cargo on a project that was made. All of them share one folder for what is built, without
/// optimisation: it is built once.
fn cargo(project: &Path, verb: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([verb, "--quiet", "--offline", "--target-dir"])
        .arg(&target)
        .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
        .args(["--config", "profile.dev.debug=0"])
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(project);
    ran(cargo).good(&[verb]);
    target.join("debug")
}

/// Makes a project, tests it, and starts it.
fn made(folder: &Path, name: &str, template: &str) -> Service {
    let path = repository();
    let path = path.to_str().expect("text");
    let arguments = [name, "--template", template, "--path", path];
    let said = ran(new(folder, &arguments));
    assert!(said.good(&arguments).contains("cargo run"), "{}", said.out);
    let project = folder.join(name);
    for file in ["Cargo.toml", "src/main.rs", "README.md", ".gitignore"] {
        let text = std::fs::read_to_string(project.join(file)).expect("it was written");
        assert!(!text.contains("{name}"), "{file}: {text}");
    }
    cargo(&project, "test");
    let built = cargo(&project, "build");
    Service::start_at(&built.join(name), &folder.join("data"), "127.0.0.1:0")
}

/// One test for both: they wait for each other's build otherwise.
#[test]
fn projects_build_pass_their_tests_and_serve() {
    let folder = tempfile::tempdir().expect("a folder");
    let hello = made(folder.path(), "hello", "counter");
    assert_eq!(hello.said(&["call", "counter", "42", "add", "5"]), "5");
    hello.terminate();

    let folder = tempfile::tempdir().expect("a folder");
    let shop = made(folder.path(), "my-shop", "cart");
    let pens = "{\"item\": \"pen\", \"count\": 2, \"cents\": 150}";
    assert_eq!(shop.said(&["call", "cart", "alice", "add", pens]), "300");
    assert_eq!(shop.said(&["call", "cart", "alice", "total"]), "300");
    assert_eq!(
        shop.said(&["call", "cart", "alice", "show"]),
        "{\"pen\":{\"count\":2,\"cents\":150}}"
    );
    assert_eq!(shop.said(&["call", "cart", "alice", "check_out"]), "300");
    let empty = ["call", "cart", "alice", "check_out"];
    let ran = shop.tenure(&empty);
    assert!(ran.bad(1, &empty).contains("the cart is empty"), "{}", ran.err);
    assert!(ran.err.contains("outcome: executed"), "{}", ran.err);
    let forget = ["call", "cart", "alice", "forget"];
    assert!(shop.tenure(&forget).bad(1, &forget).contains("code: not_found"));
    assert_eq!(shop.terminate().code(), Some(0));
}

#[test]
fn a_project_comes_from_the_public_repository_unless_told_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = ran(new(folder.path(), &["hello", "-o", "json"]));
    let document: serde_json::Value = serde_json::from_str(made.good(&["new"])).expect("JSON");
    assert_eq!(document, serde_json::json!({ "folder": "hello", "template": "counter" }));
    let manifest = std::fs::read_to_string(folder.path().join("hello/Cargo.toml")).expect("it");
    assert!(manifest.contains("tenure = { git = \"https://"), "{manifest}");
    assert!(manifest.contains("name = \"hello\""), "{manifest}");
    assert!(!folder.path().join("hello/Cargo.lock").exists());
}

#[test]
fn what_cannot_be_a_project_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("full")).expect("a folder");
    std::fs::write(folder.path().join("full/thesis.txt"), "years of work").expect("a file");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    std::fs::create_dir(folder.path().join("empty")).expect("a folder");
    let long = "x".repeat(65);
    let here = folder.path().to_str().expect("text");
    for (arguments, expected) in [
        (&["full"][..], "is not empty"),
        (&["file"], "no folder"),
        (&[""], "begin with a letter"),
        (&["7up"], "begin with a letter"),
        (&["a/b"], "letters, digits"),
        (&["../up"], "begin with a letter"),
        (&["a b"], "letters, digits"),
        (&["fn"], "use it themselves"),
        (&["tenure"], "use it themselves"),
        (&[&long], "longer than 64"),
        (&["x", "--template", "forum"], "possible values: counter, cart"),
        (&["x", "--path", "/nowhere"], "No such file"),
        (&["x", "--path", here], "no checkout of Tenure"),
        (&["x", "y"], "unexpected argument"),
    ] {
        let refused = ran(new(folder.path(), arguments));
        assert!(refused.bad(2, arguments).contains(expected), "{arguments:?}: {}", refused.err);
    }
    let names = folder.path().read_dir().expect("it is there").count();
    assert_eq!(names, 3, "nothing was written");
    ran(new(folder.path(), &["empty"])).good(&["an empty folder is taken"]);
}
