//! The schemas of an actor type, made when they are asked for.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::{ActorType, Method, MethodTypes, Persist, Shape, UNKNOWN_KEYWORD};

/// What an actor type stores, publishes, takes and gives, as JSON Schema (draft 2020-12) of what is
/// read. Doc comments are descriptions. What cannot be described is `{"x-tenure-unknown": ..}`.
#[derive(Clone, Debug)]
pub struct ActorSchemas {
    /// The type's name.
    pub name: &'static str,
    /// The version of its stored form.
    pub schema: u32,
    /// When its state is saved.
    pub persist: Persist,
    /// The stored state; `None` where it is never stored.
    pub state: Option<Schema>,
    /// What it publishes, or what its state follows from.
    pub event: Option<Schema>,
    /// The states of older schemas that are still read, in order.
    pub upgrades: Vec<OldState>,
    /// What can be called, in the order of the source. Those that only the type itself calls are
    /// there as well, as `internal`: their messages lie in stored reminders.
    pub methods: Vec<MethodSchemas>,
    /// The one of them that lets clients follow, and whose reply they begin with: `#[attach]`.
    pub attach: Option<&'static str>,
    /// What the others refer to as `#/$defs/..`. Empty where a generator was given.
    pub definitions: Map<String, Value>,
}

/// The state of an older schema.
#[derive(Clone, Debug)]
pub struct OldState {
    /// Its version.
    pub from: u32,
    /// What it looks like.
    pub state: Schema,
    /// What it refers to as `#/$defs/..`.
    pub definitions: Map<String, Value>,
}

/// What a method takes and gives.
#[derive(Clone, Debug)]
pub struct MethodSchemas {
    /// Its name.
    pub name: &'static str,
    /// Its documentation.
    pub docs: String,
    /// Whether its turns are exclusive.
    pub exclusive: bool,
    /// Whether it is kept off HTTP.
    pub internal: bool,
    /// How its arguments are written as text.
    pub shape: Shape,
    /// Its arguments, in order.
    pub arguments: Vec<ArgumentSchema>,
    /// What it replies.
    pub reply: Schema,
    /// How it fails; `None` if it cannot.
    pub error: Option<Schema>,
    /// The HTTP statuses of its errors, in order; empty where they are not known.
    pub error_statuses: Vec<u16>,
}

/// One argument of a method.
#[derive(Clone, Debug)]
pub struct ArgumentSchema {
    /// Its name.
    pub name: &'static str,
    /// What it looks like.
    pub schema: Schema,
    /// Whether a call that leaves it out is understood: it is an `Option`.
    pub is_optional: bool,
}

impl MethodSchemas {
    /// The arguments as one object of names, which is what travels and what reminders store.
    #[must_use]
    pub fn message(&self) -> Schema {
        let properties: Map<_, _> = self
            .arguments
            .iter()
            .map(|it| (it.name.to_owned(), it.schema.clone().into()))
            .collect();
        let required: Vec<_> =
            self.arguments.iter().filter(|it| !it.is_optional).map(|it| it.name).collect();
        json_schema!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

impl ActorType {
    /// The schemas of this type alone.
    #[must_use]
    pub fn schemas(&self) -> ActorSchemas {
        let mut generator = generator();
        let mut schemas = self.schemas_with(&mut generator);
        schemas.definitions = generator.take_definitions(true);
        schemas
    }

    /// The schemas of this type in a document of many, whose definitions `generator` keeps.
    #[must_use]
    pub fn schemas_with(&self, generator: &mut SchemaGenerator) -> ActorSchemas {
        let data = (self.data)();
        let hooks = [self.hooks.activate, self.hooks.deactivate];
        let is_hook = |method: &&Method| {
            hooks.iter().flatten().any(|hook| hook.info.name == method.info.name)
        };
        ActorSchemas {
            name: self.name.as_str(),
            schema: self.schema,
            persist: self.persist,
            state: data.state.map(|state| state.describe(generator)),
            event: data.event.map(|event| event.describe(generator)),
            upgrades: data.upgrades.iter().map(|(from, state)| old_state(*from, state)).collect(),
            methods: self
                .methods
                .iter()
                .filter(|method| !is_hook(method))
                .map(|method| of_method(method, generator))
                .collect(),
            attach: self.hooks.attach.map(|method| method.info.name),
            definitions: Map::new(),
        }
    }
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_deserialize().into_generator()
}

fn old_state(from: u32, state: &crate::TypeSchema) -> OldState {
    let mut generator = generator();
    let state = state.describe(&mut generator);
    OldState { from, state, definitions: generator.take_definitions(true) }
}

fn of_method(method: &Method, generator: &mut SchemaGenerator) -> MethodSchemas {
    let MethodTypes { docs, arguments, reply, error, error_statuses } = method.types;
    let mut error_statuses = error_statuses().to_vec();
    error_statuses.sort_unstable();
    error_statuses.dedup();
    let arguments = arguments.iter().map(|argument| {
        let schema = argument.schema.describe(generator);
        let is_optional = argument.is_option || takes_none(&schema);
        ArgumentSchema { name: argument.name, schema, is_optional }
    });
    MethodSchemas {
        name: method.info.name,
        docs: docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n"),
        exclusive: method.info.exclusive,
        internal: method.internal,
        shape: method.shape,
        arguments: arguments.collect(),
        reply: reply.describe(generator),
        error: error.map(|error| error.describe(generator)),
        error_statuses,
    }
}

/// Whether the schema is that of an `Option`: something, or null.
fn takes_none(schema: &Schema) -> bool {
    let is_null = |value: &Value| value.get("type").and_then(Value::as_str) == Some("null");
    let any_of = schema.get("anyOf").and_then(Value::as_array);
    let types = schema.get("type").and_then(Value::as_array);
    let values = schema.get("enum").and_then(Value::as_array);
    schema.get(UNKNOWN_KEYWORD).is_none()
        && (any_of.is_some_and(|all| all.iter().any(is_null))
            || types.is_some_and(|all| all.iter().any(|it| it == "null"))
            || values.is_some_and(|all| all.contains(&Value::Null)))
}
