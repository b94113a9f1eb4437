/// The feed that has what participants submit.
pub const FEED: &str = "conversation";

/// What a participant has submitted, as the feed has it. Answers are named by their normal form.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Submission {
    /// An answer.
    Answered {
        /// Its normal form.
        answer: String,
        /// As it was written.
        text: String,
    },
    /// A comparison of two answers.
    Compared {
        /// The one they prefer.
        winner: String,
        /// The other one.
        loser: String,
    },
}

/// The conversation that a participant's key names: `films` of `films.ada`.
#[must_use]
pub fn conversation_of(participant: &str) -> &str {
    participant.split_once('.').map_or(participant, |(conversation, _)| conversation)
}
