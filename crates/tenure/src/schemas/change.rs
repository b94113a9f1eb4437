//! What is found between two schemas, and how it is told.

use serde::Serialize;

/// A difference between what was written and what is read, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The type, on one side at least, has no schema.
    Unknown(String),
    /// Both have a schema, and these rules cannot compare them.
    Unjudged(&'static str),
    /// A property is not read any more.
    Dropped,
    /// A property is not read any more, and the reader refuses what it does not know.
    Refused,
    /// A property is read as another one that is there as well.
    Twice(String),
    /// A property must be there that was never written; perhaps it was called otherwise.
    Missing { perhaps: Option<String> },
    /// A property must be there that could be left out.
    Required,
    /// It could be `None`, and is no `Option` any more.
    NotNull,
    /// Another type.
    Type { from: String, to: String },
    /// A type of fewer values.
    Narrowed { from: String, to: String },
    /// A list becomes a set.
    Set,
    /// Another number of items.
    Length { from: String, to: String },
    /// A variant is not known any more.
    Variant(String),
    /// A variant is not known any more, and read as another one.
    Other(String),
    /// A variant holds something in another way.
    VariantForm(String),
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// What is stored cannot be read.
    Incompatible,
    /// Calls of the other program are not understood.
    BreaksCalls,
    /// Something is lost, and nothing fails.
    Warning,
    /// Nobody knows.
    NotChecked,
}

/// One thing that `check` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) level: Level,
    /// The actor type.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// Where, as `cart.lines[].count`.
    pub(crate) place: String,
    /// What changed.
    pub(crate) what: String,
    /// What to do, if anything can be.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) advice: String,
}

/// Whose bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Stored states.
    State,
    /// Stored events.
    Event,
    /// The arguments of callers, and of stored reminders.
    Message,
    /// What callers of the old program read of replies and errors: the new one writes.
    Reply,
}

impl Change {
    pub(super) fn level(&self, subject: Subject) -> Option<Level> {
        match self {
            Change::Unknown(_) | Change::Unjudged(_) => Some(Level::NotChecked),
            // Whoever reads a reply does not miss what it never knew.
            Change::Dropped | Change::Set if subject == Subject::Reply => None,
            Change::Dropped | Change::Set | Change::Other(_) => Some(Level::Warning),
            _ => Some(match subject {
                Subject::State | Subject::Event => Level::Incompatible,
                Subject::Message | Subject::Reply => Level::BreaksCalls,
            }),
        }
    }

    /// What changed, in words, seen by who reads.
    pub(super) fn what(&self, subject: Subject) -> String {
        let writer = match subject {
            Subject::State => "stored records",
            Subject::Event => "stored events",
            Subject::Message => "callers of the old program, and stored reminders,",
            Subject::Reply => "the new program",
        };
        match self {
            Change::Unknown(name) => format!("`{name}` has no schema"),
            Change::Unjudged(why) => (*why).to_owned(),
            Change::Dropped => "is gone; what there is of it is dropped".to_owned(),
            Change::Refused => match subject {
                Subject::Reply => "is new, and callers of the old program refuse what they do not \
                                   know"
                    .to_owned(),
                _ => "is gone, and unknown names are refused".to_owned(),
            },
            Change::Twice(other) => format!("is read as `{other}`, which {writer} have as well"),
            Change::Missing { .. } if subject == Subject::Reply => {
                "is gone, and callers of the old program need it".to_owned()
            }
            Change::Missing { .. } => format!("is new and has no default: {writer} do not have it"),
            Change::Required if subject == Subject::Reply => {
                "may be left out now, and callers of the old program need it".to_owned()
            }
            Change::Required => {
                format!("could be left out and is needed now: {writer} may not have it")
            }
            Change::NotNull if subject == Subject::Reply => {
                "may be `None` now, which callers of the old program do not take".to_owned()
            }
            Change::NotNull => format!("is no `Option` any more: {writer} may have `None`"),
            Change::Type { from, to } if subject == Subject::Reply => {
                format!("was {to} and is {from}")
            }
            Change::Type { from, to } => format!("was {from} and is {to}"),
            Change::Narrowed { from, to } if subject == Subject::Reply => {
                format!("was {to} and is {from}, which holds more than old callers take")
            }
            Change::Narrowed { from, to } => {
                format!("was {from} and is {to}, which does not hold all of it")
            }
            Change::Set => "was a list and is a set: what is there twice is dropped".to_owned(),
            Change::Length { from, to } if subject == Subject::Reply => {
                format!("had {to} items and has {from}")
            }
            Change::Length { from, to } => format!("had {from} items and has {to}"),
            Change::Variant(name) if subject == Subject::Reply => {
                format!("the variant `{name}` is new: callers of the old program do not know it")
            }
            Change::Variant(name) => format!("the variant `{name}` is gone: {writer} may have it"),
            Change::Other(name) => {
                format!(
                    "the variant `{name}` is gone; it is read as the one that is #[serde(other)]"
                )
            }
            Change::VariantForm(name) => {
                format!("the variant `{name}` holds its content otherwise")
            }
        }
    }

    /// What to do about it.
    pub(super) fn advice(&self, subject: Subject) -> String {
        let raise = match subject {
            Subject::State => ", or raise the type's schema and add an #[upgrade(from = ..)]",
            Subject::Event => "; events have no upgrades",
            Subject::Message | Subject::Reply => "",
        };
        match (self, subject) {
            (Change::Unknown(_), _) => {
                "derive `schemars::JsonSchema` for it, or write #[schemars(with = \"..\")] on the field"
                    .to_owned()
            }
            (Change::Unjudged(_) | Change::Dropped | Change::Set | Change::Other(_), _) => String::new(),
            (Change::Missing { .. } | Change::Required, Subject::Message) => {
                "make it an `Option`, or add a method instead".to_owned()
            }
            (_, Subject::Message | Subject::Reply) => {
                "keep the method as it was and add one beside it".to_owned()
            }
            (Change::Missing { perhaps: Some(old) }, _) => format!(
                "if it was called `{old}`, add #[serde(alias = \"{old}\")], else #[serde(default)]{raise}"
            ),
            (Change::Missing { perhaps: None } | Change::Required, _) => {
                format!("add #[serde(default)]{raise}")
            }
            (Change::Twice(_), _) => "leave the alias off".to_owned(),
            (Change::Refused, _) => {
                format!("keep the field, or leave #[serde(deny_unknown_fields)] off{raise}")
            }
            (Change::NotNull, _) => format!("keep the `Option`{raise}"),
            (Change::Variant(old), _) => format!(
                "keep it, or add #[serde(alias = \"{old}\")] to the variant that takes its place{raise}"
            ),
            (
                Change::Type { .. }
                | Change::Narrowed { .. }
                | Change::Length { .. }
                | Change::VariantForm(_),
                _,
            ) => format!("keep the type and add a field or a variant beside it{raise}"),
        }
    }
}
