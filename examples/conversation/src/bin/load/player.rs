//! One participant: answers with a film, compares pairs, and looks after each submission whether it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use conversation::{Mine, Numbers, Prompt, Side, normal};
use serde_json::{Value, json};
use tokio::sync::{Barrier, Semaphore};
use tokio::time::sleep;

use crate::films::Films;
use crate::socket::Socket;

/// How long to wait before something that may succeed later is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// What all players share.
pub(crate) struct Table {
    pub(crate) url: String,
    pub(crate) conversation: String,
    pub(crate) films: Films,
    pub(crate) pairs: u32,
    pub(crate) patience: Duration,
    /// Bounds the connections that are being opened.
    pub(crate) doors: Semaphore,
    /// Everybody has answered.
    pub(crate) answered: Barrier,
    pub(crate) progress: indicatif::ProgressBar,
}

/// What became of one player, or of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Played {
    pub(crate) answers: u64,
    pub(crate) comparisons: u64,
    /// Prompts that came a second time.
    pub(crate) repeats: u64,
    /// Submissions that were not in the next read over the same connection.
    pub(crate) missing: u64,
    /// Submissions that a crash took back, and that were made again.
    pub(crate) again: u64,
    pub(crate) reconnects: u64,
    /// From a comparison to the next prompt.
    pub(crate) times: Vec<Duration>,
}

pub(crate) struct Player {
    table: Arc<Table>,
    number: u64,
    numbers: Numbers,
    socket: Option<Socket>,
    /// Counts the connections there were.
    connection: u64,
    answer: String,
    /// What was chosen, and over which connection that was said.
    chosen: BTreeMap<u32, (Side, u64)>,
    /// The connection over which the answer was submitted.
    answered_over: u64,
    seen: BTreeSet<[String; 2]>,
    played: Played,
}

impl Player {
    pub(crate) fn new(table: Arc<Table>, number: u64, seed: u64) -> Self {
        let answer = table.films.title(number).to_owned();
        Self {
            table,
            number,
            numbers: Numbers::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            socket: None,
            connection: 0,
            answer,
            chosen: BTreeMap::new(),
            answered_over: 0,
            seen: BTreeSet::new(),
            played: Played::default(),
        }
    }

    pub(crate) async fn play(mut self) -> anyhow::Result<Played> {
        let answered = self.answer().await;
        // Who fails comes as well: the others would wait for ever.
        self.table.answered.wait().await;
        answered?;
        let mut prompt = self.next().await?;
        while let Some(asked) = prompt {
            let begun = Instant::now();
            self.prefer(&asked).await?;
            let is_last = self.chosen.len() as u32 >= self.table.pairs;
            prompt = if is_last { None } else { self.next().await? };
            if !is_last {
                self.played.times.push(begun.elapsed());
            }
            self.look().await?;
        }
        // Nobody would submit again what a later crash took back.
        while self.compare_with("saved").await? > 0 {}
        self.played.comparisons = self.chosen.len() as u64;
        Ok(self.played)
    }

    async fn answer(&mut self) -> anyhow::Result<()> {
        self.offer().await?;
        self.played.answers = 1;
        self.look().await
    }

    async fn offer(&mut self) -> anyhow::Result<()> {
        self.call("answer", &json!({"text": self.answer.clone()})).await?;
        self.answered_over = self.connection;
        Ok(())
    }

    /// A prompt; waits until the pool has enough.
    async fn next(&mut self) -> anyhow::Result<Option<Prompt>> {
        let begun = Instant::now();
        while begun.elapsed() < self.table.patience {
            let prompt: Option<Prompt> =
                serde_json::from_value(self.call("next", &json!({})).await?)?;
            let Some(prompt) = prompt else {
                sleep(RETRY).await;
                continue;
            };
            let mut pair = [prompt.left.name.clone(), prompt.right.name.clone()];
            pair.sort();
            if !self.seen.insert(pair) {
                self.played.repeats += 1;
            }
            return Ok(Some(prompt));
        }
        bail!("there is nothing to compare")
    }

    async fn prefer(&mut self, prompt: &Prompt) -> anyhow::Result<()> {
        let films = &self.table.films;
        let (left, right) = (films.rating(&prompt.left.name), films.rating(&prompt.right.name));
        let is_left = self.numbers.is_likely(1.0 / (1.0 + (right - left).exp()));
        let chosen = if is_left { Side::Left } else { Side::Right };
        self.submit(prompt.number, chosen).await?;
        self.table.progress.inc(1);
        Ok(())
    }

    async fn submit(&mut self, number: u32, chosen: Side) -> anyhow::Result<()> {
        self.call("prefer", &json!({"number": number, "chosen": chosen})).await?;
        self.chosen.insert(number, (chosen, self.connection));
        Ok(())
    }

    /// Reads what was submitted. What is not there is missing; or a crash has taken it back, and it is submitted
    /// again, as a page does.
    async fn look(&mut self) -> anyhow::Result<()> {
        self.compare_with("mine").await.map(drop)
    }

    async fn compare_with(&mut self, read: &str) -> anyhow::Result<usize> {
        let mine: Mine = serde_json::from_value(self.call(read, &json!({})).await?)?;
        let mut count = 0;
        if !mine.answers.iter().any(|it| normal(it) == normal(&self.answer)) {
            self.count_lost(self.answered_over);
            self.offer().await?;
            count += 1;
        }
        let lost = self.chosen.iter().filter(|(number, (chosen, _))| {
            let prompt = mine.prompts.get(**number as usize - 1);
            prompt.and_then(|it| it.chosen) != Some(*chosen)
        });
        let lost: Vec<_> = lost.map(|(number, (chosen, over))| (*number, *chosen, *over)).collect();
        for (number, chosen, over) in lost {
            self.count_lost(over);
            self.submit(number, chosen).await?;
            count += 1;
        }
        Ok(count)
    }

    fn count_lost(&mut self, over: u64) {
        let is_same = over == self.connection;
        *(if is_same { &mut self.played.missing } else { &mut self.played.again }) += 1;
    }

    /// Makes a call until it is answered. All of them may be made twice: what is there already changes nothing,
    /// and a prompt whose reply was lost stays unanswered.
    async fn call(&mut self, method: &str, data: &Value) -> anyhow::Result<Value> {
        let path = format!("participant/{}.p{}/{method}", self.table.conversation, self.number);
        let begun = Instant::now();
        let mut why = String::new();
        while begun.elapsed() < self.table.patience {
            let mut socket = match self.socket.take() {
                Some(socket) => socket,
                None => match self.open().await {
                    Ok(socket) => socket,
                    Err(error) => {
                        why = format!("{error:#}");
                        sleep(RETRY).await;
                        continue;
                    }
                },
            };
            match socket.call(&path, data).await {
                Err(error) => why = format!("{error:#}"),
                Ok(answer) => {
                    self.socket = Some(socket);
                    match answer {
                        Ok(reply) => return Ok(reply),
                        Err(refusal) if refusal.is_temporary => why = refusal.message,
                        Err(refusal) => bail!("{path}: {}", refusal.message),
                    }
                }
            }
            sleep(RETRY).await;
        }
        bail!("{path}: given up after {:?}: {why}", self.table.patience)
    }

    async fn open(&mut self) -> anyhow::Result<Socket> {
        let table = Arc::clone(&self.table);
        let _door = table.doors.acquire().await?;
        let topic = format!("conversation:{}", table.conversation);
        let socket = Socket::open(&table.url, &topic).await?;
        self.connection += 1;
        self.played.reconnects = self.connection - 1;
        Ok(socket)
    }
}

impl Played {
    pub(crate) fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.comparisons += other.comparisons;
        self.repeats += other.repeats;
        self.missing += other.missing;
        self.again += other.again;
        self.reconnects += other.reconnects;
        self.times.extend(other.times);
    }
}
