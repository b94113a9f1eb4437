use tenure::prelude::*;
use tenure::{Key, Shared, SharedError};

use crate::conversation::{Conversation, ConversationShown, Phase};
use crate::numbers::Numbers;
use crate::pool::{Answer, Pool, normal};
use crate::submission::{FEED, Submission, conversation_of};

const ANSWER_BYTES_MAX: usize = 200;
/// What one participant may submit in a conversation.
const ANSWERS_MAX: usize = 20;
const PROMPTS_MAX: usize = 200;
/// How many pairs are drawn at random before they are gone through in order.
const DRAWS_MAX: u32 = 32;
/// How many answers of others come with the reply to a submission.
const OTHERS_MAX: usize = 10;

/// One participant of one conversation; the key is `films.ada`. It has all that they submitted, so that each of
/// their reads shows their own writes.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Participant {
    answers: Vec<String>,
    prompts: Vec<Prompt>,
}

/// Two answers to be compared.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Which one of this participant's, from 1.
    pub number: u32,
    /// One.
    pub left: Answer,
    /// The other.
    pub right: Answer,
    /// Which one they prefer; none yet, or never.
    pub chosen: Option<Side>,
}

/// One of two.
#[tenure::data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

/// What a participant submits.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// An answer.
    Answer {
        /// As they write it.
        text: String,
    },
    /// Which of two answers they prefer.
    Choice {
        /// The prompt.
        number: u32,
        /// The one they prefer.
        chosen: Side,
    },
}

/// What a participant sees after a submission.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Submitted {
    /// The next two answers to be compared; none if there are no more, or not now.
    pub prompt: Option<Prompt>,
    /// Their own answers, as they wrote them.
    pub answers: Vec<String>,
    /// How many pairs they have compared.
    pub compared: u32,
    /// Some answers of others, drawn at random.
    pub others: Vec<String>,
}

/// What a participant has submitted.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mine {
    /// Their answers, as they wrote them.
    pub answers: Vec<String>,
    /// What they were asked to compare, in order.
    pub prompts: Vec<Prompt>,
}

/// Why a submission is not taken, or no prompt given. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum SubmitError {
    /// Not in this phase.
    #[problem(status = 409, "the conversation does not take this now")]
    NotNow,
    /// This node has only begun to read the conversation.
    #[problem(status = 503, retry_after = "100ms", "the conversation is being read; try again")]
    NotYet,
    /// An answer that is empty or too long.
    #[problem(status = 422, "an answer has 1 to {bytes_max} bytes")]
    Length {
        /// The bound.
        bytes_max: u32,
    },
    /// They have submitted as much as one may.
    #[problem(status = 409, "that was enough; thank you")]
    Enough,
    /// There is no such prompt.
    #[problem(status = 404, "there is no prompt {number}")]
    NoPrompt {
        /// Which one.
        number: u32,
    },
    /// They have chosen the other one before.
    #[problem(status = 409, "prompt {number} is answered")]
    Answered {
        /// Which one.
        number: u32,
    },
}

// Written behind: their own reads show all at once, and a crash takes back at most 200 ms. A prompt is handed
// out only when that is durable: none is ever handed out again.
#[actor(persist = write_behind(max_delay = "200ms"))]
impl Participant {
    /// Submits an answer. One that is there already changes nothing.
    pub fn answer(&mut self, cx: &mut Context<Self>, text: String) -> Result<(), SubmitError> {
        let text = text.trim().to_owned();
        let answer = normal(&text);
        if answer.is_empty() || text.len() > ANSWER_BYTES_MAX {
            return Err(SubmitError::Length { bytes_max: ANSWER_BYTES_MAX as u32 });
        }
        if self.answers.iter().any(|it| normal(it) == answer) {
            return Ok(());
        }
        if !matches!(phase(cx)?, Phase::Answering | Phase::Comparing) {
            return Err(SubmitError::NotNow);
        }
        if self.answers.len() >= ANSWERS_MAX {
            return Err(SubmitError::Enough);
        }
        cx.append(FEED, &Submission::Answered { answer, text: text.clone() });
        self.answers.push(text.clone());
        offer(cx, text);
        Ok(())
    }

    /// Hands out two answers of others to be compared: none if there are no more.
    #[handler(persist = write_through)]
    pub fn next(&mut self, cx: &mut Context<Self>) -> Result<Option<Prompt>, SubmitError> {
        if phase(cx)? != Phase::Comparing {
            return Err(SubmitError::NotNow);
        }
        if self.prompts.len() >= PROMPTS_MAX {
            return Err(SubmitError::Enough);
        }
        let pool = recent(cx.shared::<Pool>(conversation_of(cx.key())))?;
        self.offer_again(cx, &pool);
        let seed = cx.call_id().0;
        let Some((left, right)) = self.draw(&pool, seed) else { return Ok(None) };
        let number = self.prompts.len() as u32 + 1;
        let prompt = Prompt { number, left: left.clone(), right: right.clone(), chosen: None };
        self.prompts.push(prompt.clone());
        Ok(Some(prompt))
    }

    /// Submits which of two answers is preferred. The same again changes nothing.
    pub fn prefer(
        &mut self,
        cx: &mut Context<Self>,
        number: u32,
        chosen: Side,
    ) -> Result<(), SubmitError> {
        let place = (number as usize).checked_sub(1);
        let prompt = place.and_then(|place| self.prompts.get_mut(place));
        let prompt = prompt.ok_or(SubmitError::NoPrompt { number })?;
        match prompt.chosen {
            Some(before) if before == chosen => return Ok(()),
            Some(_) => return Err(SubmitError::Answered { number }),
            None => {}
        }
        // What was handed out may be answered when the conversation has gone on.
        prompt.chosen = Some(chosen);
        let (left, right) = (prompt.left.name.clone(), prompt.right.name.clone());
        let (winner, loser) = match chosen {
            Side::Left => (left, right),
            Side::Right => (right, left),
        };
        cx.append(FEED, &Submission::Compared { winner, loser });
        Ok(())
    }

    /// All of that in one turn: submits, hands out the next prompt, and shows what a page shows. A crash takes it
    /// back as a whole, at most 200 ms of it: then the prompt may be handed out again.
    pub fn submit(&mut self, cx: &mut Context<Self>, made: Made) -> Result<Submitted, SubmitError> {
        match made {
            Made::Answer { text } => self.answer(cx, text)?,
            Made::Choice { number, chosen } => self.prefer(cx, number, chosen)?,
        }
        // The submission is taken, whether there is a next prompt or not.
        let prompt = self.next(cx).unwrap_or_default();
        let pool = recent(cx.shared::<Pool>(conversation_of(cx.key()))).ok();
        let pool = pool.as_deref().map_or(&[][..], Vec::as_slice);
        let compared = self.prompts.iter().filter(|it| it.chosen.is_some()).count() as u32;
        let others = self.some_others(pool, cx.call_id().0 ^ 1);
        Ok(Submitted { prompt, answers: self.answers.clone(), compared, others })
    }

    /// As `submit`, when it is durable: no crash takes it back, and no prompt is ever handed out again.
    #[handler(persist = write_through)]
    pub fn submit_saved(
        &mut self,
        cx: &mut Context<Self>,
        made: Made,
    ) -> Result<Submitted, SubmitError> {
        self.submit(cx, made)
    }

    /// Everything they have submitted.
    pub fn mine(&self) -> Mine {
        Mine { answers: self.answers.clone(), prompts: self.prompts.clone() }
    }

    /// As `mine`, when all of it is durable: no crash takes it back. For who leaves.
    #[handler(persist = write_through)]
    pub fn saved(&mut self) -> Mine {
        self.mine()
    }

    #[handler]
    fn offered(&self) {}
}

impl Participant {
    /// Answers that a crash has taken from the pool come back.
    fn offer_again(&self, cx: &mut Context<Self>, pool: &[Answer]) {
        if pool.len() >= crate::pool::ANSWERS_MAX {
            return;
        }
        for text in &self.answers {
            let name = normal(text);
            if pool.binary_search_by(|it| it.name.cmp(&name)).is_err() {
                offer(cx, text.clone());
            }
        }
    }

    /// A pair that was not handed out before.
    fn draw<'a>(&self, pool: &'a [Answer], seed: u64) -> Option<(&'a Answer, &'a Answer)> {
        let count = pool.len() as u64;
        if count < 2 {
            return None;
        }
        let own: Vec<_> = self.answers.iter().map(|text| normal(text)).collect();
        let is_own = |it: &Answer| own.contains(&it.name);
        let is_new = |(left, right): &(&Answer, &Answer)| {
            !is_own(left) && !is_own(right) && !self.has_seen(&left.name, &right.name)
        };
        let mut numbers = Numbers::new(seed);
        let mut drawn = (0..DRAWS_MAX).map(|_| {
            let left = numbers.below(count);
            let right = (left + 1 + numbers.below(count - 1)) % count;
            (&pool[left as usize], &pool[right as usize])
        });
        drawn.find(&is_new).or_else(|| {
            let others: Vec<_> = pool.iter().filter(|it| !is_own(it)).collect();
            let pairs = others.iter().enumerate();
            let mut pairs =
                pairs.flat_map(|(at, left)| others[..at].iter().map(|right| (*left, *right)));
            pairs.find(&is_new)
        })
    }

    /// Different answers of others, as they wrote them.
    fn some_others(&self, pool: &[Answer], seed: u64) -> Vec<String> {
        let own: Vec<_> = self.answers.iter().map(|text| normal(text)).collect();
        let mut numbers = Numbers::new(seed);
        let mut drawn: Vec<&Answer> = Vec::with_capacity(OTHERS_MAX);
        for _ in 0..DRAWS_MAX.min(pool.len() as u32 * 2) {
            let it = &pool[numbers.below(pool.len() as u64) as usize];
            let is_new = drawn.iter().all(|other| other.name != it.name);
            if is_new && !own.contains(&it.name) {
                drawn.push(it);
            }
            if drawn.len() == OTHERS_MAX {
                break;
            }
        }
        drawn.into_iter().map(|it| it.text.clone()).collect()
    }

    fn has_seen(&self, left: &str, right: &str) -> bool {
        let is_pair = |prompt: &Prompt| {
            let (one, other) = (prompt.left.name.as_str(), prompt.right.name.as_str());
            (one, other) == (left, right) || (one, other) == (right, left)
        };
        self.prompts.iter().any(is_pair)
    }
}

fn phase(cx: &Context<Participant>) -> Result<Phase, SubmitError> {
    let conversation: Shared<ConversationShown> =
        recent(cx.shared::<Conversation>(conversation_of(cx.key())))?;
    Ok(conversation.phase)
}

fn recent<T>(copy: Result<T, SharedError>) -> Result<T, SubmitError> {
    copy.map_err(|_| SubmitError::NotYet)
}

/// Tells the pool, once this turn is over.
fn offer(cx: &mut Context<Participant>, text: String) {
    let pool = cx.detached::<Pool>(&pool_key(cx.key()));
    cx.spawn(async move { pool.offer(text).send().await.is_ok() }, |_| ParticipantOffered {});
}

fn pool_key(participant: &Key) -> String {
    conversation_of(participant).to_owned()
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    fn answers(count: u32) -> Vec<Answer> {
        (100..100 + count)
            .map(|it| Answer { name: format!("film {it}"), text: format!("Film {it}") })
            .collect()
    }

    fn world(phase: Phase, pool: u32) -> TestContext<Participant> {
        let mut cx = TestContext::<Participant>::new("films.ada");
        cx.with::<Pool>();
        let shown = ConversationShown { question: "Which film?".to_owned(), phase };
        cx.set_shared::<Conversation>("films", shown);
        cx.set_shared::<Pool>("films", answers(pool));
        cx
    }

    #[test]
    fn an_answer_is_kept_told_to_the_pool_and_in_the_feed_once() {
        let mut cx = world(Phase::Answering, 0);
        let mut ada = Participant::default();
        for _ in 0..2 {
            assert_eq!(ada.answer(&mut cx, " Film 1 ".to_owned()), Ok(()));
        }
        assert_eq!(ada.mine().answers, ["Film 1"]);
        let appended: Vec<Submission> = cx.appended(FEED);
        assert_eq!(appended.len(), 1, "{appended:?}");
        cx.deliver(&mut ada);
        assert_eq!(cx.state::<Pool>("films").answers().len(), 1);
        let long = ada.answer(&mut cx, "x".repeat(ANSWER_BYTES_MAX + 1));
        assert!(matches!(long, Err(SubmitError::Length { .. })));
    }

    #[test]
    fn no_pair_comes_twice_and_none_has_an_answer_of_ones_own() {
        let mut cx = world(Phase::Comparing, 6);
        let mut ada = Participant::default();
        ada.answers.push("FILM 100".to_owned());
        let mut pairs = Vec::new();
        while let Some(prompt) = ada.next(&mut cx).expect("it is the time") {
            let mut pair = [prompt.left.name, prompt.right.name];
            pair.sort();
            assert!(!pair.contains(&"film 100".to_owned()));
            pairs.push(pair);
        }
        assert_eq!(pairs.len(), 10, "all pairs of five");
        pairs.sort();
        pairs.dedup();
        assert_eq!(pairs.len(), 10);
    }

    #[test]
    fn a_comparison_counts_once() {
        let mut cx = world(Phase::Comparing, 2);
        let mut ada = Participant::default();
        let prompt = ada.next(&mut cx).expect("it is the time").expect("there are two");
        for _ in 0..2 {
            assert_eq!(ada.prefer(&mut cx, 1, Side::Left), Ok(()));
        }
        assert_eq!(ada.prefer(&mut cx, 1, Side::Right), Err(SubmitError::Answered { number: 1 }));
        for number in [0, 2] {
            let refused = ada.prefer(&mut cx, number, Side::Left);
            assert_eq!(refused, Err(SubmitError::NoPrompt { number }));
        }
        let (winner, loser) = (prompt.left.name, prompt.right.name);
        assert_eq!(cx.appended::<Submission>(FEED), [Submission::Compared { winner, loser }]);
        assert_eq!(ada.mine().prompts[0].chosen, Some(Side::Left));
    }

    #[test]
    fn a_submission_brings_the_next_prompt_and_shows_itself() {
        let mut cx = world(Phase::Comparing, 30);
        let mut ada = Participant::default();
        let answer = Made::Answer { text: "Film 100".to_owned() };
        let told = ada.submit(&mut cx, answer).expect("it is taken");
        assert_eq!((told.answers, told.compared), (vec!["Film 100".to_owned()], 0));
        let mut others = told.others;
        assert!(!others.contains(&"Film 100".to_owned()), "{others:?}");
        others.sort();
        others.dedup();
        assert_eq!(others.len(), OTHERS_MAX);
        let number = told.prompt.expect("there are thirty").number;
        let choice = Made::Choice { number, chosen: Side::Right };
        let told = ada.submit_saved(&mut cx, choice).expect("it is taken");
        assert_eq!((told.compared, told.prompt.map(|it| it.number)), (1, Some(2)));
        cx.set_shared::<Conversation>(
            "films",
            ConversationShown { question: String::new(), phase: Phase::Closed },
        );
        let told = ada.submit(&mut cx, Made::Choice { number: 2, chosen: Side::Left });
        let told = told.expect("what was handed out may be answered");
        assert_eq!((told.compared, told.prompt), (2, None));
        let missing = ada.submit(&mut cx, Made::Choice { number: 9, chosen: Side::Left });
        assert_eq!(missing, Err(SubmitError::NoPrompt { number: 9 }));
    }

    #[test]
    fn an_answer_that_the_pool_has_lost_is_offered_again() {
        let mut cx = world(Phase::Comparing, 2);
        let mut ada = Participant::default();
        ada.answers.push("Lost".to_owned());
        ada.next(&mut cx).expect("it is the time");
        cx.deliver(&mut ada);
        assert_eq!(cx.state::<Pool>("films").answers()[0].text, "Lost");
    }

    #[test]
    fn nothing_is_taken_out_of_its_phase_or_before_it_is_known() {
        let mut cx = world(Phase::Closed, 2);
        let mut ada = Participant::default();
        assert_eq!(ada.answer(&mut cx, "Film".to_owned()), Err(SubmitError::NotNow));
        assert_eq!(ada.next(&mut cx), Err(SubmitError::NotNow));
        let mut cx = TestContext::<Participant>::new("other.ada");
        assert_eq!(ada.next(&mut cx), Err(SubmitError::NotYet));
    }
}
