use tenure::prelude::*;

use crate::conversation::{Conversation, Ranking};

/// What the moderator sees of a conversation while it runs: apart from it, so that participants, who follow the
/// conversation, are not sent it. It keeps nothing: who begins to follow is told what the conversation has.
#[tenure::data]
#[derive(Clone, Debug, Default)]
pub struct Insight {}

/// Why somebody is not told.
#[tenure::error]
#[derive(PartialEq)]
pub enum InsightError {
    /// The data of the subscription has no `moderator`, or another conversation's.
    #[problem(status = 403, "only the moderator may see this")]
    NotModerator,
    /// The conversation did not answer.
    #[problem(status = 503, retry_after = "1s", "the conversation does not answer")]
    NoAnswer,
}

#[actor(persist = volatile, events = Ranking)]
impl Insight {
    /// Tells who follows.
    #[handler(internal)]
    pub fn tell(&mut self, cx: &mut Context<Self>, ranking: Ranking) {
        cx.emit(ranking);
    }

    #[attach]
    async fn begin(&self, cx: &Context<Self>, peer: Peer) -> Result<Ranking, InsightError> {
        let word = peer.data["moderator"].as_str().unwrap_or_default().to_owned();
        match cx.actor::<Conversation>(cx.key()).top(word).await {
            Ok(ranking) => Ok(ranking),
            Err(CallError::App(_)) => Err(InsightError::NotModerator),
            Err(_) => Err(InsightError::NoAnswer),
        }
    }
}
