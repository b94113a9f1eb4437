use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tenure_types::{ActorTypeName, Key};

use crate::digest::digest;
use crate::{CodecError, Message, encode_named};

/// The longest idempotency key and the longest name of a reminder, in bytes.
pub const CAUSE_NAME_BYTES_MAX: usize = 256;

/// What stands behind a call, where that is more than a caller who waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A caller who may make the call again: it has one effect.
    Key(CallKey),
    /// A reminder.
    Reminder(ReminderId),
}

/// Makes all calls with one key one effect on their actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// The caller's key: 1 to [`CAUSE_NAME_BYTES_MAX`] bytes.
    pub key: Box<str>,
    /// A hash of method and arguments: another call with this key is a mistake.
    pub arguments: u128,
}

impl CallKey {
    /// The hash of method and arguments. Maps may be written in any order; a set has one, so that
    /// an argument is better a `BTreeSet` than a `HashSet`.
    ///
    /// # Errors
    /// [`CodecError`] when serde refuses a value.
    pub fn arguments_of<M: Message>(message: &M) -> Result<u128, CodecError> {
        let mut body = Vec::new();
        encode_named(message, &mut body)?;
        let arguments = digest(&body)?;
        let mut all = M::METHOD.as_bytes().to_vec();
        all.extend_from_slice(&arguments.to_le_bytes());
        Ok(xxhash_rust::xxh3::xxh3_128(&all))
    }
}

/// Names one firing of a reminder, so that a second one is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReminderId {
    /// The reminder's name: 1 to [`CAUSE_NAME_BYTES_MAX`] bytes.
    pub name: Box<str>,
    /// When it was due, in Unix milliseconds.
    pub due_ms: u64,
}

/// Makes keys for the calls of one turn that itself has a cause: the same ones whenever the turn
/// runs again, as long as it makes the same calls in the same order, and no other turn's.
#[derive(Debug)]
pub struct NestedKeys {
    cause: Arc<Cause>,
    parent: Box<str>,
    next: AtomicU32,
}

impl NestedKeys {
    /// The keys of a turn of the actor of this type and key.
    pub(crate) fn of(actor_type: ActorTypeName, actor_key: &Key, cause: &Arc<Cause>) -> Self {
        // A caller's key and a reminder's name are the actor's own: another one may have the same.
        let parent = match &**cause {
            Cause::Key(key) => format!("{actor_type}/{actor_key}:{}", key.key),
            Cause::Reminder(id) => format!("{actor_type}/{actor_key}@{}:{}", id.due_ms, id.name),
        };
        Self { cause: Arc::clone(cause), parent: parent.into(), next: AtomicU32::new(0) }
    }

    /// What stands behind the turn.
    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The key of the next call: parent and index, or a hash of them where that is too long.
    pub(crate) fn next(&self) -> Box<str> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let key = format!("{}>{index}", self.parent);
        if key.len() <= CAUSE_NAME_BYTES_MAX {
            return key.into();
        }
        format!("#{:032x}", xxhash_rust::xxh3::xxh3_128(key.as_bytes())).into()
    }
}

/// The name of the reminder that keeps a message: that of its key, or a hash of it where that is too
/// long.
pub(crate) fn name_of_sent(key: &str) -> Box<str> {
    let name = format!("sent:{key}");
    if name.len() <= CAUSE_NAME_BYTES_MAX {
        return name.into();
    }
    format!("sent#{:032x}", xxhash_rust::xxh3::xxh3_128(name.as_bytes())).into()
}

/// Checks a key or name.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), String> {
    let wrong = match name.len() {
        0 => "this one is empty".to_owned(),
        1..=CAUSE_NAME_BYTES_MAX if !name.contains(char::is_control) => return Ok(()),
        1..=CAUSE_NAME_BYTES_MAX => format!("{name:?} is none"),
        bytes => format!("this one has {bytes}"),
    };
    Err(format!("{what} has 1 to {CAUSE_NAME_BYTES_MAX} bytes without control characters; {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(actor_key: &str, cause: &Cause) -> [Box<str>; 2] {
        let actor_type = ActorTypeName::new("cart").unwrap();
        let cause = Arc::new(cause.clone());
        let keys = NestedKeys::of(actor_type, &Key::new(actor_key).unwrap(), &cause);
        [keys.next(), keys.next()]
    }

    #[test]
    fn the_calls_of_a_turn_have_keys_of_their_own_and_the_same_ones_again() {
        let key = |key: &str| Cause::Key(CallKey { key: key.into(), arguments: 1 });
        let due = |due_ms| Cause::Reminder(ReminderId { name: "pay".into(), due_ms });
        assert_eq!(keys("alice", &key("k")), ["cart/alice:k>0".into(), "cart/alice:k>1".into()]);
        assert_eq!(keys("alice", &due(7))[0], "cart/alice@7:pay>0".into());
        let long = "x".repeat(CAUSE_NAME_BYTES_MAX);
        let all = [
            keys("alice", &key("k")),
            keys("bob", &key("k")),
            keys("alice", &due(7)),
            keys("alice", &due(8)),
            keys("alice", &key(&long)),
            keys("bob", &key(&long)),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().flatten().collect();
        assert_eq!(distinct.len(), 2 * all.len());
        for key in distinct {
            assert_eq!(check_name("a key", key), Ok(()));
        }
        assert_eq!(keys("alice", &key(&long)), keys("alice", &key(&long)));
    }

    #[test]
    fn a_name_is_short_and_without_control_characters() {
        assert_eq!(check_name("a key", &"ü".repeat(CAUSE_NAME_BYTES_MAX / 2)), Ok(()));
        for (name, wrong) in [
            ("", "this one is empty"),
            ("a\nb", "\"a\\nb\" is none"),
            (&"x".repeat(CAUSE_NAME_BYTES_MAX + 1), "this one has 257"),
        ] {
            let error = check_name("a key", name).unwrap_err();
            assert!(error.starts_with("a key has 1 to 256 bytes"), "{error}");
            assert!(error.ends_with(wrong), "{error}");
        }
    }
}
