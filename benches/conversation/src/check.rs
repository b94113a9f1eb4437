//! What every subject must do before it is timed: hand no prompt out twice, and show what was submitted.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};

use crate::client::{Connection, Http, Said};
use crate::job::{Prompt, Submitted};
use crate::subject::Subject;

const PATIENCE: Duration = Duration::from_secs(30);
const PERIOD: Duration = Duration::from_millis(50);
const MODERATOR: &str = "secret";
const TEXTS: [&str; 6] = ["One", "Two", "Three", "Four", "Five", "Six"];
/// The pairs of the five that are not one's own.
const PAIRS: usize = 10;

/// Opens a conversation, and lets it take comparisons.
pub(crate) async fn open(at: SocketAddr, conversation: &str) -> anyhow::Result<()> {
    let mut http = Http::open(at).await?;
    let path = |method: &str| format!("/v1/conversation/{conversation}/{method}");
    let body = format!(r#"{{"question":"Which film?","moderator":"{MODERATOR}"}}"#);
    http.post(&path("open"), &body).await?.read::<()>()?;
    let body = format!(r#"{{"phase":"comparing","moderator":"{MODERATOR}"}}"#);
    http.post(&path("enter"), &body).await?.read::<()>()?;
    Ok(())
}

/// Answers; where the service asks to come again, comes again.
pub(crate) async fn answer(
    connection: &mut Connection,
    key: &str,
    text: &str,
    count: &mut u64,
) -> anyhow::Result<Submitted> {
    let body = format!(r#"{{"answer":{{"text":"{text}"}}}}"#);
    let begun = Instant::now();
    loop {
        *count += 1;
        match connection.submit(key, &body).await? {
            Said::Refused { message, .. } if begun.elapsed() > PATIENCE => bail!("{message}"),
            Said::Refused { .. } => tokio::time::sleep(PERIOD).await,
            said => return said.read(),
        }
    }
}

/// Says how many submissions it made.
///
/// # Errors
/// The subject does not do what it must.
pub(crate) async fn check(at: SocketAddr, subject: Subject) -> anyhow::Result<u64> {
    open(at, "check").await?;
    let mut connection = Connection::open(at, subject).await?;
    let mut count = 0;
    for (author, text) in TEXTS.iter().enumerate().skip(1) {
        answer(&mut connection, &format!("check.author{author}"), text, &mut count).await?;
    }
    let prompts = all_prompts(&mut connection, &mut count).await?;
    for (nth, number) in prompts.iter().enumerate() {
        let choose =
            |side: &str| format!(r#"{{"choice":{{"number":{number},"chosen":"{side}"}}}}"#);
        for _ in 0..2 {
            let told = connection.submit("check.ada", &choose("left")).await?;
            let told: Submitted = told.read()?;
            ensure!(told.prompt.is_none(), "a prompt came again: {told:?}");
            ensure!(told.compared == nth as i64 + 1, "a choice is not seen once: {told:?}");
            ensure!(told.answers == [TEXTS[0]], "the own answer is not seen: {told:?}");
        }
        let said = connection.submit("check.ada", &choose("right")).await?;
        ensure!(matches!(said, Said::Refused { .. }), "a choice was taken back: {said:?}");
        count += 3;
    }
    let missing = r#"{"choice":{"number":99,"chosen":"left"}}"#;
    let said = connection.submit("check.ada", missing).await?;
    ensure!(matches!(said, Said::Refused { .. }), "there is no prompt 99: {said:?}");
    Ok(count)
}

/// Takes prompts until there are no more, and gives their numbers.
async fn all_prompts(connection: &mut Connection, count: &mut u64) -> anyhow::Result<Vec<i32>> {
    let (mut pairs, mut others) = (BTreeSet::new(), BTreeSet::new());
    let mut numbers = Vec::new();
    let begun = Instant::now();
    loop {
        ensure!(begun.elapsed() < PATIENCE, "only {pairs:?} of {others:?}");
        // The same answer again changes nothing, and brings the next prompt.
        let told = answer(connection, "check.ada", TEXTS[0], count).await?;
        ensure!(told.answers == [TEXTS[0]], "the own answer is not seen: {told:?}");
        ensure!(!told.others.iter().any(|it| it == TEXTS[0]), "an own one among others': {told:?}");
        others.extend(told.others);
        match told.prompt {
            Some(Prompt { number, left, right, chosen }) => {
                ensure!(chosen.is_none() && number == numbers.len() as i32 + 1, "prompt {number}");
                let mut pair = [left.name, right.name];
                pair.sort();
                ensure!(!pair.contains(&"one".to_owned()), "with an own answer: {pair:?}");
                ensure!(pair[0] != pair[1], "with itself: {pair:?}");
                ensure!(pairs.insert(pair.clone()), "handed out twice: {pair:?}");
                numbers.push(number);
            }
            None if pairs.len() == PAIRS && others.len() == TEXTS.len() - 1 => return Ok(numbers),
            // What others answered may be known a little later.
            None => tokio::time::sleep(PERIOD).await,
        }
    }
}
