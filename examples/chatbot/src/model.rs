//! A stand-in for a language model: the same context gives the same answer, word by word.

use std::time::Duration;

/// How long the model takes for a word.
pub const WORD: Duration = Duration::from_millis(40);

/// One thing that was said.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who said it.
    pub by: Speaker,
    /// What was said.
    pub text: String,
}

/// Who speaks.
#[tenure::data]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// A person.
    User,
    /// The model.
    Model,
}

/// The words of the answer to what was said last, each with the space that follows it.
///
/// It knows two things: a name that it was told, and how much it remembers.
#[must_use]
pub fn answer(context: &[Message]) -> Vec<String> {
    let text = match context.split_last() {
        Some((question, before)) => reply(&question.text, before),
        None => "You have said nothing.".to_owned(),
    };
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn reply(question: &str, before: &[Message]) -> String {
    if let Some(name) = name_in(question) {
        return format!("Nice to meet you, {name}.");
    }
    if question.to_lowercase().contains("what is my name") {
        let said = before.iter().rev().filter(|message| message.by == Speaker::User);
        return match said.filter_map(|message| name_in(&message.text)).next() {
            Some(name) => format!("Your name is {name}, as far as I remember."),
            None => "You have not told me, or I have forgotten it.".to_owned(),
        };
    }
    format!("You said: {question} And I remember {} messages before that.", before.len())
}

fn name_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("y name is ")?;
    let name = rest.split(|it: char| !it.is_alphanumeric()).next()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Message {
        Message { by: Speaker::User, text: text.to_owned() }
    }

    #[test]
    fn an_answer_follows_from_its_context() {
        let mut context = vec![said("Hello! My name is Ada.")];
        assert_eq!(answer(&context).concat(), "Nice to meet you, Ada.");
        assert_eq!(answer(&context)[0], "Nice ");
        context.push(said("What is my name?"));
        assert_eq!(answer(&context).concat(), "Your name is Ada, as far as I remember.");
        let forgotten = "You have not told me, or I have forgotten it.";
        assert_eq!(answer(&context[1..]).concat(), forgotten);
        assert_eq!(answer(&[]).concat(), "You have said nothing.");
    }
}
