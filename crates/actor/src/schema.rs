//! What data looks like, where that can be told: a type that implements [`JsonSchema`] is
//! described, every other one is unknown, and says so.
//!
//! Nothing here runs before somebody asks: a type's schema is a handful of function pointers.

use std::any::type_name;
use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The keyword of a schema that is none: its value is the name of the Rust type.
pub const UNKNOWN_KEYWORD: &str = "x-tenure-unknown";

/// The keyword of the other names under which a field or a variant is read as well.
pub const ALIASES_KEYWORD: &str = "x-tenure-aliases";

/// The keyword of the variant that every unknown one is read as.
pub const OTHER_KEYWORD: &str = "x-tenure-other";

/// How the schema of one type is made.
#[derive(Clone, Copy, Debug)]
pub struct TypeSchema {
    is_known: bool,
    inline: fn() -> bool,
    name: fn() -> Cow<'static, str>,
    id: fn() -> Cow<'static, str>,
    whole: fn(&mut SchemaGenerator) -> Schema,
    used: fn(&mut SchemaGenerator) -> Schema,
}

impl TypeSchema {
    /// That of a type which describes itself.
    #[must_use]
    pub const fn of<T: JsonSchema>() -> Self {
        Self {
            is_known: true,
            inline: T::inline_schema,
            name: T::schema_name,
            id: T::schema_id,
            whole: T::json_schema,
            used: SchemaGenerator::subschema_for::<T>,
        }
    }

    /// That of a type which does not.
    #[must_use]
    pub const fn unknown<T: ?Sized>() -> Self {
        Self {
            is_known: false,
            inline: || true,
            name: || Cow::Borrowed("Unknown"),
            id: || Cow::Borrowed(type_name::<T>()),
            whole: unknown::<T>,
            used: unknown::<T>,
        }
    }

    /// Whether the type itself can be described; what it is made of may still not be.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.is_known
    }

    /// The schema, for use in another: where the type has a name it is a `$ref` to a definition
    /// that `generator` keeps. A type that cannot be described gives `{"x-tenure-unknown": ..}`.
    #[must_use]
    pub fn describe(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.used)(generator)
    }
}

fn unknown<T: ?Sized>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ UNKNOWN_KEYWORD: type_name::<T>() })
}

/// Asks a type for its schema: `<Describe<T>>::TYPE` is an item of [`Describe`] where `T` describes
/// itself, and one of [`Undescribed`] for every other type. The compiler prefers the first.
#[derive(Debug)]
pub struct Describe<T>(PhantomData<T>);

/// The answer for types without a schema.
pub trait Undescribed {
    /// It is not known.
    const TYPE: TypeSchema;
}

impl<T> Undescribed for Describe<T> {
    const TYPE: TypeSchema = TypeSchema::unknown::<T>();
}

impl<T: JsonSchema> Describe<T> {
    /// The type's schema.
    pub const TYPE: TypeSchema = TypeSchema::of::<T>();
}

/// The fields of a `#[tenure::data]` type that may have no schema.
pub trait FieldSchemas {
    /// In the order of the source.
    const FIELDS: &'static [TypeSchema];
}

/// Stands for the field with this number, whatever its type is.
#[derive(Debug)]
pub struct Field<S, const N: usize>(PhantomData<fn() -> S>);

impl<S: FieldSchemas, const N: usize> Field<S, N> {
    const TYPE: &'static TypeSchema = &S::FIELDS[N];
}

impl<S: FieldSchemas, const N: usize> JsonSchema for Field<S, N> {
    fn inline_schema() -> bool {
        (Self::TYPE.inline)()
    }

    fn schema_name() -> Cow<'static, str> {
        (Self::TYPE.name)()
    }

    fn schema_id() -> Cow<'static, str> {
        (Self::TYPE.id)()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        (Self::TYPE.whole)(generator)
    }
}

/// What the data of an actor type looks like.
#[derive(Clone, Copy, Debug, Default)]
pub struct DataTypes {
    /// The stored state; `None` where it is never stored.
    pub state: Option<TypeSchema>,
    /// What it publishes, or what its state follows from.
    pub event: Option<TypeSchema>,
    /// The states of older schemas that are still read, in order.
    pub upgrades: &'static [(u32, TypeSchema)],
}

/// An argument of a method.
#[derive(Clone, Copy, Debug)]
pub struct ArgumentType {
    /// Its name.
    pub name: &'static str,
    /// What it looks like.
    pub schema: TypeSchema,
    /// Whether it is written as an `Option`.
    pub is_option: bool,
}

/// What a method takes and gives.
#[derive(Clone, Copy, Debug)]
pub struct MethodTypes {
    /// Its documentation, line by line.
    pub docs: &'static [&'static str],
    /// Its arguments, in order.
    pub arguments: &'static [ArgumentType],
    /// What it replies.
    pub reply: TypeSchema,
    /// How it fails; `None` if it cannot.
    pub error: Option<TypeSchema>,
    /// The statuses of its errors; see [`AppError::statuses`](crate::AppError::statuses).
    pub error_statuses: fn() -> &'static [u16],
}

impl MethodTypes {
    /// Those of a method that takes nothing and replies nothing.
    pub const NONE: Self = Self {
        docs: &[],
        arguments: &[],
        reply: TypeSchema::of::<()>(),
        error: None,
        error_statuses: || &[],
    };
}
