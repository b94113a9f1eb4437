use std::time::Duration;

use tenure::prelude::*;

use crate::model::{self, Message, Speaker};

/// How much of a conversation is remembered: what is older is forgotten first.
const MESSAGES_MAX: usize = 40;
const CONTEXT_BYTES_MAX: usize = 8 << 10;
const QUESTION_BYTES_MAX: usize = 2 << 10;
const ANSWER_BYTES_MAX: usize = 4 << 10;

const THINK: &str = "think";
/// How often a conversation looks after an answer on its way.
const WATCH: Duration = Duration::from_secs(2);
/// After this long an attempt counts as lost, as one whose work has panicked is.
const ATTEMPT_MS_MAX: u64 = 60_000;
/// A question that nobody can answer is given up.
const ATTEMPTS_MAX: u32 = 5;

/// A conversation. It takes one question at a time.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// What was said, the oldest first.
    messages: Vec<Message>,
    /// How many questions were asked.
    questions: u64,
    /// The question that is being answered.
    pending: Option<Pending>,
    /// What has arrived of its answer. A crash loses it, and the answer begins anew.
    #[serde(skip)]
    partial: String,
    /// When this activation asked the model, in Unix milliseconds.
    #[serde(skip)]
    asked_ms: Option<u64>,
}

/// A question that is being answered.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Which one, from 1.
    pub question: u64,
    /// How often the model was asked. Words of an attempt that is over are thrown away.
    pub attempts: u32,
}

/// What happens in a conversation, for those who listen.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum ConversationEvent {
    /// A question was asked.
    Asked {
        /// Which one, from 1.
        question: u64,
        /// What it says.
        text: String,
    },
    /// An answer begins. What was heard of an earlier attempt is void.
    Began {
        /// To which question.
        question: u64,
        /// Which attempt it is, from 1.
        attempt: u32,
    },
    /// A word of the answer, with its space.
    Word {
        /// To which question.
        question: u64,
        /// The word.
        text: String,
    },
    /// The answer is whole.
    Answered {
        /// To which question.
        question: u64,
        /// The answer.
        text: String,
    },
    /// There will be no answer.
    GivenUp {
        /// To which question.
        question: u64,
    },
}

/// A conversation, as it is shown.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationShown {
    /// What is remembered, the oldest first.
    pub messages: Vec<Message>,
    /// The question that is being answered.
    pub pending: Option<Pending>,
    /// What has arrived of its answer.
    pub partial: String,
}

/// Why a question is not taken. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum AskError {
    /// The one before is being answered.
    #[problem(status = 409, "question {question} is being answered; wait for it")]
    Busy {
        /// Which one.
        question: u64,
    },
    /// There is nothing to answer, or too much.
    #[problem(status = 422, "a question has 1 to {bytes_max} bytes")]
    Length {
        /// The bound.
        bytes_max: u32,
    },
}

#[actor(events = ConversationEvent)]
impl Conversation {
    /// Asks a question, and tells its number. The answer follows, whatever happens to the node.
    pub fn ask(&mut self, cx: &mut Context<Self>, text: String) -> Result<u64, AskError> {
        if let Some(pending) = &self.pending {
            return Err(AskError::Busy { question: pending.question });
        }
        if !(1..=QUESTION_BYTES_MAX).contains(&text.len()) {
            return Err(AskError::Length { bytes_max: QUESTION_BYTES_MAX as u32 });
        }
        self.questions += 1;
        let question = self.questions;
        self.pending = Some(Pending { question, attempts: 0 });
        cx.emit(ConversationEvent::Asked { question, text: text.clone() });
        self.remember(Message { by: Speaker::User, text });
        // An outbox: question and reminder are one commit. Work spawned here would be lost with the node.
        cx.remind(THINK, Duration::ZERO, ConversationThink {});
        Ok(question)
    }

    /// The conversation as it is, with what has arrived of an answer.
    pub fn show(&self) -> ConversationShown {
        let Self { messages, pending, partial, .. } = self.clone();
        ConversationShown { messages, pending, partial }
    }

    /// Asks the model, unless this activation waits for it already.
    #[handler]
    fn think(&mut self, cx: &mut Context<Self>) {
        let Some(pending) = &mut self.pending else { return };
        let (now, question) = (cx.unix_ms(), pending.question);
        // Comes again until there is an answer: this node may end before.
        cx.remind(THINK, WATCH, ConversationThink {});
        if self.asked_ms.is_some_and(|asked| now.saturating_sub(asked) < ATTEMPT_MS_MAX) {
            return;
        }
        if pending.attempts >= ATTEMPTS_MAX {
            self.end(cx, ConversationEvent::GivenUp { question });
            return;
        }
        pending.attempts += 1;
        let attempt = pending.attempts;
        self.asked_ms = Some(now);
        self.partial.clear();
        cx.emit(ConversationEvent::Began { question, attempt });
        let words = model::answer(&self.messages);
        // Times are made here, as the work has no clock of its own.
        let words: Vec<_> =
            (1..).zip(words).map(|(place, word)| (cx.sleep(model::WORD * place), word)).collect();
        let conversation = cx.detached::<Conversation>(cx.key());
        // The model talks outside of the turns: meanwhile others read, and are told that it is busy.
        let talk = async move {
            let mut whole = String::new();
            for (spoken, word) in words {
                spoken.await;
                whole.push_str(&word);
                match conversation.hear(question, attempt, word).await {
                    Ok(true) => {}
                    // Nobody waits for this any more, or it has become too long.
                    Ok(false) => break,
                    // A word that did not arrive is missed by those who listen; the whole answer has it.
                    Err(_) => {}
                }
            }
            whole
        };
        cx.spawn(talk, move |text| ConversationAnswered { question, attempt, text });
    }

    /// Takes a word of an answer, and tells whether more are wanted.
    #[handler(internal)]
    pub fn hear(
        &mut self,
        cx: &mut Context<Self>,
        question: u64,
        attempt: u32,
        text: String,
    ) -> bool {
        if !self.waits_for(question, attempt) {
            return false;
        }
        self.partial.push_str(&text);
        cx.emit(ConversationEvent::Word { question, text });
        self.partial.len() < ANSWER_BYTES_MAX
    }

    /// Takes the whole answer.
    #[handler]
    fn answered(&mut self, cx: &mut Context<Self>, question: u64, attempt: u32, text: String) {
        if self.waits_for(question, attempt) {
            self.remember(Message { by: Speaker::Model, text: text.clone() });
            self.end(cx, ConversationEvent::Answered { question, text });
        }
    }
}

impl Conversation {
    fn waits_for(&self, question: u64, attempt: u32) -> bool {
        self.pending == Some(Pending { question, attempts: attempt })
    }

    fn end(&mut self, cx: &mut Context<Self>, event: ConversationEvent) {
        (self.pending, self.asked_ms) = (None, None);
        self.partial.clear();
        cx.cancel_reminder(THINK);
        cx.emit(event);
    }

    /// Keeps what was said, and forgets the oldest beyond the bounds of the context.
    fn remember(&mut self, message: Message) {
        self.messages.push(message);
        let mut bytes: usize = self.messages.iter().map(|message| message.text.len()).sum();
        let mut forgotten = 0;
        while bytes > CONTEXT_BYTES_MAX || self.messages.len() - forgotten > MESSAGES_MAX {
            bytes -= self.messages[forgotten].text.len();
            forgotten += 1;
        }
        self.messages.drain(..forgotten);
    }
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn ask(cx: &mut TestContext<Conversation>, it: &mut Conversation, text: &str) -> String {
        it.ask(cx, text.to_owned()).expect("it is taken");
        cx.advance_with(it, LONG);
        assert_eq!(it.pending, None);
        it.messages.last().expect("there is an answer").text.clone()
    }

    #[test]
    fn a_conversation_remembers_and_publishes_words() {
        let mut cx = TestContext::<Conversation>::new("ada");
        let mut it = Conversation::default();
        assert_eq!(ask(&mut cx, &mut it, "My name is Ada."), "Nice to meet you, Ada.");
        let events = cx.events();
        let heard = events.iter().filter_map(|event| match event {
            ConversationEvent::Word { question: 1, text } => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(heard.collect::<String>(), "Nice to meet you, Ada.");
        let text = "Nice to meet you, Ada.".to_owned();
        assert_eq!(events.last(), Some(&ConversationEvent::Answered { question: 1, text }));
        let answer = ask(&mut cx, &mut it, "What is my name?");
        assert_eq!(answer, "Your name is Ada, as far as I remember.");
        assert_eq!(cx.reminders(), []);
    }

    #[test]
    fn a_second_question_waits_for_the_first_answer() {
        let mut cx = TestContext::<Conversation>::new("ada");
        let mut it = Conversation::default();
        it.ask(&mut cx, "One?".to_owned()).expect("it is taken");
        cx.advance_with(&mut it, 3 * model::WORD);
        assert_eq!(it.partial, "You said: One? ");
        assert_eq!(it.ask(&mut cx, "Two?".to_owned()), Err(AskError::Busy { question: 1 }));
        let too_long = "x".repeat(QUESTION_BYTES_MAX + 1);
        cx.advance_with(&mut it, LONG);
        let refused = AskError::Length { bytes_max: QUESTION_BYTES_MAX as u32 };
        assert_eq!(it.ask(&mut cx, too_long), Err(refused));
    }

    #[test]
    fn an_attempt_that_was_lost_is_made_again_and_its_words_are_not_heard() {
        let mut cx = TestContext::<Conversation>::new("ada");
        let mut it = Conversation::default();
        it.ask(&mut cx, "One?".to_owned()).expect("it is taken");
        cx.advance_with(&mut it, 2 * model::WORD);
        // As after a crash: what is not stored is gone.
        (it.partial, it.asked_ms) = (String::new(), None);
        it.think(&mut cx);
        assert!(!it.hear(&mut cx, 1, 1, "late ".to_owned()));
        cx.advance_with(&mut it, LONG);
        let answers = it.messages.iter().filter(|message| message.by == Speaker::Model);
        assert_eq!(answers.count(), 1);
        let began = ConversationEvent::Began { question: 1, attempt: 2 };
        assert_eq!(cx.events().iter().filter(|event| **event == began).count(), 1);
    }

    #[test]
    fn a_question_without_an_answer_is_given_up() {
        let mut cx = TestContext::<Conversation>::new("ada");
        let pending = Some(Pending { question: 1, attempts: ATTEMPTS_MAX });
        let mut it = Conversation { questions: 1, pending, ..Conversation::default() };
        it.think(&mut cx);
        assert_eq!(cx.events(), [ConversationEvent::GivenUp { question: 1 }]);
        assert_eq!((it.pending, cx.reminders()), (None, vec![]));
    }

    #[test]
    fn the_context_is_bounded_and_the_oldest_goes_first() {
        let mut it = Conversation::default();
        for number in 0..100 {
            let text = format!("{number} {}", "x".repeat(number * 10));
            it.remember(Message { by: Speaker::User, text });
            let bytes: usize = it.messages.iter().map(|message| message.text.len()).sum();
            assert!(bytes <= CONTEXT_BYTES_MAX && it.messages.len() <= MESSAGES_MAX);
        }
        assert!(it.messages.last().expect("the newest is there").text.starts_with("99 "));
    }
}
