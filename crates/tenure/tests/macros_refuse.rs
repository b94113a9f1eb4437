//! The likeliest mistakes, and what the macros say to them.

#[test]
fn mistakes_are_told_in_words() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/compile_pass/*.rs");
    cases.compile_fail("tests/compile_fail/*.rs");
}
