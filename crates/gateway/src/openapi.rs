//! The OpenAPI 3.1 document of what can be called over HTTP, made from the actors' schemas.

mod arguments;
mod bounds;
mod feeds;
mod headers;
mod operations;
mod parameters;
mod problems;
mod responses;
mod topics;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use tenure_actor::{ActorSchemas, ActorType};

/// What a document says besides what the actor types themselves tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenApi {
    /// The document's title.
    pub title: String,
    /// The version of what is described; no business of Tenure.
    pub version: String,
    /// How callers say who they are; any one of these will do. Empty where nobody is asked.
    pub security: Vec<SecurityScheme>,
}

/// One way in which callers say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecurityScheme {
    /// `Authorization: Bearer`, with an API key or another opaque word.
    Bearer,
    /// `Authorization: Bearer`, with a JSON Web Token.
    Jwt,
    /// `X-API-Key`.
    ApiKey,
}

impl Default for OpenApi {
    fn default() -> Self {
        Self { title: "Actors".to_owned(), version: "1".to_owned(), security: Vec::new() }
    }
}

impl OpenApi {
    /// The document for actors of `types`, in OpenAPI 3.1. Methods that are `internal` are not in
    /// it; types without a schema are, and take everything.
    ///
    /// # Examples
    /// ```
    /// let document = tenure_gateway::OpenApi::default().document(&[]);
    /// assert_eq!(document["openapi"], "3.1.0");
    /// ```
    #[must_use]
    pub fn document(&self, types: &[ActorType]) -> Value {
        let settings = SchemaSettings::draft2020_12().for_deserialize();
        let mut generator =
            settings.with(|it| it.definitions_path = "/components/schemas".into()).into_generator();
        let mut described: Vec<_> =
            types.iter().map(|it| it.schemas_with(&mut generator)).collect();
        described.sort_by_key(|it| it.name);
        let mut schemas = generator.take_definitions(true);
        schemas.insert(problems::NAME.to_owned(), problems::schema());
        let is_guarded = !self.security.is_empty();
        let mut paths = Map::new();
        for actor in &described {
            operations::add(&mut paths, actor, &schemas, is_guarded);
        }
        topics::add(&mut paths, &mut schemas, &described, is_guarded);
        feeds::add(&mut paths, is_guarded);
        let mut document = json!({
            "openapi": "3.1.0",
            "info": { "title": self.title, "version": self.version, "description": ABOUT },
            "tags": described.iter().map(tag).collect::<Vec<_>>(),
            "paths": paths,
            "components": {
                "schemas": schemas,
                "parameters": parameters::components(),
                "headers": headers::components(),
                "responses": problems::responses(),
            },
        });
        if is_guarded {
            let names = self.security.iter().map(|it| json!({ it.name(): [] }));
            document["security"] = names.collect();
            let schemes = self.security.iter().map(|it| (it.name().to_owned(), it.scheme()));
            document["components"]["securitySchemes"] = Value::Object(schemes.collect());
        }
        bounds::write(&mut document);
        document
    }
}

impl SecurityScheme {
    fn name(self) -> &'static str {
        match self {
            SecurityScheme::Bearer => "bearer",
            SecurityScheme::Jwt => "jwt",
            SecurityScheme::ApiKey => "apiKey",
        }
    }

    fn scheme(self) -> Value {
        match self {
            SecurityScheme::Bearer => json!({ "type": "http", "scheme": "bearer" }),
            SecurityScheme::Jwt => {
                json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" })
            }
            SecurityScheme::ApiKey => {
                json!({ "type": "apiKey", "in": "header", "name": "X-API-Key" })
            }
        }
    }
}

const ABOUT: &str = "Calls on actors: each has a type and a key, and its methods run one at a time. \
Errors are problems (RFC 9457) that say whether the call had an effect.";

fn tag(actor: &ActorSchemas) -> Value {
    let persist = actor.persist.as_str();
    let about = format!("Actors of type `{}` ({persist}).", actor.name);
    json!({ "name": actor.name, "description": about })
}
