use std::time::Duration;

use tenure::Share;
use tenure::prelude::*;

use crate::learnt::Ranking;

const QUESTION_BYTES_MAX: usize = 500;
const MODERATOR_BYTES_MAX: usize = 100;
/// How many answers a ranking that is kept has, the best first.
const RANKED_MAX: usize = 1_000;
/// How many of them the moderator's page is told at each change.
const RANKED_SHOWN_MAX: usize = 25;

/// One question, and how far it has come.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    question: String,
    phase: Phase,
    /// The word that the moderator knows; whoever opens the conversation chooses it.
    moderator: Option<String>,
    ranking: Ranking,
}

/// What participants may do.
#[tenure::data]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet.
    #[default]
    Waiting,
    /// Answer.
    Answering,
    /// Answer, and compare each other's answers.
    Comparing,
    /// Nothing any more.
    Closed,
}

/// What participants are told.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationEvent {
    /// The question.
    pub question: String,
    /// What they may do now.
    pub phase: Phase,
}

/// A conversation, as everybody sees it.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConversationShown {
    /// The question.
    pub question: String,
    /// What participants may do.
    pub phase: Phase,
}

/// Why the moderator's wish is not met. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum ModerateError {
    /// The word is another one.
    #[problem(status = 403, "only the moderator may do that")]
    NotModerator,
    /// Nobody has opened it.
    #[problem(status = 409, "the conversation was not opened")]
    NotOpen,
    /// Too long, or empty.
    #[problem(status = 422, "the {what} has 1 to {bytes_max} bytes")]
    Length {
        /// What.
        what: String,
        /// The bound.
        bytes_max: u32,
    },
}

#[actor(events = ConversationEvent)]
impl Conversation {
    /// Opens the conversation, or asks another question in it. Its first moderator chooses the word that only
    /// moderators know.
    pub fn open(
        &mut self,
        cx: &mut Context<Self>,
        question: String,
        moderator: String,
    ) -> Result<(), ModerateError> {
        length("question", &question, QUESTION_BYTES_MAX)?;
        length("moderator's word", &moderator, MODERATOR_BYTES_MAX)?;
        if self.moderator.is_some() {
            self.check(&moderator)?;
        }
        (self.question, self.moderator) = (question, Some(moderator));
        self.tell(cx);
        Ok(())
    }

    /// Goes on to a phase, or back.
    pub fn enter(
        &mut self,
        cx: &mut Context<Self>,
        phase: Phase,
        moderator: String,
    ) -> Result<(), ModerateError> {
        self.check(&moderator)?;
        self.phase = phase;
        self.tell(cx);
        Ok(())
    }

    /// Takes the ranking as it is by now, and tells the moderator's page of it.
    pub fn rank(
        &mut self,
        cx: &mut Context<Self>,
        ranking: Ranking,
        moderator: String,
    ) -> Result<(), ModerateError> {
        self.check(&moderator)?;
        self.ranking = ranking;
        self.ranking.ranked.truncate(RANKED_MAX);
        let shown = self.shown();
        let insight = cx.detached::<Insight>(cx.key());
        cx.spawn(async move { insight.tell(shown).send().await.is_ok() }, |_| ConversationTold {});
        Ok(())
    }

    /// The question, and what participants may do.
    pub fn show(&self) -> ConversationShown {
        ConversationShown { question: self.question.clone(), phase: self.phase }
    }

    /// The whole ranking, for the moderator.
    pub fn ranking(&self, moderator: String) -> Result<Ranking, ModerateError> {
        self.check(&moderator)?;
        Ok(self.ranking.clone())
    }

    /// The top of the ranking, for the moderator's page.
    #[handler(internal)]
    pub fn top(&self, moderator: String) -> Result<Ranking, ModerateError> {
        self.check(&moderator)?;
        Ok(self.shown())
    }

    #[handler]
    fn told(&self) {}

    #[attach]
    fn begin(&self, peer: Peer) -> ConversationShown {
        // Everybody may take part.
        drop(peer);
        self.show()
    }
}

impl Conversation {
    fn check(&self, moderator: &str) -> Result<(), ModerateError> {
        let word = self.moderator.as_deref().ok_or(ModerateError::NotOpen)?;
        if word == moderator { Ok(()) } else { Err(ModerateError::NotModerator) }
    }

    fn tell(&self, cx: &mut Context<Self>) {
        let ConversationShown { question, phase } = self.show();
        cx.emit(ConversationEvent { question, phase });
    }

    fn shown(&self) -> Ranking {
        let mut shown = self.ranking.clone();
        shown.ranked.truncate(RANKED_SHOWN_MAX);
        shown
    }
}

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

impl Share for Conversation {
    type Copy = ConversationShown;
    /// For so long participants may go on with a phase that is over.
    const MAX_AGE: Duration = Duration::from_secs(2);

    async fn copy(conversation: ConversationRef) -> Result<ConversationShown, CallError> {
        conversation.show().await
    }
}

fn length(what: &str, text: &str, bytes_max: usize) -> Result<(), ModerateError> {
    if (1..=bytes_max).contains(&text.len()) {
        return Ok(());
    }
    Err(ModerateError::Length { what: what.to_owned(), bytes_max: bytes_max as u32 })
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;
    use crate::learnt::Ranked;

    #[test]
    fn only_who_knows_the_word_moderates() {
        let mut cx = TestContext::<Conversation>::new("films");
        let mut it = Conversation::default();
        let word = || "secret".to_owned();
        let not_open = it.enter(&mut cx, Phase::Answering, word());
        assert_eq!(not_open, Err(ModerateError::NotOpen));
        assert_eq!(it.open(&mut cx, "Which film?".to_owned(), word()), Ok(()));
        let refused = it.open(&mut cx, "Another?".to_owned(), "guess".to_owned());
        assert_eq!(refused, Err(ModerateError::NotModerator));
        assert_eq!(it.enter(&mut cx, Phase::Answering, word()), Ok(()));
        let phases: Vec<_> = cx.events().into_iter().map(|event| event.phase).collect();
        assert_eq!(phases, [Phase::Waiting, Phase::Answering]);
        assert!(it.ranking("guess".to_owned()).is_err());
        assert!(it.open(&mut cx, String::new(), word()).is_err());
    }

    #[test]
    fn a_ranking_is_kept_and_its_top_is_told() {
        let mut cx = TestContext::<Conversation>::new("films");
        cx.with::<Insight>();
        let mut it = Conversation::default();
        it.open(&mut cx, "Which film?".to_owned(), "secret".to_owned()).expect("it opens");
        let one = Ranked { text: "one".to_owned(), strength: 1.0, margin: 0.5, comparisons: 8 };
        let ranking = Ranking { ranked: vec![one; RANKED_MAX + 1], ..Ranking::default() };
        it.rank(&mut cx, ranking, "secret".to_owned()).expect("it is taken");
        cx.deliver(&mut it);
        assert_eq!(it.ranking("secret".to_owned()).expect("it is there").ranked.len(), RANKED_MAX);
        let told = cx.events_of::<Insight>("films");
        assert_eq!(told.iter().map(|it| it.ranked.len()).collect::<Vec<_>>(), [RANKED_SHOWN_MAX]);
    }
}
