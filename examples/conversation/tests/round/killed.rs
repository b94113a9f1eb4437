//! The node and the ranking are killed in the middle of a round.

use std::path::Path;

use serde_json::{Value, json};
use tenure_campaigns::http::Connection;

use crate::programs::{node, ranking, start, wait_until};

const PARTICIPANTS: usize = 40;
const PAIRS: usize = 60;
const FILMS: usize = 20;

/// How many comparisons the ledger has counted.
fn counted(ledger: &Path) -> u64 {
    let counts = participants(ledger);
    counts.iter().map(|(_, _, comparisons)| comparisons).sum()
}

fn participants(ledger: &Path) -> Vec<(String, u64, u64)> {
    let Ok(text) = std::fs::read(ledger) else { return Vec::new() };
    let tally: Value = serde_json::from_slice(&text).expect("a ledger is whole at any time");
    let all = tally["participants"].as_object().expect("the participants");
    let counts = all.iter().map(|(key, it)| {
        (key.clone(), it[0].as_u64().expect("a count"), it[1].as_u64().expect("a count"))
    });
    counts.collect()
}

#[test]
fn every_comparison_counts_once_whoever_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("ranking.json");
    let launch = node(folder.path());
    let mut server = launch.start().expect("the node starts");
    let mut learner = ranking(&launch, &ledger);
    let films = concat!(env!("CARGO_MANIFEST_DIR"), "/data/films.csv");
    let (participants_arg, pairs, films_max) =
        (PARTICIPANTS.to_string(), PAIRS.to_string(), FILMS.to_string());
    let mut load = start(
        env!("CARGO_BIN_EXE_load"),
        &launch,
        &[
            "--participants",
            &participants_arg,
            "--pairs",
            &pairs,
            "--films",
            films,
            "--films-max",
            &films_max,
            "--patience",
            "20",
        ],
    );

    // Some were counted, some are still to come: first the ranking is killed, then the node.
    wait_until("nothing is counted", || counted(&ledger) > 0);
    learner.0.kill().expect("it is killed");
    learner.0.wait().expect("it has ended");
    server.kill();
    let server = launch.start().expect("the node starts again");
    let learner = ranking(&launch, &ledger);

    let mut output = String::new();
    let mut lines = load.0.stdout.take().expect("its output");
    std::io::Read::read_to_string(&mut lines, &mut output).expect("its output is text");
    assert!(load.0.wait().expect("it ends").success(), "{output}");
    let has =
        |line: &str| output.lines().any(|it| it.split_whitespace().eq(line.split_whitespace()));
    assert!(has("prompts handed out twice 0") && has("own writes missing 0"), "{output}");
    assert!(!has("reconnects 0"), "the node was killed too late: {output}");
    assert!(has(&format!("comparisons {}", PARTICIPANTS * PAIRS)), "{output}");

    // Per participant the count of the feed's consumer is that of the store.
    let mut connection = Connection::new(launch.listen);
    wait_until("not all are counted", || counted(&ledger) as usize >= PARTICIPANTS * PAIRS);
    let counts = participants(&ledger);
    assert_eq!(counts.len(), PARTICIPANTS);
    for (key, answers, comparisons) in counts {
        let mine = connection.call("GET", &format!("/v1/participant/{key}/mine"), "");
        let mine: Value = serde_json::from_str(&mine.expect("it answers")).expect("JSON");
        let prompts = mine["prompts"].as_array().expect("prompts");
        let chosen = prompts.iter().filter(|it| !it["chosen"].is_null()).count();
        let kept = (mine["answers"].as_array().expect("answers").len() as u64, chosen as u64);
        assert_eq!((answers, comparisons), kept, "{key}");
        assert_eq!(kept, (1, PAIRS as u64), "{key}");
    }
    let read = json!({"moderator": "secret"}).to_string();
    let told = connection.call("POST", "/v1/conversation/films/ranking", &read);
    let told: Value = serde_json::from_str(&told.expect("it answers")).expect("JSON");
    assert_eq!(told["comparisons"], PARTICIPANTS * PAIRS);
    drop(learner);
    server.stop().expect("it stops in good order");
}
