//! Open sessions: a list of them, and their end.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde::Serialize;

use super::answers::{json, problem};
use super::shown::Admin;
use crate::calls::decode;
use crate::gateway::SessionShown;
use crate::problem::{Problem, echo};

/// How many sessions a page has where none is said, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

#[derive(Serialize)]
struct Page {
    sessions: Vec<SessionShown>,
    /// The page after this one begins after this id; none where this is the last.
    next: Option<String>,
}

#[derive(Serialize)]
struct Ended {
    ended: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    user: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(State(admin): State<Arc<Admin>>, RawQuery(query): RawQuery) -> Response {
    let wanted = match read_query(query.as_deref().unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(told) => return problem(&told),
    };
    let Wanted { user, after, limit } = wanted;
    let limit = limit.unwrap_or(PAGE);
    // One more than asked for tells whether there is another page.
    let after = after.unwrap_or_default();
    let mut sessions = admin.sessions.list(user.as_deref(), &after, limit + 1);
    let has_more = sessions.len() > limit;
    sessions.truncate(limit);
    let next = sessions.last().filter(|_| has_more).map(|last| last.id.clone());
    json(StatusCode::OK, &Page { sessions, next })
}

/// Ends what one user has open. Everybody's sessions end with the node, and in no other way.
pub(super) async fn end_of_user(
    State(admin): State<Arc<Admin>>,
    RawQuery(query): RawQuery,
) -> Response {
    let wanted = match read_query(query.as_deref().unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(told) => return problem(&told),
    };
    let Wanted { user: Some(user), after: None, limit: None } = wanted else {
        let detail = "say whose sessions are to end, and nothing else: \
                      /admin/v1/sessions?user=alice; or name one: /admin/v1/sessions/{id}";
        return problem(&Problem::bad_request(detail));
    };
    let ended = admin.sessions.kick_user(&user);
    tracing::info!(user, ended, "sessions were ended by the admin server");
    json(StatusCode::OK, &Ended { ended })
}

pub(super) async fn end(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    if admin.sessions.kick(&id) {
        tracing::info!(session = id, "ended by the admin server");
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("no session `{}` is open on this node", echo(&id));
    problem(&Problem::not_found(detail))
}

fn read_query(query: &str) -> Result<Wanted, Box<Problem>> {
    let bad = |detail: String| Box::new(Problem::bad_request(detail));
    let mut wanted = Wanted::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value)
            .map_err(|_| bad(format!("`{}` has a '%' that no two digits follow", echo(name))))?;
        match name {
            // Nobody's sessions are not everybody's.
            "user" if value.is_empty() => {
                return Err(bad("`user` is a name; leave it out for all users".into()));
            }
            "user" => wanted.user = Some(value.into_owned()),
            "after" => wanted.after = Some(value.into_owned()),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
                let wrong = || bad(format!("`limit` is a number from 1 to {PAGE_MAX}"));
                wanted.limit = Some(limit.ok_or_else(wrong)?);
            }
            _ => {
                let detail = "sessions are chosen by `user`, `after` and `limit`";
                let detail = format!("{detail}; this question has `{}`", echo(name));
                return Err(bad(detail));
            }
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_or_told_what_is_wrong() {
        let wanted = read_query("user=a%20b&limit=7&after=x").unwrap();
        let user = Some("a b".to_owned());
        assert_eq!(wanted, Wanted { user, after: Some("x".to_owned()), limit: Some(7) });
        assert_eq!(read_query("").unwrap(), Wanted::default());
        for wrong in ["user=", "limit=0", "limit=1001", "limit=x", "usr=a", "user=%zz"] {
            assert!(read_query(wrong).is_err(), "{wrong}");
        }
    }
}
