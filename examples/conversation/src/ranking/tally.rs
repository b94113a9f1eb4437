use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::strength::strengths;
use crate::learnt::{Ranked, Ranking};
use crate::submission::{Submission, conversation_of};

/// What was counted of one conversation, and how far the feed was read for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The place in the feed; `None` before its first page.
    pub cursor: Option<String>,
    /// The answers' names; their places are their numbers.
    names: Vec<String>,
    /// As they are written.
    texts: Vec<String>,
    /// How often the first of two answers was preferred, and the second.
    pairs: Vec<(u32, u32, u32, u32)>,
    /// What each participant has submitted: answers and comparisons.
    pub participants: BTreeMap<String, (u32, u32)>,
    #[serde(skip)]
    index: Index,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Index {
    names: BTreeMap<String, u32>,
    pairs: BTreeMap<(u32, u32), usize>,
}

/// A page of the feed.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// What it has, in order.
    pub entries: Vec<Entry>,
    /// The place behind it.
    pub cursor: String,
    /// Whether there is more already.
    pub more: bool,
}

/// An entry of the feed.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// Whose it is.
    pub key: String,
    /// What it says.
    pub data: Submission,
}

impl Tally {
    /// Makes what is not stored of a tally that was read.
    #[must_use]
    pub(super) fn indexed(mut self) -> Self {
        let names = self.names.iter().cloned().zip(0..);
        let pairs = self.pairs.iter().map(|(one, other, ..)| (*one, *other)).zip(0..);
        self.index = Index { names: names.collect(), pairs: pairs.collect() };
        self
    }

    /// Counts what a page has of this conversation, and goes on to its end. Tells how many entries counted.
    pub fn take(&mut self, page: Page, conversation: &str) -> usize {
        self.cursor = Some(page.cursor);
        let mut count = 0;
        for Entry { key, data } in page.entries {
            if conversation_of(&key) != conversation {
                continue;
            }
            count += 1;
            let (answers, comparisons) = self.participants.entry(key).or_default();
            match data {
                Submission::Answered { answer, text } => {
                    *answers += 1;
                    let number = self.number(&answer) as usize;
                    self.texts[number] = text;
                }
                Submission::Compared { winner, loser } => {
                    *comparisons += 1;
                    self.compare(&winner, &loser);
                }
            }
        }
        count
    }

    fn compare(&mut self, winner: &str, loser: &str) {
        let (winner, loser) = (self.number(winner), self.number(loser));
        let pair = (winner.min(loser), winner.max(loser));
        let place = *self.index.pairs.entry(pair).or_insert_with(|| {
            self.pairs.push((pair.0, pair.1, 0, 0));
            self.pairs.len() - 1
        });
        let counted = &mut self.pairs[place];
        *(if winner == pair.0 { &mut counted.2 } else { &mut counted.3 }) += 1;
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.index.names.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        // An answer whose author was cut off by a crash is known from comparisons alone.
        self.texts.push(name.to_owned());
        self.index.names.insert(name.to_owned(), number);
        number
    }

    /// The ranking that follows from it.
    #[must_use]
    pub fn ranking(&self) -> Ranking {
        let strengths = strengths(self.names.len(), &self.pairs);
        let ranked = self.texts.iter().zip(strengths).map(|(text, it)| Ranked {
            text: text.clone(),
            strength: it.value,
            margin: it.margin,
            comparisons: it.comparisons,
        });
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort_by(|one, other| other.strength.total_cmp(&one.strength));
        let sum = |of: fn(&(u32, u32)) -> u32| {
            self.participants.values().map(|it| u64::from(of(it))).sum()
        };
        Ranking {
            participants: self.participants.len() as u64,
            answers: sum(|it| it.0),
            comparisons: sum(|it| it.1),
            ranked,
        }
    }
}
