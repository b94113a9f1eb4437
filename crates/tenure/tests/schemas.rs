//! What a program says of its data: described where it can be, and "unknown" where it cannot.

#![allow(missing_docs, reason = "what is described here is nobody's")]

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenure::__private::schemars::{JsonSchema, SchemaGenerator};
use tenure::__private::{Actor, ActorSchemas, ActorType, Undescribed as _};
use tenure::prelude::*;

/// Of another crate, which knows nothing of schemas.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Foreign {
    id: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ForeignOf<T>(T);

mod seconds {
    pub(crate) fn serialize<S: serde::Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.to_string())
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One thing in a cart.
#[tenure::data]
pub struct Line {
    /// What it is.
    #[serde(alias = "name")]
    pub item: String,
    #[serde(default)]
    pub count: u32,
    pub note: Option<String>,
}

#[tenure::data]
pub struct Page<T> {
    all: Vec<T>,
    foreign: Option<ForeignOf<T>>,
    mark: PhantomData<T>,
}

#[tenure::data]
pub enum Change {
    Cleared,
    #[serde(alias = "Put")]
    Added(Line),
    Foreign {
        who: Foreign,
    },
    #[serde(with = "seconds")]
    At(u64),
}

#[tenure::data]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Tagged {
    One,
    Two(Line),
    Three {
        by: Option<Foreign>,
    },
    #[serde(other)]
    Other,
}

#[tenure::data]
#[serde(from = "String", into = "String")]
#[derive(Clone)]
pub struct Name(String);

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[tenure::data(no_schema)]
#[derive(Default)]
pub struct Hidden {
    value: u8,
}

#[tenure::data]
#[derive(Default)]
pub struct Flat {
    deep: u8,
}

/// What a customer wants.
#[tenure::data]
#[derive(Default)]
#[serde(rename_all = "camelCase")]
pub struct Basket {
    lines: Vec<Line>,
    by_shop: BTreeMap<String, Vec<Line>>,
    children: Vec<Basket>,
    #[serde(default)]
    foreign: Foreign,
    maybe_foreign: Option<Foreign>,
    many_foreign: Vec<Foreign>,
    #[serde(default, with = "seconds")]
    since: u64,
    #[serde(
        default,
        serialize_with = "seconds::serialize",
        deserialize_with = "seconds::deserialize"
    )]
    until: u64,
    #[serde(skip)]
    cached: u8,
    #[serde(flatten)]
    flat: Flat,
    page: Option<Page<u8>>,
    tagged: Option<Tagged>,
    name: Option<Name>,
    hidden: Hidden,
    #[cfg(any())]
    absent: Nowhere,
    #[cfg(not(any()))]
    pair: (u8, ForeignOf<u8>),
    timer: Option<tenure::TimerId>,
}

#[tenure::error]
pub enum Full {
    #[problem(status = 409, "no room for {item}")]
    NoRoom { item: String, why: Foreign },
}

#[actor(events = Change, schema = 2)]
impl Basket {
    #[upgrade(from = 1)]
    fn upgrade_1(old: Line) -> Self {
        Self { lines: vec![old], ..Self::default() }
    }

    /// Puts something in.
    ///
    /// Twice as well.
    pub fn put(
        &mut self,
        line: Line,
        times: Option<u8>,
        who: Option<Foreign>,
    ) -> Result<u32, Full> {
        let _ = (times, who);
        self.lines.push(line);
        Ok(1)
    }

    pub fn look(&self, foreign: Foreign) -> Vec<Foreign> {
        vec![foreign]
    }

    #[handler]
    fn tick(&mut self) {}

    #[activate]
    fn wake(&mut self) {
        let _ = (self.cached, self.since, self.until, self.flat.deep, self.hidden.value);
    }
}

fn described<T: JsonSchema>() -> Value {
    SchemaGenerator::default().into_root_schema_for::<T>().into()
}

fn schemas<A: Actor>() -> ActorSchemas {
    ActorType::of::<A>().expect("a good name").schemas()
}

#[test]
fn fields_are_described_one_by_one() {
    let schemas = schemas::<Basket>();
    assert_eq!(schemas.state.map(Value::from), Some(json!({ "$ref": "#/$defs/Basket" })));
    let basket = &schemas.definitions["Basket"];
    assert_eq!(basket["description"], "What a customer wants.");
    let fields = &basket["properties"];
    let line = json!({ "$ref": "#/$defs/Line" });
    assert_eq!(fields["lines"], json!({ "type": "array", "items": line }));
    assert_eq!(fields["byShop"]["additionalProperties"]["items"], line);
    assert_eq!(fields["children"]["items"], json!({ "$ref": "#/$defs/Basket" }));
    let foreign = std::any::type_name::<Foreign>();
    assert_eq!(fields["foreign"]["x-tenure-unknown"], foreign);
    assert_eq!(fields["maybeForeign"]["x-tenure-unknown"], foreign);
    assert_eq!(fields["manyForeign"]["x-tenure-unknown"], std::any::type_name::<Vec<Foreign>>());
    assert_eq!(fields["since"]["x-tenure-unknown"], "u64", "its stored form is another");
    assert_eq!(fields["until"]["x-tenure-unknown"], "u64");
    assert_eq!(fields["deep"]["type"], "integer", "what is flattened lies beside");
    assert_eq!(fields["name"]["type"], json!(["string", "null"]), "what is read is a text");
    assert_eq!(fields["hidden"]["x-tenure-unknown"], std::any::type_name::<Hidden>());
    assert!(fields["pair"]["x-tenure-unknown"].is_string());
    assert_eq!(fields["timer"]["type"], "null");
    for absent in ["cached", "absent"] {
        assert!(fields.get(absent).is_none(), "{absent}");
    }
    let required: Vec<_> = basket["required"].as_array().unwrap().iter().collect();
    assert_eq!(required, ["lines", "byShop", "children", "manyForeign", "deep", "hidden", "pair"]);
}

macro_rules! holding {
    ($name:ident, $ty:ty) => {
        #[tenure::data]
        #[derive(Default)]
        pub struct $name {
            held: $ty,
        }
    };
}

holding!(HoldingOption, Option<Foreign>);
holding!(HoldingNumber, u8);

/// A default of the whole, a converted field, and nothing of serde in scope.
mod alone {
    #[tenure::data]
    #[serde(default)]
    #[derive(Default)]
    pub(crate) struct Alone {
        #[serde(with = "super::seconds")]
        since: u64,
        name: String,
    }
}

#[test]
fn types_that_come_through_macros_and_defaults_are_described() {
    let option = described::<HoldingOption>();
    assert_eq!(option.get("required"), None, "an option may be left out");
    let number = described::<HoldingNumber>();
    assert_eq!(number["properties"]["held"]["format"], "uint8");
    let alone = described::<alone::Alone>();
    assert_eq!(alone.get("required"), None, "all of it has a default: {alone}");
    assert!(alone["properties"]["since"]["x-tenure-unknown"].is_string());
    assert_eq!(alone["properties"]["name"]["type"], "string");
}

#[test]
fn types_are_described_as_serde_reads_them() {
    let schemas = schemas::<Basket>();
    let line = &schemas.definitions["Line"];
    assert_eq!(line["required"], json!(["item"]));
    assert_eq!(line["properties"]["item"]["x-tenure-aliases"], json!(["name"]));
    assert_eq!(line["properties"]["item"]["description"], "What it is.");
    let page = schemas.definitions.keys().find(|name| name.starts_with("Page")).unwrap();
    let page = &schemas.definitions[page]["properties"];
    assert_eq!(page["all"]["items"]["format"], "uint8");
    assert!(page["foreign"]["x-tenure-unknown"].is_string(), "{page}");
    let tagged = &schemas.definitions["Tagged"]["oneOf"];
    assert_eq!(tagged[1]["$ref"], "#/$defs/Line");
    assert_eq!(tagged[3]["x-tenure-other"], true);
    let change = Value::from(schemas.event.expect("it has events"));
    assert_eq!(change, json!({ "$ref": "#/$defs/Change" }));
    let change = &schemas.definitions["Change"]["oneOf"];
    assert_eq!(change[0]["enum"], json!(["Cleared"]));
    assert_eq!(change[1]["x-tenure-aliases"], json!(["Put"]));
    assert!(
        change[2]["properties"]["Foreign"]["properties"]["who"]["x-tenure-unknown"].is_string()
    );
    assert!(change[3]["properties"]["At"]["x-tenure-unknown"].is_string(), "{change}");
}

#[test]
fn methods_have_names_types_and_words() {
    let schemas = schemas::<Basket>();
    let names: Vec<_> = schemas.methods.iter().map(|it| (it.name, it.internal)).collect();
    assert_eq!(names, [("put", false), ("look", false), ("tick", true)], "hooks are nobody's");
    let put = &schemas.methods[0];
    assert_eq!(put.docs, "Puts something in.\n\nTwice as well.");
    let arguments: Vec<_> = put.arguments.iter().map(|it| (it.name, it.is_optional)).collect();
    assert_eq!(arguments, [("line", false), ("times", true), ("who", true)]);
    assert_eq!(Value::from(put.message())["required"], json!(["line"]));
    assert_eq!(Value::from(put.reply.clone())["format"], "uint32");
    let full = &schemas.definitions["Full"]["oneOf"][0]["properties"]["NoRoom"]["properties"];
    assert!(put.error.is_some());
    assert_eq!(full["item"]["type"], "string");
    assert!(full["why"]["x-tenure-unknown"].is_string());
    let look = &schemas.methods[1];
    assert!(look.error.is_none());
    assert!(look.reply.get("x-tenure-unknown").is_some());
    let old = &schemas.upgrades[0];
    assert_eq!(old.from, 1);
    assert!(old.definitions.contains_key("Line") && !old.definitions.contains_key("Basket"));
}

#[test]
fn a_type_without_a_schema_is_unknown_and_one_that_is_not_stored_has_none() {
    #[derive(Default, Serialize, Deserialize)]
    struct Plain {
        value: u8,
    }

    #[actor]
    impl Plain {
        pub fn get(&self) -> u8 {
            self.value
        }
    }

    #[derive(Default)]
    struct Gone;

    #[actor(persist = volatile)]
    impl Gone {
        pub fn get(&self) {}
    }

    let state = schemas::<Plain>().state.expect("it is stored");
    assert_eq!(state.get("x-tenure-unknown"), Some(&std::any::type_name::<Plain>().into()));
    assert!(schemas::<Gone>().state.is_none());
    assert!(!<tenure::__private::Describe<Foreign>>::TYPE.is_known());
    assert!(<tenure::__private::Describe<Line>>::TYPE.is_known());
}
