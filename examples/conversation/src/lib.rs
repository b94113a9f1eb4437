//! A live research conversation: a moderator asks, thousands of participants answer and compare each
//! other's answers, and a ranking is learnt from the comparisons while the question runs.
//!
//! Each [`Participant`] has what they submitted in their own actor: their reads show their own writes at once.
//! The [`Pool`] has everybody's answers; participants read a copy of it that their node keeps. Answers and
//! comparisons go to the feed [`FEED`], which [`ranking`] reads in batches, in a process of its own.

mod conversation;
mod learnt;
mod numbers;
mod participant;
mod pool;
pub mod ranking;
mod submission;

pub use conversation::{
    Conversation, ConversationEvent, ConversationShown, Insight, InsightError, ModerateError, Phase,
};
pub use learnt::{Ranked, Ranking};
pub use numbers::Numbers;
pub use participant::{Made, Mine, Participant, Prompt, Side, SubmitError, Submitted};
pub use pool::{Answer, Pool, normal};
pub use submission::{FEED, Submission, conversation_of};
