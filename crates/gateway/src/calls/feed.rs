//! A page of a feed: `GET /v1/_feeds/{name}?after=..&limit=100&wait=10s`.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use serde::Serialize;
use serde_json::value::RawValue;
use tenure_types::FeedName;

use super::entrance::{Entrance, authorise};
use super::front::Caller;
use super::head::Head;
use super::path::decode;
use super::sending::parse;
use crate::feeds::{FEED_LIMIT_MAX as LIMIT_MAX, FeedAnswer, FeedRefusal, FeedStart, FeedWanted};
use crate::problem::{Problem, echo};

/// What is not under an actor type: no type is named like this.
pub(super) const TYPE_NAME: &str = "_feeds";
const PREFIX: &str = "/v1/_feeds/";
/// How many entries a page has where none is said.
const LIMIT: usize = 100;
/// How long a page may be waited for: less than servers and proxies wait for a reply.
const WAIT_MAX: Duration = Duration::from_secs(60);

type Refused = Box<Problem>;

#[derive(Serialize)]
struct Page<'a> {
    entries: Vec<Entry<'a>>,
    cursor: &'a str,
    more: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "type")]
    type_name: &'a str,
    key: &'a str,
    version: u64,
    index: u32,
    at: u64,
    data: &'a RawValue,
}

/// The name of a feed in a path, still percent-encoded.
pub(super) fn name_in(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX)
}

pub(super) async fn read(
    caller: &Caller,
    parts: &Parts,
    name: &str,
    who: &mut Option<String>,
) -> Result<Response<Full<Bytes>>, Refused> {
    let front = &caller.front;
    let Some(feeds) = &front.feeds else {
        return Err(Problem::not_found("this node has no feeds").into());
    };
    let mut wanted = wanted(parts, name)?;
    let entrance = Entrance {
        actor_type: TYPE_NAME,
        key: wanted.feed.as_str(),
        method: "read",
        exclusive: false,
    };
    authorise(caller, parts, &entrance, who).await?;
    let head = Head::read(&parts.headers)?;
    let asked = head.check(parts.version >= Version::HTTP_11, false)?;
    if asked.has_body {
        let detail = "GET takes no body; `after`, `limit` and `wait` are in the query";
        return Err(Problem::bad_request(detail).closing().into());
    }
    wanted.wait = asked.budget.map_or(wanted.wait, |budget| wanted.wait.min(budget));
    let answer = feeds.read(wanted).await.map_err(refused)?;
    Ok(front.replies.page(page(&answer)?))
}

fn page(answer: &FeedAnswer) -> Result<Bytes, Refused> {
    let entries = answer.entries.iter().map(|entry| {
        let data = serde_json::from_slice(&entry.data)?;
        Ok(Entry {
            type_name: &entry.type_name,
            key: &entry.key,
            version: entry.version,
            index: entry.index,
            at: entry.at_ms,
            data,
        })
    });
    let written = entries.collect::<serde_json::Result<_>>().and_then(|entries| {
        serde_json::to_vec(&Page { entries, cursor: &answer.cursor, more: answer.has_more })
    });
    written.map(Bytes::from).map_err(|error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let detail = format!("an entry is no JSON: {error}");
        Problem::new(status, "storage", "Storage", detail).into()
    })
}

fn wanted(parts: &Parts, name: &str) -> Result<FeedWanted, Refused> {
    if parts.method != Method::GET {
        let detail = "a feed is read with GET; actors append to it";
        return Err(Problem::method_not_allowed("GET", detail).into());
    }
    let name = decode(name).unwrap_or(name.into());
    let feed = FeedName::new(&name).map_err(|error| bad(error.to_string()))?;
    let (mut after, mut limit, mut wait) = (None, None, None);
    let query = parts.uri.query().unwrap_or("");
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value).unwrap_or(value.into());
        let is_second = match name {
            "after" => after.replace(start(&value)).is_some(),
            "limit" => limit.replace(limit_of(&value)?).is_some(),
            "wait" => wait.replace(wait_of(&value)?).is_some(),
            _ => {
                let detail = "a feed takes the query `after`, `limit` and `wait` and no other";
                return Err(bad(format!("{detail}; this one has `{}`", echo(name))));
            }
        };
        if is_second {
            return Err(bad(format!("`{name}` occurs more than once")));
        }
    }
    Ok(FeedWanted {
        feed,
        from: after.unwrap_or(FeedStart::Oldest),
        limit: limit.unwrap_or(LIMIT),
        wait: wait.unwrap_or(Duration::ZERO),
    })
}

fn start(after: &str) -> FeedStart {
    match after {
        "" => FeedStart::Oldest,
        "latest" => FeedStart::Latest,
        cursor => FeedStart::After(cursor.to_owned()),
    }
}

fn limit_of(text: &str) -> Result<usize, Refused> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| {
        bad(format!("`limit` is a number from 1 to {LIMIT_MAX}; this one is {:?}", echo(text)))
    })
}

fn wait_of(text: &str) -> Result<Duration, Refused> {
    let wait = parse(text).filter(|wait| *wait <= WAIT_MAX);
    wait.ok_or_else(|| {
        bad(format!(
            "`wait` is a whole number and a unit of ms, s or m, at most {WAIT_MAX:?}, as in 10s; \
             this one is {:?}",
            echo(text)
        ))
    })
}

fn bad(detail: String) -> Refused {
    Problem::bad_request(detail).into()
}

fn refused(refusal: FeedRefusal) -> Refused {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    match refusal {
        FeedRefusal::Cursor { detail } => bad(format!("`after`: {detail}")),
        FeedRefusal::Overloaded { detail } => Problem::overloaded(detail).into(),
        FeedRefusal::Storage { detail } => Problem {
            retryable: true,
            retry_after_seconds: Some(1),
            ..Problem::new(unavailable, "storage", "Storage", detail)
        }
        .into(),
        FeedRefusal::Expired { oldest } => {
            let detail = "entries behind this cursor are not kept any more; go on with `oldest`, and \
                          know that some were missed";
            Problem {
                oldest: Some(oldest.into()),
                ..Problem::new(StatusCode::GONE, "expired", "Expired", detail)
            }
            .into()
        }
    }
}
