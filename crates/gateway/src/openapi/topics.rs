//! What clients that follow actors are sent, over a WebSocket or as an event stream.

use serde_json::{Map, Value, json};
use tenure_actor::{ActorSchemas, MethodSchemas};

use super::{parameters, responses};

/// Under this name a document says, for each type that publishes, what a client begins with and what each event is.
/// No type of Rust has a name with a dot.
const NAME: &str = "tenure.Topics";

/// Adds what the actors publish: a schema of all, and the path of each type's event stream.
pub(super) fn add(
    paths: &mut Map<String, Value>,
    schemas: &mut Map<String, Value>,
    actors: &[ActorSchemas],
    is_guarded: bool,
) {
    let mut topics = Map::new();
    for actor in actors {
        let Some(event) = &actor.event else { continue };
        let attach = actor.methods.iter().find(|it| Some(it.name) == actor.attach);
        topics.insert(actor.name.to_owned(), topic(event.as_value(), attach));
        let path = format!("/v1/{}/{{key}}/events", actor.name);
        paths.insert(path, stream(actor, attach, is_guarded));
    }
    if topics.is_empty() {
        return;
    }
    let all = object("What clients are sent that follow an actor, by its type.", &topics);
    schemas.insert(NAME.to_owned(), all);
}

fn topic(event: &Value, attach: Option<&MethodSchemas>) -> Value {
    // Where no method lets clients in, everybody is let in, and told nothing.
    let begin = attach.map_or_else(|| json!({ "type": "null" }), |it| it.reply.clone().into());
    let parts = [("begin".to_owned(), begin), ("event".to_owned(), event.clone())];
    let parts = parts.into_iter().collect();
    object("What a client begins with, and what it is sent after that.", &parts)
}

fn object(about: &str, properties: &Map<String, Value>) -> Value {
    json!({
        "type": "object",
        "description": about,
        "required": properties.keys().collect::<Vec<_>>(),
        "properties": properties,
    })
}

fn stream(actor: &ActorSchemas, attach: Option<&MethodSchemas>, is_guarded: bool) -> Value {
    let position = |name: &str, place: &str| {
        json!({
            "name": name,
            "in": place,
            "description": "`epoch:offset`, the `id` of the last event that was seen: go on behind it.",
            "schema": { "type": "string" },
        })
    };
    let mut all = responses::problems_of(&[400, 404, 429, 500, 502, 503, 504], is_guarded);
    if let Some(attach) = attach {
        responses::add_errors(&mut all, attach);
    }
    let about = format!(
        "Server-sent events, until the client goes. The data of `begin` and of `reset` is JSON, the `begin` of \
         `{0}` in `{NAME}`; that of the others is its `event`.",
        actor.name
    );
    let content = json!({ "text/event-stream": { "schema": { "type": "string" } } });
    all.insert("200".to_owned(), json!({ "description": about, "content": content }));
    let follow = json!({
        "operationId": format!("{}.events.get", actor.name),
        "tags": [actor.name],
        "summary": "Follows the actor's events.",
        "parameters": [position("Last-Event-ID", "header"), position("after", "query")],
        "responses": all,
    });
    json!({ "parameters": [parameters::reference("Key")], "get": follow })
}
