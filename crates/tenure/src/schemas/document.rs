//! What a program stores, takes and gives, as `tenure.schemas.json` keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tenure_actor::{ActorSchemas, ActorType, MethodSchemas};

use super::form::{Definitions, WORDS};

/// The format of the document.
const FORMAT: u64 = 1;

/// All actor types of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Program {
    format: u64,
    pub(super) types: BTreeMap<String, TypeShape>,
}

/// One actor type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TypeShape {
    pub(super) schema: u32,
    pub(super) persist: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) state: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) event: Option<Value>,
    pub(super) methods: BTreeMap<String, MethodShape>,
    #[serde(rename = "$defs", default)]
    pub(super) definitions: Definitions,
    /// The states of older schemas that the program still reads. Not in the file: there they are
    /// what the file said before.
    #[serde(skip)]
    pub(super) upgrades: BTreeMap<u32, (Value, Definitions)>,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct MethodShape {
    /// `GET` calls it as well.
    #[serde(rename = "reads", default)]
    pub(super) is_shared: bool,
    #[serde(rename = "internal", default)]
    pub(super) is_internal: bool,
    pub(super) arguments: Value,
    pub(super) reply: Value,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) error: Option<Value>,
}

/// Why a text is no such document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    /// It cannot be read at all.
    #[error(
        "is damaged: {0}; restore it from version control, or write it anew with --update --force"
    )]
    Damaged(String),
    /// A newer Tenure wrote it.
    #[error(
        "has format {0}, this program knows format {FORMAT}; build the program with the newer Tenure"
    )]
    Newer(u64),
}

impl Program {
    /// What `types` are.
    pub(crate) fn of(types: &[ActorType]) -> Self {
        let types = types.iter().map(|it| (it.name.to_string(), TypeShape::of(&it.schemas())));
        Self { format: FORMAT, types: types.collect() }
    }

    /// The program as it would be read from its document.
    pub(crate) fn as_read(&self) -> Self {
        let mut read = self.clone();
        read.types.values_mut().for_each(|it| it.upgrades.clear());
        read
    }

    /// Reads what [`Program::write`] wrote.
    pub(crate) fn read(text: &[u8]) -> Result<Self, DocumentError> {
        let damaged = |error: serde_json::Error| DocumentError::Damaged(error.to_string());
        let value: Value = serde_json::from_slice(text).map_err(damaged)?;
        match value.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => serde_json::from_value(value).map_err(damaged),
            Some(newer) if newer > FORMAT => Err(DocumentError::Newer(newer)),
            _ => Err(DocumentError::Damaged("it does not say its format".to_owned())),
        }
    }

    /// The document as text: the same program gives the same bytes.
    pub(crate) fn write(&self) -> String {
        let value = serde_json::to_value(self).expect("names are texts");
        let mut text = serde_json::to_string_pretty(&sorted(value)).expect("names are texts");
        text.push('\n');
        text
    }
}

impl TypeShape {
    fn of(schemas: &ActorSchemas) -> Self {
        let bare = |schema: &schemars::Schema| bare(schema.as_value().clone());
        let upgrade = |old: &tenure_actor::OldState| {
            (old.from, (bare(&old.state), bare_definitions(&old.definitions)))
        };
        Self {
            schema: schemas.schema,
            persist: schemas.persist.as_str().to_owned(),
            state: schemas.state.as_ref().map(bare),
            event: schemas.event.as_ref().map(bare),
            methods: schemas
                .methods
                .iter()
                .map(|method| (method.name.to_owned(), MethodShape::of(method)))
                .collect(),
            definitions: bare_definitions(&schemas.definitions),
            upgrades: schemas.upgrades.iter().map(upgrade).collect(),
        }
    }

    /// Whether the store keeps its actors.
    pub(super) fn is_stored(&self) -> bool {
        self.persist != "volatile"
    }

    /// Whether its state follows from events.
    pub(super) fn is_event_sourced(&self) -> bool {
        self.persist == "event_sourced"
    }
}

impl MethodShape {
    fn of(method: &MethodSchemas) -> Self {
        let bare = |schema: &schemars::Schema| bare(schema.as_value().clone());
        Self {
            is_shared: !method.exclusive,
            is_internal: method.internal,
            arguments: bare(&method.message()),
            reply: bare(&method.reply),
            error: method.error.as_ref().map(bare),
        }
    }
}

fn bare_definitions(definitions: &Map<String, Value>) -> Definitions {
    definitions.iter().map(|(name, schema)| (name.clone(), bare(schema.clone()))).collect()
}

/// A schema without words, so that a better comment is no change.
fn bare(schema: Value) -> Value {
    match schema {
        Value::Array(all) => all.into_iter().map(bare).collect(),
        Value::Object(object) => object
            .into_iter()
            .filter(|(key, _)| !WORDS.contains(&key.as_str()))
            .map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    // Under these lie names, and a field may be called `title`.
                    ("properties" | "patternProperties", Value::Object(named)) => {
                        named.into_iter().map(|(name, schema)| (name, bare(schema))).collect()
                    }
                    ("required", Value::Array(mut names)) => {
                        names.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                        Value::Array(names)
                    }
                    ("enum" | "const", values) => values,
                    (_, value) => bare(value),
                };
                (key, value)
            })
            .collect(),
        other => other,
    }
}

/// Objects with their names in order, whatever order the program keeps objects in.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(all) => all.into_iter().map(sorted).collect(),
        Value::Object(object) => {
            let ordered: BTreeMap<_, _> =
                object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            ordered.into_iter().collect()
        }
        other => other,
    }
}
