//! Levels between crates, and what every crate has.

use super::{assert_no_finding, assert_one_finding};

/// Adds the crate `tenure-<name>` with these lines in its manifest.
fn with_crates(crates: &[(&str, &str)], check: impl FnOnce(&[(&str, &str)])) {
    let files: Vec<(String, String)> = crates
        .iter()
        .flat_map(|(name, dependencies)| {
            let manifest = format!("[package]\nname = \"tenure-{name}\"\n{dependencies}\n");
            [
                (format!("crates/{name}/Cargo.toml"), manifest),
                (format!("crates/{name}/src/lib.rs"), "//! A crate.\n".to_owned()),
                (format!("crates/{name}/clippy.toml"), LINTS.to_owned()),
            ]
        })
        .collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    check(&files);
}

/// Lints of the clean workspace's clippy.toml, and those of a crate that the simulation runs.
const LINTS: &str = "max-fn-params-bools = 2\ndisallowed-methods = []\ndisallowed-types = []\n";

/// A store, a runtime and this crate with the dependency in its manifest's fourth line.
fn assert_refused(name: &str, section: &str, dependency: &str, what: &str) {
    let manifest = format!("[{section}]\n{dependency}");
    let place = format!("crates/{name}/Cargo.toml:4: ");
    let crates = [("store", ""), ("runtime", ""), (name, manifest.as_str())];
    with_crates(&crates, |files| assert_one_finding(files, &[&place, what]));
}

#[test]
fn an_import_of_a_higher_level_is_named() {
    let what = "tenure-types (level 0) imports tenure-actor (level 1)";
    assert_refused("types", "dependencies", "tenure-actor = { path = \"\" }", what);
    assert_refused("types", "build-dependencies", "tenure-actor.path = \"\"", what);
}

#[test]
fn an_import_of_the_same_level_is_named() {
    let what = "tenure-actor (level 1) imports tenure-store (level 1)";
    assert_refused("actor", "dependencies", "tenure-store.workspace = true", what);
    assert_refused("actor", "dependencies", "db = { package = \"tenure-store\" }", what);
    assert_refused("actor", "target.'cfg(unix)'.dependencies", "tenure-store.path = \"\"", what);
    let what = "tenure-gateway (level 2) imports tenure-runtime (level 2)";
    assert_refused("gateway", "dependencies", "tenure-runtime.path = \"\"", what);
}

#[test]
fn the_macros_import_no_crate_of_the_workspace() {
    let what = "tenure-macros imports tenure-types";
    assert_refused("macros", "dependencies", "tenure-types.workspace = true", what);
}

#[test]
fn a_new_store_engine_has_the_level_of_all_engines() {
    with_crates(
        &[("store", ""), ("store-embedded", "[dependencies]\ntenure-store.path = \"../store\"")],
        assert_no_finding,
    );
}

#[test]
fn tests_import_what_does_not_import_their_crate() {
    with_crates(
        &[("store", ""), ("runtime", "[dev-dependencies]\ntenure-store.path = \"../store\"")],
        assert_no_finding,
    );
    with_crates(&[("types", "[dev-dependencies]\ntenure-actor.path = \"../actor\"")], |files| {
        let circle = "the tests of tenure-types import tenure-actor, which imports tenure-types";
        assert_one_finding(files, &["crates/types/Cargo.toml:4", circle]);
    });
}

#[test]
fn tests_of_levels_1_and_2_may_use_the_simulation() {
    with_crates(
        &[
            ("runtime", "[dev-dependencies]\ntenure-sim.path = \"../sim\""),
            ("sim", "[dependencies]\ntenure-runtime.path = \"../runtime\""),
        ],
        assert_no_finding,
    );
}

#[test]
fn a_crate_without_a_level_is_named() {
    let unknown = "the package tenure-novelty has no level";
    with_crates(&[("novelty", "")], |files| {
        assert_one_finding(files, &[unknown]);
    });
}

#[test]
fn a_crate_without_documentation_is_named() {
    let words = ["crates/types/src/lib.rs:1", "tenure-types has no `//!` comment"];
    assert_one_finding(&[("crates/types/src/lib.rs", "mod key;\npub use key::Key;\n")], &words);
    let words = ["crates/types/src/main.rs:1", "tenure-types has no `//!` comment"];
    assert_one_finding(&[("crates/types/src/main.rs", "fn main() {}\n")], &words);
}

#[test]
fn an_excluded_folder_is_no_member() {
    assert_no_finding(&[
        ("crates/apart/Cargo.toml", "[package]\nname = \"apart\"\n"),
        ("crates/apart/src/lib.rs", ""),
    ]);
}

#[test]
fn a_simulated_crate_without_its_bans_is_named() {
    let lints = "max-fn-params-bools = 2\ndisallowed-methods = []\n";
    let words =
        ["crates/actor/clippy.toml:1", "tenure-actor is simulated and sets no disallowed-types"];
    assert_one_finding(&[("crates/actor/clippy.toml", lints)], &words);
}

#[test]
fn a_clippy_file_that_drops_a_shared_key_is_named() {
    let words = ["crates/types/clippy.toml:1", "max-fn-params-bools is not as in the workspace's"];
    assert_one_finding(&[("crates/types/clippy.toml", "")], &words);
}
