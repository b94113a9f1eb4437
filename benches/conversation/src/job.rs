//! What goes over the wire: the words of `examples/conversation`, which the twins speak as well.

use serde::{Deserialize, Serialize};

/// The bounds of the example.
pub(crate) const ANSWER_BYTES_MAX: usize = 200;
pub(crate) const ANSWERS_MAX: i32 = 20;
pub(crate) const POOL_MAX: i32 = 2_000;
pub(crate) const PROMPTS_MAX: i32 = 200;
/// How many pairs are drawn at random before they are gone through in order.
pub(crate) const DRAWS_MAX: i32 = 32;
/// How many answers of others come with a reply.
pub(crate) const OTHERS_MAX: usize = 10;
/// How many are drawn for that: one's own and equal ones fall out.
pub(crate) const OTHERS_DRAWN: usize = 12;

/// What a participant submits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Made {
    Answer { text: String },
    Choice { number: i32, chosen: Side },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Left,
    Right,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    pub(crate) number: i32,
    pub(crate) left: Answer,
    pub(crate) right: Answer,
    pub(crate) chosen: Option<Side>,
}

/// What a participant sees after a submission.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Submitted {
    pub(crate) prompt: Option<Prompt>,
    pub(crate) answers: Vec<String>,
    pub(crate) compared: i64,
    pub(crate) others: Vec<String>,
}

/// The conversation that a participant's key names: `films` of `films.ada`.
pub(crate) fn conversation_of(participant: &str) -> &str {
    participant.split_once('.').map_or(participant, |(conversation, _)| conversation)
}

/// What two answers have in common that are one.
pub(crate) fn normal(text: &str) -> String {
    let words = text.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Numbers that look like random ones and follow from their seed (SplitMix64, Steele et al. 2014).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % end
    }
}
