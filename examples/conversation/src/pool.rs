use std::collections::BTreeMap;
use std::time::Duration;

use tenure::Share;
use tenure::prelude::*;

/// How many answers a conversation has at most: what comes later is kept by its participant alone.
pub(crate) const ANSWERS_MAX: usize = 2_000;

/// Everybody's answers. A participant reads the copy that their node keeps of it.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// By their normal form: equal answers are one.
    answers: BTreeMap<String, String>,
}

/// An answer in the pool.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its normal form, which names it.
    pub name: String,
    /// As somebody wrote it first.
    pub text: String,
}

/// What two answers have in common that are one: the letters and figures of their words.
#[must_use]
pub fn normal(text: &str) -> String {
    let words = text.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

// Written behind: what a crash loses of it is offered again by whoever said it.
#[actor(persist = write_behind(max_delay = "500ms"))]
impl Pool {
    /// Takes an answer, if it is new and there is room.
    #[handler(internal)]
    pub fn offer(&mut self, text: String) {
        let name = normal(&text);
        if !name.is_empty()
            && (self.answers.len() < ANSWERS_MAX || self.answers.contains_key(&name))
        {
            self.answers.entry(name).or_insert(text);
        }
    }

    /// All answers, sorted by their names.
    pub fn answers(&self) -> Vec<Answer> {
        let answers = self.answers.iter();
        answers.map(|(name, text)| Answer { name: name.clone(), text: text.clone() }).collect()
    }
}

impl Share for Pool {
    type Copy = Vec<Answer>;
    /// Others' answers need only be recent.
    const MAX_AGE: Duration = Duration::from_secs(2);

    async fn copy(pool: PoolRef) -> Result<Vec<Answer>, CallError> {
        pool.answers().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_titles_are_one_answer() {
        let mut pool = Pool::default();
        for text in ["Se7en", "The  Dark Knight", "the dark-knight!", "  ", "se7en"] {
            pool.offer(text.to_owned());
        }
        let texts: Vec<_> = pool.answers().into_iter().map(|answer| answer.text).collect();
        assert_eq!(texts, ["Se7en", "The  Dark Knight"]);
    }

    #[test]
    fn the_pool_is_bounded() {
        let mut pool = Pool::default();
        for number in 0..ANSWERS_MAX + 10 {
            pool.offer(format!("answer {number}"));
        }
        assert_eq!(pool.answers().len(), ANSWERS_MAX);
    }
}
