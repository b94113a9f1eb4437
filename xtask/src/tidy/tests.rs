//! Each rule is broken once in a small workspace of its own, and the finding is read.

mod circles;
mod crates;
mod files;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::source::Workspace;
use super::{CHECKS, run};

/// A workspace that breaks no rule: `tenure-types` of level 0 and `tenure-actor` of level 1.
const CLEAN: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"crates/apart\"]\n\
         [workspace.dependencies]\ntenure-types = { path = \"crates/types\" }\n",
    ),
    ("crates/types/Cargo.toml", "[package]\nname = \"tenure-types\"\n"),
    ("crates/types/src/lib.rs", "//! Ids.\n\nmod key;\n\npub use key::Key;\n"),
    ("crates/types/src/key.rs", "pub struct Key;\n"),
    (
        "crates/actor/Cargo.toml",
        "[package]\nname = \"tenure-actor\"\n\n[dependencies]\ntenure-types.workspace = true\n",
    ),
    ("clippy.toml", "max-fn-params-bools = 2\n"),
    (
        "crates/actor/clippy.toml",
        "max-fn-params-bools = 2\ndisallowed-methods = []\ndisallowed-types = []\n",
    ),
    (
        "crates/actor/src/lib.rs",
        "//! Actors.\n\nuse tenure_types::Key;\n\npub fn take(_: Key) {}\n",
    ),
];

struct Fixture {
    root: TempDir,
}

impl Fixture {
    fn clean() -> Self {
        let fixture = Self { root: TempDir::new().expect("a temporary folder can be made") };
        for (path, text) in CLEAN {
            fixture.write(path, text);
        }
        fixture
    }

    /// Returns the clean workspace with these files added or replaced.
    fn with(files: &[(&str, &str)]) -> Self {
        let fixture = Self::clean();
        for (path, text) in files {
            fixture.write(path, text);
        }
        fixture
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        let folder = path.parent().expect("a file has a folder");
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    /// Returns what every check says, one line each.
    fn findings(&self) -> Vec<String> {
        let workspace = Workspace::read(self.path()).expect("the fixture can be read");
        let found = CHECKS.iter().flat_map(|(_, check)| check(&workspace));
        workspace
            .unreadable
            .iter()
            .map(ToString::to_string)
            .chain(found.map(|f| f.to_string()))
            .collect()
    }
}

/// Asserts that `files` break exactly one rule, and that the finding holds each of `words`.
fn assert_one_finding(files: &[(&str, &str)], words: &[&str]) {
    let findings = Fixture::with(files).findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    for word in words {
        assert!(findings[0].contains(word), "`{word}` is not in: {}", findings[0]);
    }
}

fn assert_no_finding(files: &[(&str, &str)]) {
    assert_eq!(Fixture::with(files).findings(), Vec::<String>::new());
}

#[test]
fn a_clean_workspace_passes() {
    assert_no_finding(&[]);
    run(Fixture::clean().path()).expect("a clean workspace passes");
}

#[test]
fn a_broken_rule_is_an_error_of_the_run() {
    let fixture = Fixture::with(&[("crates/types/src/utils.rs", "")]);
    let error = run(fixture.path()).expect_err("the rule is broken").to_string();
    assert_eq!(error, "tidy found 1 broken rules; each is named above");
}
