//! Lengths, names, sleeps and marks of single files.

use super::{assert_no_finding, assert_one_finding};

const KEY: &str = "crates/types/src/key.rs";

fn function_of(lines: usize) -> String {
    let body = "    drop(1);\n".repeat(lines - 2);
    format!("pub struct Key;\n\n/// Long.\n#[inline]\nfn long() {{\n{body}}}\n")
}

#[test]
fn a_file_of_601_lines_is_named() {
    let file_of = |lines: usize| format!("pub struct Key;\n{}", "// A line.\n".repeat(lines - 1));
    assert_no_finding(&[(KEY, &file_of(600))]);
    let words = ["crates/types/src/key.rs:601", "601 lines", "split it"];
    assert_one_finding(&[(KEY, &file_of(601))], &words);
}

#[test]
fn a_function_of_71_lines_is_named() {
    assert_no_finding(&[(KEY, &function_of(70))]);
    let words = ["crates/types/src/key.rs:5", "the function long has 71 lines"];
    assert_one_finding(&[(KEY, &function_of(71))], &words);
}

#[test]
fn methods_and_the_functions_of_tests_are_measured_with_their_closures() {
    let body = "drop(1);\n".repeat(70);
    for text in [
        format!("impl Key {{ async fn long(&self) {{\n{body}}} }}"),
        format!("trait Long {{ fn long(&self) {{\n{body}}} }}"),
        format!("#[cfg(test)]\nmod tests {{ #[test]\nfn long() {{ let _ = || {{\n{body}}};\n}} }}"),
    ] {
        let text = format!("pub struct Key;\n{text}\n");
        assert_one_finding(&[(KEY, &text)], &["the function long has 7"]);
    }
}

#[test]
fn names_that_say_nothing_are_named() {
    for path in ["src/utils.rs", "src/helpers/parse.rs", "tests/common/mod.rs"] {
        let path = format!("crates/types/{path}");
        assert_one_finding(&[(&path, "")], &[&path, "says nothing; name the concept"]);
    }
    let inline = "pub struct Key;\n\nmod helpers {}\n";
    assert_one_finding(&[(KEY, inline)], &["crates/types/src/key.rs:3", "`helpers`"]);
    assert_no_finding(&[("crates/types/src/commonwealth.rs", "")]);
}

#[test]
fn a_sleep_in_a_test_is_named() {
    for (path, text, line) in [
        ("tests/slow.rs", "fn f() {\n    std::thread::sleep(D);\n}", 2),
        ("tests/slow/wait.rs", "async fn f() {\n    tokio::time::sleep(D).await;\n}", 2),
        ("tests/slow.rs", "use tokio::time::sleep_until;\n", 1),
        ("tests/slow.rs", "use std::{thread as t};\nfn f() {\n    t::sleep(D);\n}", 3),
        ("tests/slow.rs", "fn f() {\n    select! { _ = tokio::time::sleep(D) => {} }\n}", 2),
        ("src/slow.rs", "#[cfg(test)]\nmod tests {\n    fn f() { std::thread::sleep(D); }\n}", 3),
        ("src/slow.rs", "#[test]\nfn f() {\n    std::thread::sleep(D);\n}", 3),
        (
            "src/slow.rs",
            "use std::thread::sleep;\n#[cfg(test)]\nmod tests {\n    fn f() { super::thread::sleep(D); }\n}",
            4,
        ),
    ] {
        let path = format!("crates/types/{path}");
        let place = format!("{path}:{line}: a test sleeps with");
        assert_one_finding(&[(&path, text)], &[&place]);
    }
}

#[test]
fn a_test_module_in_a_file_of_its_own_may_not_sleep() {
    let files = [
        (KEY, "pub struct Key;\n\n#[cfg(test)]\nmod tests;\n"),
        ("crates/types/src/key/tests.rs", "fn f() {\n    std::thread::sleep(D);\n}\n"),
    ];
    assert_one_finding(&files, &["crates/types/src/key/tests.rs:2: a test sleeps"]);
}

#[test]
fn a_sleep_outside_tests_and_the_clock_of_an_actor_pass() {
    assert_no_finding(&[
        (KEY, "pub struct Key;\n\nfn pause() { std::thread::sleep(D); }\n"),
        ("crates/types/tests/clock.rs", "async fn f(cx: &Cx) {\n    cx.sleep(D).await;\n}\n"),
    ]);
}

#[test]
fn marks_of_unfinished_work_are_named() {
    for mark in [concat!("// TO", "DO: later"), concat!("// FIX", "ME"), concat!("to", "do!();")] {
        let text = format!("pub struct Key;\nfn f() {{\n    {mark}\n}}\n");
        assert_one_finding(&[(KEY, &text)], &["crates/types/src/key.rs:3", "unfinished work"]);
    }
    let script = concat!("#!/bin/sh\n# TO", "DO\n");
    assert_one_finding(&[("scripts/start.sh", script)], &["scripts/start.sh:2"]);
    assert_no_finding(&[(KEY, concat!("pub struct Key;\n// MASTO", "DONTE, to", "do.\n"))]);
}

#[test]
fn links_that_lead_nowhere_are_named() {
    let page = "# A page\n\n[code](crates/types/src/key.rs) [here](#a-page) [there](docs/b.md#its-heading)\n";
    let other = "# B\n\n## Its `heading`\n\n```md\n[not](a/link.md)\n```\n[up](../README.md)\n";
    assert_no_finding(&[("README.md", page), ("docs/b.md", other)]);
    for (link, part) in [
        ("[gone](docs/gone.md)", "docs/gone.md, which is not there"),
        ("[no heading](docs/b.md#other)", "docs/b.md does not have: other"),
        ("[no heading](#b)", "README.md does not have: b"),
        ("[outside](../../b.md)", "is not there"),
    ] {
        let page = format!("{page}{link} [web](https://example.com/x)\n");
        assert_one_finding(&[("README.md", &page), ("docs/b.md", other)], &["README.md:4", part]);
    }
}

#[test]
fn a_page_that_the_contents_leave_out_is_named() {
    let contents = ("docs/SUMMARY.md", "# Contents\n\n- [B](b.md)\n- [C](how-to/c.md)\n");
    let pages = [
        contents,
        ("docs/b.md", "# B\n"),
        ("docs/how-to/c.md", "# C\n"),
        ("docs/adr/1.md", "# 1\n"),
    ];
    assert_no_finding(&pages);
    let more = [&pages[..], &[("docs/how-to/d.md", "# D\n")]].concat();
    assert_one_finding(&more, &["docs/how-to/d.md:1", "docs/SUMMARY.md does not list it"]);
}

#[test]
fn a_file_that_does_not_parse_is_named() {
    assert_one_finding(&[("crates/types/src/broken.rs", "fn {\n")], &["src/broken.rs:1"]);
}
