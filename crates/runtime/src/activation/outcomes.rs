//! What became of calls with idempotency keys (RUNTIME 8): bounded by count, bytes and age.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::CallKey;

/// How many outcomes an actor remembers.
pub(crate) const OUTCOMES_MAX: usize = 1_000;
/// The bytes of all replies that an actor remembers.
const OUTCOME_BYTES_MAX: usize = 4 << 20;
/// How long an actor remembers an outcome, as long as there is room.
const OUTCOME_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The stored form: arguments' hash, Unix time in milliseconds, reply.
const HEAD_BYTES: usize = 24;

/// Outcomes by key, the oldest first to go.
#[derive(Clone, Default)]
pub(crate) struct Outcomes {
    by_key: BTreeMap<Box<str>, Outcome>,
    order: VecDeque<Box<str>>,
    bytes: usize,
}

#[derive(Clone)]
struct Outcome {
    arguments: u128,
    at_ms: u64,
    reply: Arc<[u8]>,
}

impl Outcome {
    /// Its stored form.
    fn row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(HEAD_BYTES + self.reply.len());
        row.extend_from_slice(&self.arguments.to_le_bytes());
        row.extend_from_slice(&self.at_ms.to_le_bytes());
        row.extend_from_slice(&self.reply);
        row
    }
}

/// What is known of a call's key.
pub(crate) enum Known {
    /// Nothing: the turn runs.
    New,
    /// The turn ran and gave this reply.
    Replied(Arc<[u8]>),
    /// The key belongs to another call.
    Reused,
}

impl Outcomes {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// What is known of `key`.
    pub(crate) fn look_up(&self, key: &CallKey) -> Known {
        match self.by_key.get(&key.key) {
            None => Known::New,
            Some(outcome) if outcome.arguments == key.arguments => {
                Known::Replied(Arc::clone(&outcome.reply))
            }
            Some(_) => Known::Reused,
        }
    }

    /// Remembers what became of a call; gives its stored form and the keys that are forgotten.
    pub(crate) fn remember(
        &mut self,
        key: &CallKey,
        at_ms: u64,
        reply: &[u8],
    ) -> (Vec<u8>, Vec<Box<str>>) {
        let outcome = Outcome { arguments: key.arguments, at_ms, reply: reply.into() };
        let row = outcome.row();
        self.insert(key.key.clone(), outcome);
        self.order.push_back(key.key.clone());
        let mut forgotten = Vec::new();
        while self.order.len() > 1 && self.has_too_much(at_ms) {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(outcome) = self.by_key.remove(&oldest) {
                self.bytes -= outcome.reply.len();
            }
            forgotten.push(oldest);
        }
        (row, forgotten)
    }

    /// Every outcome in its stored form, by key.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = (&str, Vec<u8>)> {
        self.by_key.iter().map(|(key, outcome)| (&**key, outcome.row()))
    }

    /// Takes a stored outcome.
    pub(crate) fn load(&mut self, key: Box<str>, row: &[u8]) -> Result<(), String> {
        let short = || format!("the outcome of the key {key:?} is too short");
        let (arguments, rest) = row.split_first_chunk::<16>().ok_or_else(short)?;
        let (at_ms, reply) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let outcome = Outcome {
            arguments: u128::from_le_bytes(*arguments),
            at_ms: u64::from_le_bytes(*at_ms),
            reply: reply.into(),
        };
        self.insert(key, outcome);
        Ok(())
    }

    /// Puts what was loaded in the order of time.
    pub(crate) fn loaded(&mut self) {
        let mut order: Vec<_> =
            self.by_key.iter().map(|(key, outcome)| (outcome.at_ms, key.clone())).collect();
        order.sort();
        self.order = order.into_iter().map(|(_, key)| key).collect();
    }

    fn insert(&mut self, key: Box<str>, outcome: Outcome) {
        self.bytes += outcome.reply.len();
        if let Some(before) = self.by_key.insert(key, outcome) {
            self.bytes -= before.reply.len();
        }
    }

    fn has_too_much(&self, now_ms: u64) -> bool {
        let oldest = self.order.front().and_then(|key| self.by_key.get(key));
        let age_max = OUTCOME_AGE_MAX.as_millis() as u64;
        let is_old = oldest.is_none_or(|it| now_ms.saturating_sub(it.at_ms) > age_max);
        is_old || self.order.len() > OUTCOMES_MAX || self.bytes > OUTCOME_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, arguments: u128) -> CallKey {
        CallKey { key: text.into(), arguments }
    }

    fn replied(outcomes: &Outcomes, text: &str) -> Option<Vec<u8>> {
        match outcomes.look_up(&key(text, 1)) {
            Known::Replied(reply) => Some(reply.to_vec()),
            Known::New => None,
            Known::Reused => panic!("{text} was reused"),
        }
    }

    #[test]
    fn a_key_gives_its_reply_and_other_arguments_are_told() {
        let mut outcomes = Outcomes::default();
        let (row, forgotten) = outcomes.remember(&key("a", 1), 5, b"reply");
        assert!(forgotten.is_empty());
        assert_eq!(replied(&outcomes, "a").as_deref(), Some(&b"reply"[..]));
        assert!(matches!(outcomes.look_up(&key("a", 2)), Known::Reused));
        let mut loaded = Outcomes::default();
        loaded.load("a".into(), &row).expect("what was stored is read");
        loaded.loaded();
        assert_eq!(replied(&loaded, "a").as_deref(), Some(&b"reply"[..]));
        assert!(loaded.load("b".into(), &row[..23]).is_err());
    }

    #[test]
    fn the_oldest_are_forgotten_by_count_bytes_and_age() {
        let mut outcomes = Outcomes::default();
        let mut forgotten = Vec::new();
        for n in 0..OUTCOMES_MAX + 3 {
            forgotten.extend(outcomes.remember(&key(&n.to_string(), 1), n as u64, b"").1);
        }
        assert_eq!(forgotten, ["0".into(), "1".into(), "2".into()]);
        assert_eq!(replied(&outcomes, "2"), None);
        assert!(replied(&outcomes, "3").is_some());

        let mut outcomes = Outcomes::default();
        let half = vec![0; OUTCOME_BYTES_MAX / 2];
        assert!(outcomes.remember(&key("a", 1), 0, &half).1.is_empty());
        assert!(outcomes.remember(&key("b", 1), 1, &half).1.is_empty());
        assert_eq!(outcomes.remember(&key("c", 1), 2, b"c").1, ["a".into()]);

        let mut outcomes = Outcomes::default();
        let day_ms = OUTCOME_AGE_MAX.as_millis() as u64;
        assert!(outcomes.remember(&key("a", 1), 7, b"").1.is_empty());
        assert!(outcomes.remember(&key("b", 1), 7 + day_ms, b"").1.is_empty());
        assert_eq!(outcomes.remember(&key("c", 1), 8 + day_ms, b"").1, ["a".into()]);
    }
}
