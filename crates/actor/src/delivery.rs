use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A message of an actor to itself, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The method.
    pub method: Box<str>,
    /// The encoded message, in [`CODEC_NAMED`](crate::CODEC_NAMED).
    pub body: Arc<[u8]>,
}

/// What a turn does to the actor's reminders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReminderChange {
    /// Sets a reminder, in place of one of the same name.
    Set {
        /// Its name.
        name: Box<str>,
        /// When it is due, in Unix milliseconds.
        due_ms: u64,
        /// After how long it comes again, if it does.
        every: Option<Duration>,
        /// What is delivered.
        delivery: Delivery,
    },
    /// Removes the reminder of this name, if there is one.
    Cancel(Box<str>),
}

/// Names a timer of one activation; the default names none.
///
/// It may be part of a stored state and is stored as nothing, because a timer dies with its
/// activation: read back, an `Option<TimerId>` is `None`, and a `TimerId` names no timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(pub u64);

impl Serialize for TimerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for TimerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self::default())
    }
}

impl JsonSchema for TimerId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("TimerId")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <()>::json_schema(generator)
    }
}

/// What a turn does to the activation's timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Starts a timer.
    Start {
        /// Its name.
        id: TimerId,
        /// How long until it fires first, and between two times.
        period: Duration,
        /// Whether it fires once only.
        once: bool,
        /// What is delivered.
        delivery: Delivery,
    },
    /// Stops a timer, if it runs.
    Stop(TimerId),
}
