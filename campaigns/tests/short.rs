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
fn troubles_of_a_database_lose_nothing() {
    for trouble in ["kill", "failover"] {
        let (output, text) = campaign(&["database", "--strikes", "2", "--trouble", trouble]);
        assert!(output.status.success(), "{trouble}");
        assert!(text.contains(": 2; turns: ") && text.contains(" 0 lost, 0 wrong"), "{text}");
    }
}

#[test]
fn kills_and_stops_of_nodes_of_a_cluster_lose_nothing() {
    for strike in ["kill", "stop"] {
        let short = ["--strikes", "2", "--lease", "2", "--actors", "8"];
        let (output, text) = campaign(&[&["cluster", "--strike", strike], &short[..]].concat());
        assert!(output.status.success(), "{strike}");
        assert!(text.contains("strikes: 2; turns: ") && text.contains(" 0 findings"), "{text}");
    }
}

#[test]
fn a_node_of_many_actors_is_killed_and_all_of_them_answer_again() {
    let (output, text) = campaign(&["million", "--actors", "6000", "--probes", "32"]);
    assert!(output.status.success());
    assert!(text.contains("registered: 6000 actors, 6000 entries"), "{text}");
    assert!(text.contains("all actors answered after ") && text.contains(" 0 findings"), "{text}");
}

/// Nodes that go on by gossip where three of them hear each other.
const QUORUM: &[&str] = &["--rule", "quorum", "--splits", "1", "--hold", "12"];

#[test]
fn a_network_that_falls_apart_loses_nothing() {
    for rule in [&["--splits", "2", "--hold", "6", "--lease", "2"][..], QUORUM] {
        let (output, text) = campaign(&[&["split"], rule].concat());
        assert!(output.status.success());
        let is_whole = text.contains("splits: ") && text.contains(" 0 findings");
        assert!(is_whole || is_skipped(&text), "{text}");
    }
}

/// A cluster that is restarted by another build, with few actors.
const ROLL: &[&str] =
    &["roll", "--rounds", "1", "--actors", "8", "--calm", "1", "--followers", "8"];

#[test]
fn restarts_of_a_cluster_by_another_build_fail_no_call_and_lose_and_double_no_event() {
    for way in ["in-place", "spare"] {
        let (output, text) = campaign(&[ROLL, &["--way", way]].concat());
        assert!(output.status.success(), "{way}");
        let is_whole = text.contains("rounds: 1; calls: ") && text.contains(" 0 failed, ");
        assert!(is_whole && text.contains(" 0 findings"), "{text}");
        let hears_all = text.contains(" delivered, 0 lost, 0 doubled; ");
        assert!(text.contains("followers: 8; ") && hears_all, "{text}");
        assert!(!text.contains(" 0 delivered") && !text.contains(" 0 reconnects"), "{text}");
    }
}

#[test]
fn a_member_table_that_is_killed_fails_over_or_has_a_wrong_clock_costs_no_node_and_loses_nothing() {
    for strike in ["table-kill", "table-fail-over", "table-clock"] {
        let short = ["--strikes", "1", "--lease", "2", "--actors", "8"];
        let (output, text) = campaign(&[&["cluster", "--strike", strike], &short[..]].concat());
        assert!(output.status.success(), "{strike}");
        assert!(text.contains("strikes: 1; turns: ") && text.contains(" 0 findings"), "{text}");
    }
}

/// Everything is upgraded once, with few actors.
const REHEARSE: &[&str] = &["rehearse", "--rounds", "1", "--actors", "8", "--lease", "2"];

#[test]
fn everything_is_upgraded_in_turn_and_nothing_is_lost() {
    let (output, text) = campaign(REHEARSE);
    assert!(output.status.success());
    assert!(text.contains("\nNodes: 1 times") && text.contains("\nDatabase: 1 times"), "{text}");
    assert!(text.contains("rounds: 1; ") && text.contains(" 0 findings"), "{text}");
}

#[test]
fn a_rehearsal_in_which_nodes_do_not_drain_is_noticed() {
    let (output, text) = campaign(&[REHEARSE, &["--break", "no-drain"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let nodes = text.lines().find(|line| line.starts_with("Nodes: ")).expect("a line of them");
    assert!(!nodes.ends_with(", 0 unknown") && text.contains("WRONG: "), "{text}");
}

#[test]
#[cfg(feature = "etcd")]
fn with_the_member_table_in_etcd_everything_is_upgraded_and_its_leader_killed() {
    let (output, text) = campaign(&[REHEARSE, &["--table", "etcd"]].concat());
    assert!(output.status.success());
    assert!(text.contains("\nTable: 1 times") && text.contains(" 0 findings"), "{text}");
    for strike in ["table-kill", "table-fail-over"] {
        let short = ["--strikes", "2", "--lease", "2", "--actors", "8", "--table", "etcd"];
        let (output, text) = campaign(&[&["cluster", "--strike", strike], &short[..]].concat());
        assert!(output.status.success(), "{strike}");
        assert!(text.contains("strikes: 2; turns: ") && text.contains(" 0 findings"), "{text}");
    }
}

#[test]
fn nodes_that_do_not_drain_are_noticed() {
    let (output, text) = campaign(&[ROLL, &["--break", "no-drain"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains(" failed, ") && !text.contains(" 0 failed, "), "{text}");
}

#[test]
fn calls_with_keys_have_one_effect_on_a_database() {
    let keys = ["keys", "--calls", "5000", "--kills", "2", "--postgres"];
    let (output, text) = campaign(&keys);
    assert!(output.status.success());
    assert!(text.contains(" 0 wrong"), "{text}");
}

#[test]
fn kills_of_server_and_consumer_lose_and_double_no_entry() {
    let (output, text) = campaign(&["feeds", "--kills", "6"]);
    assert!(output.status.success());
    assert!(text.contains("3 kills of the server, 3 of the consumer"), "{text}");
    assert!(text.contains(" counted, 0 wrong"), "{text}");
}

#[test]
fn entries_outside_of_their_turn_are_noticed() {
    let late = ["feeds", "--kills", "6", "--patience", "5", "--break", "late-append"];
    let (output, text) = campaign(&late);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("WRONG: speaker/"), "{text}");
}

#[test]
fn a_reply_before_its_commit_is_noticed() {
    let (output, text) = campaign(&["kill", "--kills", "20", "--break", "early-reply"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("LOST: ledger/"), "{text}");
}

#[test]
fn kills_lose_no_events() {
    let (output, text) = campaign(&["kill", "--kills", "3", "--mode", "event-sourced"]);
    assert!(output.status.success());
    assert!(text.contains("kills: 3; turns: ") && text.contains(" 0 lost, 0 wrong"), "{text}");
}

#[test]
fn kills_lose_no_more_than_the_delay_of_write_behind() {
    let behind = ["kill", "--kills", "3", "--mode", "write-behind", "--slow-store", "50ms"];
    let (output, text) = campaign(&behind);
    assert!(output.status.success());
    assert!(text.contains(" 0 wrong") && text.contains("\nbehind: "), "{text}");
}

#[test]
fn a_flush_that_comes_late_is_noticed() {
    let late = ["kill", "--kills", "5", "--mode", "write-behind", "--break", "late-flush"];
    let (output, text) = campaign(&late);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("its lost turn was acknowledged"), "{text}");
}

#[test]
fn a_metric_that_hides_what_is_unsaved_is_noticed() {
    let hidden = ["kill", "--kills", "20", "--mode", "write-behind", "--slow-store", "100ms"];
    let (output, text) = campaign(&[&hidden[..], &["--break", "hidden-age"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("tenure_unsaved_age_seconds was 0.000"), "{text}");
}

#[test]
fn calls_with_keys_have_one_effect() {
    let (output, text) = campaign(&["keys", "--calls", "3000", "--kills", "3", "--actors", "50"]);
    assert!(output.status.success());
    assert!(text.contains("keys: 3000 calls of 50 actors") && text.contains(" 0 wrong"), "{text}");
}

#[test]
fn calls_whose_keys_are_ignored_are_noticed() {
    let ignored = ["keys", "--calls", "3000", "--kills", "1", "--actors", "50"];
    let (output, text) = campaign(&[&ignored[..], &["--break", "no-keys"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("WRONG: actor "), "{text}");
}

#[test]
fn reminders_come_once_over_restarts() {
    let few = ["reminders", "--reminders", "200", "--restarts", "3", "--seconds", "6"];
    let (output, text) = campaign(&[&few[..], &["--actors", "40"]].concat());
    assert!(output.status.success());
    assert!(text.contains("reminders: 200 set, ") && text.contains(" 0 wrong"), "{text}");
}

#[test]
fn reminders_that_are_not_found_again_are_missed() {
    let few = ["reminders", "--reminders", "100", "--restarts", "2", "--seconds", "3"];
    let lost = ["--actors", "40", "--patience", "2", "--break", "nothing-due"];
    let (output, text) = campaign(&[&few[..], &lost].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains(" is MISSING"), "{text}");
}

/// An overload that is small, and judged so that a busy machine does not decide.
const OVERLOAD: &[&str] = &[
    "overload",
    "--seconds",
    "3",
    "--peak-seconds",
    "3",
    "--after-seconds",
    "6",
    "--mills",
    "8",
    "--connections",
    "600",
    "--kept",
    "40",
    "--refusal-ms",
    "2000",
];

#[test]
fn too_much_is_refused_and_the_rest_is_done() {
    let (output, text) = campaign(OVERLOAD);
    assert!(output.status.success());
    assert!(text.contains(" refused (median "), "{text}");
}

#[test]
fn calls_that_wait_without_a_bound_are_noticed() {
    let (output, text) = campaign(&[OVERLOAD, &["--break", "no-bounds"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains(" calls came to their deadline"), "{text}");
}

/// 200,000 actors where memory holds half of them.
const MANY: &[&str] = &["many", "--actors", "200000", "--memory", "64MiB", "--sample", "20000"];

#[test]
fn actors_that_left_memory_are_found_again() {
    let (output, text) = campaign(MANY);
    assert!(output.status.success());
    assert!(text.contains("many: 200000 actors touched") && text.contains(" 0 lost"), "{text}");
    assert!(!text.contains(" 0 evicted"), "{text}");
}

#[test]
fn actors_that_are_not_found_again_are_missed() {
    let (output, text) = campaign(&[MANY, &["--break", "forgetful"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("LOST: ledger/"), "{text}");
}

#[test]
fn power_cuts_lose_no_events() {
    let (output, text) = campaign(&["power", "--cuts", "2", "--mode", "event-sourced"]);
    assert!(output.status.success());
    assert!(is_skipped(&text) || text.contains(" 0 lost, 0 wrong"), "{text}");
}

#[test]
fn power_cuts_lose_no_more_than_the_delay_of_write_behind() {
    let (output, text) = campaign(&["power", "--cuts", "2", "--mode", "write-behind"]);
    assert!(output.status.success());
    assert!(is_skipped(&text) || text.contains(" 0 wrong"), "{text}");
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
fn power_cuts_of_a_database_lose_nothing() {
    for mode in ["write-through", "event-sourced", "write-behind"] {
        // The first takes the node with it, the second leaves it alone.
        let (output, text) = campaign(&["power", "--postgres", "--cuts", "2", "--mode", mode]);
        assert!(output.status.success(), "{mode}");
        let is_whole = text.contains("power cuts: 2; turns: ") && text.contains(" 0 lost, 0 wrong");
        assert!(is_skipped(&text) || is_whole, "{text}");
    }
}

#[test]
fn a_database_whose_syncs_do_nothing_is_noticed() {
    let (output, text) = campaign(&["power", "--postgres", "--cuts", "5", "--break", "no-sync"]);
    if is_skipped(&text) {
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("LOST: ledger/"), "{text}");
}

#[test]
fn a_reply_before_its_commit_to_a_database_is_noticed() {
    let early = ["kill", "--postgres", "--kills", "20", "--break", "early-reply"];
    let (output, text) = campaign(&early);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("LOST: ledger/"), "{text}");
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
