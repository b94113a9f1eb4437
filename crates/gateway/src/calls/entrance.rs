//! Who is let in.

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::front::Caller;
use crate::auth::{Access, Identity, Refusal};
use crate::problem::Problem;

/// What is to be entered.
pub(super) struct Entrance<'a> {
    pub(super) actor_type: &'a str,
    pub(super) key: &'a str,
    pub(super) method: &'a str,
    pub(super) exclusive: bool,
}

/// Lets a request in, and says whose it is, where the node asks.
pub(super) async fn authorise(
    caller: &Caller,
    parts: &Parts,
    entrance: &Entrance<'_>,
    who: &mut Option<String>,
) -> Result<Option<Identity>, Box<Problem>> {
    let &Entrance { actor_type, key, method, exclusive } = entrance;
    let identity = match &caller.front.credentials {
        None => None,
        Some(credentials) => {
            let identity = credentials.identify(&parts.headers).map_err(refused)?;
            *who = Some(identity.name().to_owned());
            if identity.is_read_only() && exclusive {
                let detail = "this key may only call methods that read".into();
                return Err(refused(Refusal::Forbidden { detail }));
            }
            Some(identity)
        }
    };
    let Some(hook) = &caller.front.authorise else {
        return Ok(identity);
    };
    let access = Access {
        http_method: &parts.method,
        actor_type,
        key,
        method,
        exclusive,
        identity: identity.as_ref(),
        headers: &parts.headers,
        peer: caller.peer,
    };
    hook.authorise(access).await.map_err(refused)?;
    Ok(identity)
}

pub(super) fn refused(refusal: Refusal) -> Box<Problem> {
    let (status, detail, challenge) = match refusal {
        Refusal::Unauthenticated { detail, challenge } => {
            (StatusCode::UNAUTHORIZED, detail, Some(challenge))
        }
        Refusal::Forbidden { detail } => (StatusCode::FORBIDDEN, detail, None),
    };
    let mut problem = Problem::denied(status, detail);
    problem.challenge = challenge;
    problem.into()
}
