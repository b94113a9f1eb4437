//! A short slice of each campaign, and the proof that each of them notices a broken server.

#![expect(clippy::print_stdout, reason = "what a campaign printed is shown where its test fails")]

use std::process::{Command, Output};

/// Runs a campaign; what it prints is shown where the test fails.
fn campaign(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tenure-campaigns"))
        .args(arguments)
        .args(["--server", env!("CARGO_BIN_EXE_campaign-server")])
        .output()
        .expect("the campaign starts");
    let text =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let text = text.concat();
    println!("{text}");
    (output, text)
}

/// Says why a campaign was left out, if it was.
fn is_skipped(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("skipped: "))
}

#[test]
fn kills_lose_nothing() {
    let (output, text) = campaign(&["kill", "--kills", "3"]);
    assert!(output.status.success());
    assert!(text.contains("kills: 3; turns: ") && text.contains(" 0 lost, 0 wrong"), "{text}");
}

#[test]
fn a_reply_before_its_commit_is_noticed() {
    let (output, text) = campaign(&["kill", "--kills", "20", "--break", "early-reply"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("LOST: ledger/"), "{text}");
}

#[test]
fn power_cuts_lose_nothing() {
    let (output, text) = campaign(&["power", "--cuts", "2"]);
    assert!(output.status.success());
    assert!(
        is_skipped(&text)
            || text.contains("power cuts: 2; turns: ") && text.contains(" 0 lost, 0 wrong"),
        "{text}"
    );
}

#[test]
fn a_missing_sync_is_noticed() {
    let (output, text) = campaign(&["power", "--cuts", "20", "--break", "no-sync"]);
    if is_skipped(&text) {
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("LOST: ledger/"), "{text}");
}
