//! Actors, live and stored: lists, one of them, deactivation and deletion.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde::Serialize;
use tenure_actor::{ActorType, Answered, Invocation, Method};
use tenure_observe::{LiveActor, StoredActor};
use tenure_types::{CallError, Key};

use super::answers::{json, problem};
use super::shown::Admin;
use crate::calls::{decode, suggest};
use crate::problem::{Problem, echo};

/// How many actors a page has where none is said, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

type Answer = Result<Response, Box<Problem>>;

#[derive(Serialize)]
struct Page<T> {
    actors: Vec<T>,
    /// The page after this one begins after this key; none where this is the last.
    next: Option<String>,
}

#[derive(Serialize)]
struct ActorPage {
    #[serde(rename = "type")]
    type_name: &'static str,
    key: String,
    live: Option<LiveActor>,
    stored: Option<StoredActor>,
    /// The newest state: of the activation, else of the store.
    state: Option<serde_json::Value>,
    /// Why the state cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Default)]
struct Wanted {
    type_name: String,
    after: Option<Key>,
    limit: usize,
    stored: bool,
}

pub(super) async fn list(State(admin): State<Arc<Admin>>, RawQuery(query): RawQuery) -> Response {
    or_problem(list_page(&admin, query.as_deref().unwrap_or_default()).await)
}

async fn list_page(admin: &Admin, query: &str) -> Answer {
    let wanted = read_query(query)?;
    let Wanted { type_name, after, limit, stored } = &wanted;
    if *stored {
        // One more than asked for tells whether there is another page.
        let found = admin.actors.stored(type_name, after.as_ref(), limit + 1).await;
        let found = found.map_err(failed)?;
        // The store may answer with fewer than there are, but never with none of them.
        let has_more = match found.last() {
            Some(last) if found.len() <= *limit => {
                let after = read_key(&last.key)?;
                let next = admin.actors.stored(type_name, Some(&after), 1).await;
                !next.map_err(failed)?.is_empty()
            }
            last => last.is_some(),
        };
        return Ok(page(found, *limit, has_more, |actor| &actor.key));
    }
    let actor_type = find_type(admin, type_name)?;
    let found = admin.actors.live(actor_type, after.as_ref(), limit + 1);
    let has_more = found.len() > *limit;
    Ok(page(found, *limit, has_more, |actor| &actor.key))
}

fn page<T: Serialize>(
    mut actors: Vec<T>,
    limit: usize,
    has_more: bool,
    key: impl Fn(&T) -> &String,
) -> Response {
    actors.truncate(limit);
    let next = actors.last().filter(|_| has_more).map(|last| key(last).clone());
    json(StatusCode::OK, &Page { actors, next })
}

fn read_query(query: &str) -> Result<Wanted, Box<Problem>> {
    let bad = |detail: String| Box::new(Problem::bad_request(detail));
    let mut wanted = Wanted { limit: PAGE, ..Wanted::default() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Ok(value) = decode(value) else {
            return Err(bad(format!("`{}` has a '%' that no two digits follow", echo(name))));
        };
        match name {
            "type" => wanted.type_name = value.into_owned(),
            "after" => wanted.after = Some(read_key(&value)?),
            "stored" => {
                wanted.stored =
                    value.parse().map_err(|_| bad("`stored` is true or false".into()))?;
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
                let wrong = || bad(format!("`limit` is a number from 1 to {PAGE_MAX}"));
                wanted.limit = limit.ok_or_else(wrong)?;
            }
            _ => {
                let detail = "a list of actors takes `type`, `after`, `limit` and `stored`";
                return Err(bad(format!("{detail}; this one has `{}`", echo(name))));
            }
        }
    }
    if wanted.type_name.is_empty() {
        return Err(bad("say which type: /admin/v1/actors?type=cart".into()));
    }
    Ok(wanted)
}

fn find_type<'a>(admin: &'a Admin, name: &str) -> Result<&'a ActorType, Box<Problem>> {
    let found = admin.types.iter().find(|it| it.name.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<_> = admin.types.iter().map(|it| it.name.as_str()).collect();
        let hint = suggest::hint(name, "types", &names);
        Problem::not_found(format!("there is no actor type `{}`{hint}", echo(name))).into()
    })
}

fn read_key(key: &str) -> Result<Key, Box<Problem>> {
    Key::new(key).map_err(|error| Problem::bad_request(error.to_string()).into())
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path((type_name, key)): Path<(String, String)>,
) -> Response {
    or_problem(show_one(&admin, &type_name, &key).await)
}

async fn show_one(admin: &Admin, type_name: &str, key: &str) -> Answer {
    let actor_type = find_type(admin, type_name)?;
    let key = read_key(key)?;
    let live = admin.actors.live_one(actor_type, &key);
    let stored = match actor_type.persist.is_stored() {
        true => admin.actors.stored_one(actor_type, key.clone()).await.map_err(failed)?,
        false => None,
    };
    if live.is_none() && stored.is_none() {
        let detail = format!("{type_name}/{} is neither in memory nor stored", echo(&key));
        return Err(Problem::not_found(detail).into());
    }
    let (stored, kept) = stored.map_or((None, None), |(stored, state)| (Some(stored), Some(state)));
    let shown = match &live {
        Some(_) if actor_type.persist.is_stored() => Some(inspect(admin, actor_type, &key).await),
        _ => kept,
    };
    let (state, error) = match shown {
        Some(Ok(state)) => (Some(state), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let type_name = actor_type.name.as_str();
    let page = ActorPage { type_name, key: key.to_string(), live, stored, state, error };
    Ok(json(StatusCode::OK, &page))
}

/// The state of an activation.
async fn inspect(
    admin: &Admin,
    actor_type: &ActorType,
    key: &Key,
) -> Result<serde_json::Value, String> {
    let answered = call(admin, actor_type.standing.inspect, key.clone()).await;
    let answered = answered.map_err(|problem| problem.detail)?;
    serde_json::from_slice(&answered.json).map_err(|error| error.to_string())
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path((type_name, key)): Path<(String, String)>,
) -> Response {
    let deleted = async {
        let actor_type = find_type(&admin, &type_name)?;
        call(&admin, actor_type.standing.delete, read_key(&key)?).await?;
        tracing::info!(actor = %format_args!("{type_name}/{key}"), "deleted by the admin server");
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    or_problem(deleted.await)
}

pub(super) async fn deactivate(
    State(admin): State<Arc<Admin>>,
    Path((type_name, key)): Path<(String, String)>,
) -> Response {
    let left = async {
        let actor_type = find_type(&admin, &type_name)?;
        match admin.actors.deactivate(actor_type, read_key(&key)?).await {
            true => Ok(StatusCode::NO_CONTENT.into_response()),
            false => {
                let detail = format!("{type_name}/{} stays busy; try again", echo(&key));
                let status = StatusCode::CONFLICT;
                Err(Problem::new(status, "busy", "Busy", detail).into())
            }
        }
    };
    or_problem(left.await)
}

async fn call(admin: &Admin, method: &Method, key: Key) -> Result<Answered, Box<Problem>> {
    let invoked = (method.invoke)(Invocation {
        host: &admin.host,
        key,
        body: b"",
        query: None,
        deadline: None,
        one_way: false,
        idempotency_key: None,
        durable: false,
        after: None,
        receipt: None,
    });
    let future = invoked.map_err(failed)?;
    future.await.map_err(|error| Problem::from_call(error, false).into())
}

fn failed(error: CallError) -> Box<Problem> {
    Problem::from_call(error.widen(), false).into()
}

fn or_problem(answer: Answer) -> Response {
    answer.unwrap_or_else(|told| problem(&told))
}
