//! Import circles between files, and the ways of writing that are none.

use super::{assert_no_finding, assert_one_finding};

/// Checks the crate with this library and these other files in `src`.
fn sources<'a>(lib: &str, files: &[(&str, &'a str)]) -> Vec<(String, String)> {
    let lib = ("crates/types/src/lib.rs".to_owned(), format!("//! Ids.\n{lib}\npub struct Key;\n"));
    let files = files.iter().map(|(name, text): &(&str, &'a str)| {
        (format!("crates/types/src/{name}"), (*text).to_owned())
    });
    std::iter::once(lib).chain(files).collect()
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

fn assert_circle(lib: &str, files: &[(&str, &str)], words: &[&str]) {
    let files = sources(lib, files);
    let words: Vec<&str> = words.iter().copied().chain(["in a circle"]).collect();
    assert_one_finding(&borrowed(&files), &words);
}

fn assert_no_circle(lib: &str, files: &[(&str, &str)]) {
    assert_no_finding(&borrowed(&sources(lib, files)));
}

#[test]
fn two_siblings_that_import_each_other_are_named() {
    let files = [
        ("ring.rs", "use crate::slot::Slot;\npub struct Ring(Slot);\n"),
        ("slot.rs", "pub struct Slot;\nfn f(_: super::ring::Ring) {}\n"),
    ];
    let circle = "crates/types/src/ring.rs:1: files import each other in a circle: \
                  crates/types/src/ring.rs -> crates/types/src/slot.rs (crates/types/src/ring.rs:1) \
                  -> crates/types/src/ring.rs (crates/types/src/slot.rs:2)";
    assert_circle("mod ring;\nmod slot;", &files, &[circle]);
}

#[test]
fn a_circle_of_three_is_named_with_its_steps() {
    let files = [
        ("a.rs", "use crate::b::B;\npub struct A(B);\n"),
        ("b.rs", "use crate::c::C;\npub struct B(C);\n"),
        ("c.rs", "pub struct C;\n\nfn f() { let _ = [crate::a::A::default()]; }\n"),
    ];
    let steps = ["src/a.rs -> ", "src/b.rs (", "src/c.rs (", "src/a.rs (crates/types/src/c.rs:3)"];
    assert_circle("mod a;\nmod b;\nmod c;", &files, &steps);
}

#[test]
fn a_reexport_leads_to_the_file_that_defines_the_item() {
    let lib = "mod ring;\nmod slot;\npub use ring::Ring;\npub use slot::*;";
    let files = [
        ("ring.rs", "use crate::Slot;\npub struct Ring(Slot);\n"),
        ("slot.rs", "use crate::Ring as Circle;\npub struct Slot;\nfn f(_: Circle) {}\n"),
    ];
    assert_circle(lib, &files, &["src/ring.rs", "src/slot.rs"]);
}

#[test]
fn every_way_of_naming_another_file_is_an_import() {
    for back in [
        "fn f() { crate::ring::turn() }",
        "fn f() -> Vec<crate::ring::Ring> { Vec::new() }",
        "impl super::ring::Turn for Slot {}",
        "fn f() { assert!(crate::ring::is_round()); }",
        "fn f() { use crate::ring::Ring; }",
        "use crate::ring;",
        "use crate::ring::*;",
        "pub use crate::ring::Ring;",
        "use super::{ring as r};\nfn f() { r::turn() }",
    ] {
        let slot = format!("pub struct Slot;\n{back}\n");
        let files =
            [("ring.rs", "use crate::slot::Slot;\npub struct Ring(Slot);\n"), ("slot.rs", &slot)];
        assert_circle("mod ring;\nmod slot;", &files, &["src/ring.rs", "src/slot.rs"]);
    }
}

#[test]
fn a_parent_that_uses_what_it_publishes_imports_it() {
    let child = ("ring/turn.rs", "use super::Ring;\npub struct Turn;\nfn f(_: Ring) {}\n");
    let publishes = "mod turn;\npub use turn::Turn;\npub struct Ring;\n";
    assert_no_circle("mod ring;", &[("ring.rs", publishes), child]);
    let uses = format!("{publishes}fn g(_: Turn) {{}}\n");
    assert_circle("mod ring;", &[("ring.rs", &uses), child], &["src/ring.rs:4", "ring/turn.rs"]);
}

#[test]
fn a_state_machine_split_by_verb_has_no_circle() {
    let files = [
        (
            "ring.rs",
            "mod turn;\npub struct Ring;\nimpl Ring { pub fn run(&self) { self.turn() } }\n",
        ),
        ("ring/turn.rs", "use super::Ring;\nimpl Ring { pub(super) fn turn(&self) {} }\n"),
    ];
    assert_no_circle("mod ring;\npub use ring::Ring;", &files);
}

#[test]
fn tests_macros_and_visibility_are_no_imports() {
    let ring = "use crate::slot::Slot;\npub struct Ring(Slot);\n\
                #[macro_export]\nmacro_rules! ring { () => { $crate::slot::Slot } }\n";
    let slot = "pub(crate) struct Slot;\npub(in crate) fn f() {}\n\
                #[cfg(test)]\nmod tests { use crate::ring::Ring; }\n\
                #[cfg(test)]\nuse crate::ring::Ring;\n\
                #[test]\nfn g() { crate::ring::turn(); }\n";
    assert_no_circle("mod ring;\nmod slot;", &[("ring.rs", ring), ("slot.rs", slot)]);
}

#[test]
fn inline_modules_and_mod_rs_are_resolved() {
    let files = [
        ("ring/mod.rs", "pub mod inner { pub use super::turn::Turn; }\npub(crate) mod turn;\n"),
        ("ring/turn.rs", "pub struct Turn(crate::slot::Slot);\n"),
        ("slot.rs", "use crate::ring::inner::Turn;\npub struct Slot;\nfn f(_: Turn) {}\n"),
    ];
    assert_circle("mod ring;\nmod slot;", &files, &["src/ring/turn.rs", "src/slot.rs"]);
}

#[test]
fn reexports_that_lead_in_a_circle_end() {
    let files = [
        ("a.rs", "pub use crate::b::Thing;\n"),
        ("b.rs", "pub use crate::a::Thing;\npub use crate::a::*;\n"),
    ];
    // No compiler takes this crate; it is enough that the search ends.
    assert_no_circle("mod a;\nmod b;", &files);
}
